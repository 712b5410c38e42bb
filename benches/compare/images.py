"""What is in an image that somebody wrote: how many bytes its layers take, and that they hold the payload."""

import json, os, tarfile

from .measure import Failed, output


def layers(layout):
    """Paths and sizes of the layers of a layout with one image."""
    blob = lambda descriptor: os.path.join(layout, "blobs", descriptor["digest"].replace(":", "/"))
    with open(os.path.join(layout, "index.json")) as file:
        # umoci keeps what it began with; the image is what it wrote last.
        entry = json.load(file)["manifests"][-1]
    while True:
        with open(blob(entry)) as file:
            document = json.load(file)
        if "manifests" not in document:
            break
        entry = document["manifests"][0]
    return [(blob(layer), layer["size"]) for layer in document["layers"]]


def manifest(layout):
    """The digest of the only image, without its algorithm."""
    with open(os.path.join(layout, "index.json")) as file:
        return json.load(file)["manifests"][0]["digest"].removeprefix("sha256:")


def stored(image):
    """Bytes of all layers, of a layout or of an archive as crane writes it."""
    if os.path.isdir(image):
        return sum(size for _, size in layers(image))
    with tarfile.open(image) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        return sum(archive.getmember(name).size for name in manifest[0]["Layers"])


def check(image, tag, peers, wanted):
    """Somebody else's tool reads the image, and the files in it have as many bytes as the payload, or more."""
    if not os.path.isdir(image):
        output([peers["crane"], "validate", "--tarball", image])
        return
    output([peers["skopeo"], "inspect", "--raw", f"oci:{image}" + (f":{tag}" if tag else "")])
    found = sum(unpacked(path) for path, _ in layers(image))
    if found < wanted:
        raise Failed(f"{image} holds {found} bytes of {wanted}")


def unpacked(path):
    """Bytes of the files of a layer."""
    with open(path, "rb") as file:
        start = file.read(4)
    way = "-z" if start[:2] == b"\x1f\x8b" else "--zstd" if start == b"\x28\xb5\x2f\xfd" else None
    listing = output(["tar", *([way] if way else []), "-tvf", path])
    return sum(int(line.split()[2]) for line in listing.splitlines() if line.startswith("-"))
