#!/usr/bin/env python3
"""Measures `hardpan audit` on an image of 1 GiB and 100,000 files against reading the same layers.

    cargo build --release && benches/audit.py target/release/hardpan [FOLDER...]

The files are those of FOLDERs (the Go and Rust toolchains and /usr, unless others are named), chosen by a hash of their
paths, in gzip layers as docker makes them. Three things are measured in turn, several times each; the fastest counts:

* read:    `hardpan inspect --json`, one thread: every layer decompressed, its stored bytes and its tar hashed, its headers
           read. This is the bar: it has the same decoder and hashes as the audit, so nothing is won by a slow one.
* gzip:    `gzip -dc LAYER | sha256sum` and `sha256sum LAYER` for each layer, what everybody has.
* audit:   `hardpan audit --profile hardened --json`.

Wall time, processor time and the peak of the resident set, as the kernel tells them. The audit unpacks on one thread and
looks on another: where only one processor is idle, its wall time is its processor time. IMAGE=FOLDER keeps the image for
another run.
"""

import gzip, hashlib, io, json, os, resource, subprocess, sys, tarfile, tempfile, time

FILES, BYTES, LAYERS, ROUNDS = 100_000, 1 << 30, 6, 3
# A large file, and how many there may be: programs and libraries.
LARGE, LARGE_FILES = 64 << 10, 500


def folders():
    said = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return [said("go", "env", "GOROOT"), said("rustc", "--print", "sysroot"), "/usr"]


def candidates(roots):
    found, seen = [], set()
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    status = os.lstat(path)
                except OSError:
                    continue
                if not os.path.isfile(path) or os.path.islink(path) or (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                if status.st_size <= BYTES // 8:
                    found.append((hashlib.sha256(path.encode()).digest(), path, status.st_size))
    return sorted(found)


def choose(found):
    """Small files until there are enough, then large ones until the bytes are there."""
    small = [(path, size) for _, path, size in found if size < LARGE]
    large = [(path, size) for _, path, size in found if size >= LARGE]
    chosen, total = [], 0
    for path, size in small:
        if len(chosen) == FILES - LARGE_FILES:
            break
        chosen.append(path)
        total += size
    for path, size in large:
        if len(chosen) < FILES and total + size <= BYTES:
            chosen.append(path)
            total += size
    return sorted(chosen), total


class Blob(io.RawIOBase):
    """A file that is hashed while it is written."""

    def __init__(self, path):
        self.file, self.hash, self.size = open(path, "wb"), hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        return self.file.write(data)


class Hashed:
    def __init__(self, inner):
        self.inner, self.hash = inner, hashlib.sha256()

    def write(self, data):
        self.hash.update(data)
        return self.inner.write(data)


def layer(blobs, paths):
    temporary = os.path.join(blobs, "layer")
    blob = Blob(temporary)
    with gzip.GzipFile(fileobj=blob, mode="wb", compresslevel=6, mtime=0) as packed:
        hashed = Hashed(packed)
        with tarfile.open(fileobj=hashed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for path in paths:
                info = tar.gettarinfo(path, path.lstrip("/"))
                info.type, info.linkname = tarfile.REGTYPE, ""
                info.size = os.path.getsize(path)
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = ""
                with open(path, "rb") as content:
                    tar.addfile(info, content)
    blob.file.close()
    return named(blobs, temporary, blob.hash, blob.size), "sha256:" + hashed.hash.hexdigest()


def named(blobs, temporary, digest, size):
    os.rename(temporary, os.path.join(blobs, digest.hexdigest()))
    return {"digest": "sha256:" + digest.hexdigest(), "size": size}


def document(blobs, media_type, value):
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data)
    with open(os.path.join(blobs, digest.hexdigest()), "wb") as file:
        file.write(data)
    return {"mediaType": media_type, "digest": "sha256:" + digest.hexdigest(), "size": len(data)}


def make(image, roots):
    blobs = os.path.join(image, "blobs", "sha256")
    os.makedirs(blobs)
    paths, total = choose(candidates(roots))
    each = -(-len(paths) // LAYERS)
    layers, diff_ids = [], []
    for start in range(0, len(paths), each):
        blob, diff_id = layer(blobs, paths[start : start + each])
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **blob})
        diff_ids.append(diff_id)
    word = "application/vnd.oci.image."
    config = {"architecture": "amd64", "os": "linux", "config": {"User": "65532:65532", "Entrypoint": ["/usr/bin/env"]}}
    config["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    config = document(blobs, word + "config.v1+json", config)
    manifest = {"schemaVersion": 2, "mediaType": word + "manifest.v1+json", "config": config, "layers": layers}
    manifest = document(blobs, word + "manifest.v1+json", manifest)
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "large"}
    with open(os.path.join(image, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, file)
    with open(os.path.join(image, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion": "1.0.0"}')
    return len(paths), total


def measure(command, shell=False):
    """Wall and processor seconds, and the peak in MiB, of a command and its children."""
    started = time.monotonic()
    words = ["bash", "-c", command] if shell else command
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        sys.exit(f"{command} ended with {code}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, roots = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as scratch:
        image = os.environ.get("IMAGE") or os.path.join(scratch, "image")
        if not os.path.exists(image):
            # In a process of its own: the peak of a child counts what its parent had when it began.
            maker = os.fork()
            if maker == 0:
                count, total = make(image, roots or folders())
                print(f"{count} files, {total / 2**20:.0f} MiB in {LAYERS} layers", flush=True)
                os._exit(0)
            if os.waitpid(maker, 0)[1]:
                sys.exit("the image could not be made")
        blobs = os.path.join(image, "blobs", "sha256")
        stored = sorted((os.path.join(blobs, name) for name in os.listdir(blobs)), key=os.path.getsize)[2:]
        print(f"{sum(map(os.path.getsize, stored)) / 2**20:.0f} MiB stored")
        ways = {
            "read": ([program, "inspect", "--json", image], False),
            "gzip": ("; ".join(f"gzip -dc {one} | sha256sum; sha256sum {one}" for one in stored), True),
            "audit": ([program, "audit", "--profile", "hardened", "--json", image], False),
        }
        best = {}
        for _ in range(ROUNDS):
            for name, (command, shell) in ways.items():
                best[name] = min(best.get(name, (1e9, 0, 0)), measure(command, shell))
        for name, (wall, cpu, peak) in best.items():
            print(f"{name:<6} {wall:6.2f} s  {cpu:6.2f} s of processor  {peak:5.0f} MiB")
        print(f"audit / read: {best['audit'][0] / best['read'][0]:.2f}")


if __name__ == "__main__":
    main()
