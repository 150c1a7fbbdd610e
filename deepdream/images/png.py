"""Reads the texts of a PNG without decoding its pixels."""

import struct
import zlib
from typing import Iterator, Tuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}  # chunks that can hold a recipe


def without_pixels(data: bytes) -> bytes:
    """Returns a PNG that has the texts and the EXIF block of another one, but no pixels.

    Such chunks may stand before or after the pixels: dreamify writes them before, other programs also after. The ones
    after the pixels are moved before them, where Pillow finds them without decoding anything.

    Raises ValueError if the PNG is truncated or if a checksum is wrong, in its pixels as well.
    """
    kept = [chunk for kind, chunk in _chunks(data) if kind in _KEPT]
    header = struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0)  # one grey pixel
    return b"".join([SIGNATURE, _chunk(b"IHDR", header), *kept, _chunk(b"IDAT", b""), _chunk(b"IEND", b"")])


def _chunks(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """Yields (type, whole chunk) for each chunk up to IEND."""
    place, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        end = place + 12 + size
        if end > len(data):
            raise ValueError("image file is truncated")
        if zlib.crc32(memoryview(data)[place + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise ValueError(f"bad checksum in {kind!r}")
        yield kind, data[place:end] if kind in _KEPT else b""
        place = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
