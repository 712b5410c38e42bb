#!/usr/bin/env python3
"""Writes the seeds of the fuzz target `packed`: a small file of each format that the audit reads, the same bytes each time."""
import bz2, gzip, io, lzma, os, struct, tarfile, zipfile

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds", "packed")
TEXT = b"name = value\n" * 4
KEY = b"-----BEGIN" + b" PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFf3Xk2pQm8sZr1tLw9Yc4Ab7uEdVhJ0iKg5nNoPqRsT\n-----END" + b" PRIVATE KEY-----\n"


def tar(files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    # Two blocks of zeros at the end are enough.
    return raw.getvalue().rstrip(b"\0").ljust(512, b"\0") + b"\0" * (1024 + -len(raw.getvalue().rstrip(b"\0")) % 512)


def zipped(files, method, before=b""):
    raw = io.BytesIO(before)
    raw.seek(0, io.SEEK_END)
    with zipfile.ZipFile(raw, "a" if before else "w", method) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return raw.getvalue()


def ar(files):
    out = b"!<arch>\n"
    for name, data in files:
        out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(data)) + data + b"\n" * (len(data) % 2)
    return out


def cpio(files):
    out = b""
    for name, data in files + [(b"TRAILER!!!", b"")]:
        fields = [1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
        out += b"\0" * (-len(out) % 4) + data + b"\0" * (-len(data) % 4)
    return out


def streamed(name, data):
    """A zip whose member has its sizes behind it."""
    packer = __import__("zlib").compressobj(9, 8, -15)
    packed = packer.compress(data) + packer.flush()
    sizes = struct.pack("<III", 0, len(packed), len(data))
    common = struct.pack("<HHHHH", 20, 8, 8, 0, 0)
    local = b"PK\3\4" + common + b"\0" * 12 + struct.pack("<HH", len(name), 0) + name + packed + b"PK\7\x08" + sizes
    directory = b"PK\1\2\x14\0" + common + sizes + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + directory + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)


FILES = [("a.txt", TEXT), ("k.pem", KEY)]
SEEDS = {
    "text.gz": gzip.compress(TEXT, mtime=0) + gzip.compress(KEY, mtime=0),
    "text.bz2": bz2.compress(TEXT),
    "key.xz": lzma.compress(KEY),
    "key.lzma": lzma.compress(KEY, format=lzma.FORMAT_ALONE),
    # A raw block in a frame of zstd, behind one that is to be skipped.
    "text.zst": b"\x50\x2a\x4d\x18\2\0\0\0xy\x28\xb5\x2f\xfd\x20" + bytes([len(TEXT)]) + struct.pack("<I", 1 | len(TEXT) << 3)[:3] + TEXT,
    "two.tar": tar([("k.pem", KEY)]),
    "two.tgz": gzip.compress(tar(FILES), mtime=0),
    "two.jar": zipped(FILES, zipfile.ZIP_DEFLATED),
    "stored.zip": zipped(FILES, zipfile.ZIP_STORED),
    "boot.jar": zipped(FILES, zipfile.ZIP_DEFLATED, b"#!/bin/sh\nexec java -jar \"$0\"\n" * 20),
    "streamed.zip": streamed(b"k.pem", KEY),
    "nested.zip": zipped([("a.jar", zipped(FILES, zipfile.ZIP_DEFLATED)), ("b.gz", gzip.compress(KEY, mtime=0))], zipfile.ZIP_STORED),
    "package.deb": ar([(b"debian-binary", b"2.0\n"), (b"data.tar.xz", lzma.compress(tar(FILES)))]),
    "initrd": cpio([(b"a.txt", TEXT), (b"k.pem", KEY)]),
    "other.7z": b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 24,
}
os.makedirs(FOLDER, exist_ok=True)
for name, data in SEEDS.items():
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(data)
