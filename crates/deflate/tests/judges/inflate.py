"""Reads pairs of bytes and what they were compressed to, and says whether a decoder in C agrees.

    python3 inflate.py zlib|libdeflate

The frame of a pair: two lengths of four bytes, lowest first, a byte that is 0 for raw deflate and 1 for gzip, the bytes,
the stream. At the end the number of pairs is printed; the first one that is wrong ends it with exit code 1.
"""

import ctypes, struct, sys, zlib


def with_zlib():
    def decode(stream, gzip, length):
        decoder = zlib.decompressobj(31 if gzip else -15)
        back = decoder.decompress(stream)
        assert decoder.eof, "the stream does not end"
        assert not decoder.unused_data, "something follows the stream"
        return back

    return decode


def with_libdeflate():
    library = ctypes.CDLL("libdeflate.so.0")
    library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    signature = [pointer, pointer, size, pointer, size, ctypes.POINTER(size), ctypes.POINTER(size)]
    ways = [library.libdeflate_deflate_decompress_ex, library.libdeflate_gzip_decompress_ex]
    for way in ways:
        way.argtypes = signature
    decompressor, read, written = library.libdeflate_alloc_decompressor(), size(), size()
    room = ctypes.create_string_buffer(1 << 16)

    def decode(stream, gzip, length):
        nonlocal room
        # A byte more than there should be, so that too much is seen.
        if len(room) <= length:
            room = ctypes.create_string_buffer(2 * length)
        answer = ways[gzip](decompressor, stream, len(stream), room, length + 1, read, written)
        assert answer == 0, f"error {answer}"
        assert read.value == len(stream), "something follows the stream"
        return ctypes.string_at(room, written.value)

    return decode


def main():
    decode = {"zlib": with_zlib, "libdeflate": with_libdeflate}[sys.argv[1]]()
    head, count = struct.Struct("<IIB"), 0
    read = open(0, "rb", buffering=1 << 20).read
    while first := read(head.size):
        length, stored, gzip = head.unpack(first)
        data, stream = read(length), read(stored)
        try:
            assert len(stream) == stored, "the pair is cut off"
            assert decode(stream, gzip, length) == data, "other bytes came back"
        except (AssertionError, zlib.error) as why:
            sys.exit(f"pair {count}: {why}")
        count += 1
    print(count)


main()
