"""Small files that declare much, and files without end: a sentence, in bounded memory and time."""

import io
import json
import os
import resource
import struct
import time
import zlib

import pytest
from PIL import Image

from tests import ready
from tests.tiny import tiny_net, tiny_picture

MOST = 400 * 2**20  # bytes more than the process had; decompressed, each of these is larger
SECONDS = 20
SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "1"]


def measured(folder, *argv):
    """A command in this process, which is its alone: exit code, what it said, and by how many bytes it has grown."""
    os.chdir(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, out, err = ready.dreamify(argv)
    return code, out + err, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def refused(folder, *argv):
    """The sentence with which a command is refused, in bounded memory and time."""
    begin = time.monotonic()
    code, result = ready.run(measured, folder, *argv, timeout=SECONDS)
    assert code == 0
    assert result[0] in (1, 2), result
    assert result[2] < MOST
    assert time.monotonic() - begin < SECONDS
    return result[1]


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width=8, height=8, *chunks):
    """A PNG that declares a size, with further chunks."""
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(8 * 25)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def zeros(count):
    """As many zeros, a multiple of 2**20, compressed."""
    packer = zlib.compressobj(9)
    first, other = (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + other * ((count >> 20) - 1) + b"\x03\0" + struct.pack(">HH", count % 65521, 1)


def gif(width, height):
    image = io.BytesIO()
    Image.new("P", (8, 8)).save(image, "GIF")
    data = bytearray(image.getvalue())
    data[6:10] = struct.pack("<2H", width, height)
    return bytes(data)


def tiff(tag, value):
    """A TIFF with one tag that says something else."""
    image = io.BytesIO()
    Image.new("RGB", (8, 8)).save(image, "TIFF")
    data = bytearray(image.getvalue())
    (place,) = struct.unpack("<I", data[4:8])
    for number in range(struct.unpack("<H", data[place : place + 2])[0]):
        entry = place + 2 + 12 * number
        if struct.unpack("<H", data[entry : entry + 2])[0] == tag:
            data[entry + 2 : entry + 12] = (
                struct.pack("<HII", 4, 1, value) if value < 2**32 else b"\x04\x00" + b"\xff" * 8
            )
    return bytes(data)


def recipe(**keys):
    return b"dreamify\0" + json.dumps({"dreamify": keys}).encode()


GIGABYTES = zeros(2**31)
BOMBS = {
    "pixels of a PNG": lambda: png(100_000, 100_000),
    "pixels of a PNG, just within the limit": lambda: png(13_000, 13_000),
    "pixels of a BMP": lambda: (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 100_000, 100_000, 1, 24, *[0] * 6)
    ),
    "pixels of a GIF": lambda: gif(65535, 65535),
    "width of a TIFF": lambda: tiff(256, 2**31 - 1),
    "height of a TIFF": lambda: tiff(257, 2**31 - 1),
    "numbers of a TIFF's tag": lambda: tiff(273, 2**32),
    "rows of a TIFF's strip": lambda: tiff(278, 0),
    "text of a PNG": lambda: png(8, 8, chunk(b"zTXt", b"dreamify\0\0" + GIGABYTES)),
    "international text of a PNG": lambda: png(8, 8, chunk(b"iTXt", b"dreamify\0\1\0\0\0" + GIGABYTES)),
    "profile of a PNG": lambda: png(8, 8, chunk(b"iCCP", b"sRGB\0\0" + GIGABYTES)),
    "pixels that go on": lambda: png(60_000, 60_000, chunk(b"IDAT", GIGABYTES)),
}


@pytest.mark.parametrize("what", BOMBS)
@pytest.mark.parametrize("verb", ["dream", "info"])
def test_a_picture_that_declares_much(tmp_path, what, verb, tally):
    tally.tried("a picture bomb")
    (tmp_path / "bomb").write_bytes(BOMBS[what]())
    tiny_net(tmp_path / "tiny")
    argv = ["info", "bomb"] if verb == "info" else ["bomb", "out.png", *SHORT, "--max-size", "32", "--model", "tiny"]
    code, result = ready.run(measured, tmp_path, *argv, timeout=SECONDS)
    assert code == 0
    assert result[0] in (0, 1), result
    assert result[2] < MOST
    assert result[1].count("dreamify: ") >= result[0]
    assert "bomb" in result[1] or result[0] == 0
    tally.survived("a picture bomb")


@pytest.mark.parametrize(
    "text",
    [
        recipe(nested=0).replace(b"0", b"[" * 10**5),
        recipe(**{"k" * 10**6: 1}, **{f"k{number}": number for number in range(20_000)}),
        recipe(seed=0).replace(b"0", b"9" * 10**5),
        recipe(octaves=10**9, iterations=10**9),
    ],
    ids=["nested", "a long key", "a long number", "octaves"],
)
@pytest.mark.parametrize("verb", ["info", "again"])
def test_a_recipe_that_declares_much(tmp_path, text, verb, tally):
    tally.tried("a recipe bomb")
    (tmp_path / "bomb.png").write_bytes(png(8, 8, chunk(b"tEXt", text)))
    tiny_net(tmp_path / "tiny")
    tiny_picture(tmp_path / "in.png")
    argv = [verb, "bomb.png"] + ["in.png", "out.png", "--model", "tiny"] * (verb == "again")
    code, result = ready.run(measured, tmp_path, *argv, timeout=SECONDS)
    assert code == 0
    assert result[0] in (0, 1, 2)
    assert result[2] < MOST
    tally.survived("a recipe bomb")
