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

from deepdream.caffe_format import schema
from tests.helpers import ready
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import TEXT, tiny_net, tiny_picture

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


def convolution(param):
    return input_layer((1, 3, 16, 16)) + layer("c", "Convolution", "data", param=f"convolution_param {{ {param} }}")


def chain(count):
    """So many convolutions with 2 and 4 channels in turn, of which every second is a place where a pass can be cut."""
    text, bottom = input_layer((1, 3, 16, 16)), "data"
    for number in range(count):
        size = f"num_output: {2 + 2 * (number % 2)} kernel_size: 1"
        text += layer(f"c{number}", "Convolution", bottom, param=f"convolution_param {{ {size} }}")
        bottom = f"c{number}"
    return text


NETS = {
    "many outputs": convolution("num_output: 1000000000 kernel_size: 1"),
    "many inputs": TEXT.replace("dim: 32", "dim: 1000000000"),
    "a wide padding": convolution("num_output: 4 kernel_size: 3 pad: 1000000000"),
    "a wide kernel": convolution("num_output: 4 kernel_size: 4294967295 pad: 4294967295"),
    "no kernel": convolution("num_output: 4 kernel_size: 0"),
    "no stride": convolution("num_output: 4 kernel_size: 3 stride: 0"),
    "a wide dilation": convolution("num_output: 4 kernel_size: 3 pad: 30000 dilation: 4294967295"),
    "groups of no size": convolution("num_output: 4 kernel_size: 3 group: 0"),
    "groups that do not divide": convolution("num_output: 4 kernel_size: 3 group: 2"),
    "a net that reads itself": input_layer((1, 3, 9, 9)) + layer("a", "ReLU", "b") + layer("b", "ReLU", "a"),
    "a wide window of channels": input_layer((1, 3, 9, 9))
    + layer("n", "LRN", "data", param="lrn_param { local_size: 4294967295 }"),
    "nested deeply": "layer {" * 10**5,
    "a hundred thousand layers": input_layer((1, 3, 9, 9)) + layer("a", "ReLU", "data") * 10**5,
    "eight megabytes": None,
}


@pytest.mark.parametrize("what", NETS)
def test_a_net_that_declares_much(tmp_path, what, tally):
    tally.tried("a hostile net")
    tiny_net(tmp_path / "tiny")
    tiny_picture(tmp_path / "in.png")
    if NETS[what] is None:
        os.truncate(tmp_path / "tiny" / "deploy.prototxt", 2**23)
    else:
        (tmp_path / "tiny" / "deploy.prototxt").write_text(NETS[what])
    assert "deploy.prototxt is not a" in refused(tmp_path, "in.png", "out.png", *SHORT, "--model", "tiny")
    tally.survived("a hostile net")


@pytest.mark.parametrize("what", ["a shape without numbers", "nested deeply", "a length without end"])
def test_weights_that_declare_much(tmp_path, what, tally):
    tally.tried("a hostile net")
    tiny_net(tmp_path / "tiny")
    tiny_picture(tmp_path / "in.png")
    path = tmp_path / "tiny" / "net.caffemodel"
    if what == "a shape without numbers":
        net = schema.NetParameter.FromString(path.read_bytes())
        net.layer[0].blobs[0].shape.dim[:] = [10**6, 10**6]
        path.write_bytes(net.SerializeToString())
    else:
        path.write_bytes(b"\xa3\x06" * 10**6 if what == "nested deeply" else b"\xa2\x06" + b"\xff" * 4 + b"\x07")
    words = refused(tmp_path, "in.png", "out.png", *SHORT, "--model", "tiny")
    assert "net.caffemodel holds the weights of another net: layer conv1 needs" in words or "is damaged or not" in words
    tally.survived("a hostile net")


def test_a_deep_net_is_laid_out_in_time(tmp_path):
    """The ways to cut a pass grow with the third power of the places where it can be cut."""
    tiny_net(tmp_path / "tiny", chain(80))
    tiny_picture(tmp_path / "in.png", 16, 16)
    code, result = ready.run(measured, tmp_path, "in.png", "out.png", *SHORT, "--layer", "c79", "--model", "tiny")
    assert (code, result[0]) == (0, 0), result


def test_files_without_end(tmp_path, tally):
    tally.tried("a picture bomb")
    tiny_net(tmp_path / "tiny")
    code, result = ready.run(measured, tmp_path, "/dev/zero", "out.png", *SHORT, "--model", "tiny")
    assert (code, result[0]) == (0, 1)
    assert "/dev/zero has more than 1G bytes, the limit: shrink it first" in result[1]
    tally.survived("a picture bomb")


def test_a_program_is_no_picture(tmp_path):
    """PostScript, which Pillow would have Ghostscript run."""
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n")
    assert "a.eps is a PostScript program, not a picture" in refused(tmp_path, "info", "a.eps")


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
