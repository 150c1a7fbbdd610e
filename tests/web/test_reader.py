"""Pictures are read in a process that can be killed."""

import contextlib
import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError
from deepdream.images import picture
from deepdream.web.reader import Reader
from tests.helpers.tiny import tiny_picture


@pytest.fixture(scope="module")
def reader():
    """A reader with a short time limit, which all tests share."""
    with contextlib.closing(Reader(patience=5)) as made:
        yield made


def without_end(path):
    """A small JPEG that takes minutes to decode: its last scan, of about seventy bytes, is repeated many times."""
    buffer = io.BytesIO()
    Image.new("RGB", (4000, 4000), "red").save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    scan = content.rindex(b"\xff\xda")
    Path(path).write_bytes(content[:scan] + content[scan:-2] * 20_000 + content[-2:])
    return str(path)


@pytest.mark.parametrize("longest", [None, 30])
def test_a_picture_is_what_it_is_elsewhere(reader, tmp_path, longest):
    path = tiny_picture(tmp_path / "in.png", mode="RGBA")
    read, expected = reader.read(path, longest, 1), picture.read(path, longest)
    assert np.array_equal(read.pixels, expected.pixels)
    assert np.array_equal(read.alpha, expected.alpha)
    assert read.sha256 == expected.sha256


def test_a_picture_that_takes_too_long_is_given_up(reader, tmp_path):
    with pytest.raises(DreamError, match=r"endless\.jpg takes more than 5 seconds to read: .* PNG"):
        reader.read(without_end(tmp_path / "endless.jpg"), None, 50)
    assert reader.read(tiny_picture(tmp_path / "in.png"), None, 1).pixels.shape == (28, 40, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_given_up(tmp_path):
    """It may replace an upload after the check."""
    os.mkfifo(tmp_path / "pipe.png")
    with contextlib.closing(Reader(patience=0.5)) as reader, pytest.raises(
        DreamError, match=r"takes more than 0.5 sec"
    ):
        reader.read(str(tmp_path / "pipe.png"), None, 1)


def test_a_picture_that_kills_the_process(reader, tmp_path):
    """As the system does when memory runs out."""
    path = tiny_picture(tmp_path / "in.png")
    reader.read(path, None, 1)
    os.kill(reader._process.pid, signal.SIGKILL)
    for _ in range(2):  # the first may meet a dead process or a dying one
        with contextlib.suppress(DreamError):
            reader.read(path, None, 1)
    assert reader.read(path, None, 1).pixels.shape == (28, 40, 3)


def test_what_is_refused(reader, tmp_path):
    Path(tmp_path / "text.png").write_text("no picture")
    Path(tmp_path / "bomb.pbm").write_bytes(b"P4 2000 2000 ")
    for name, words in {
        "text.png": "text.png is not a picture in a known format",
        "bomb.pbm": "bomb.pbm has 4.0 megapixels, and 1 is the limit: shrink it first$",
        "absent.png": "there is no file .*absent.png",
    }.items():
        with pytest.raises(DreamError, match=words):
            reader.read(str(tmp_path / name), None, 1)


def test_the_end_comes_while_a_picture_is_read(tmp_path):
    reader = Reader()
    path = tiny_picture(tmp_path / "in.png")
    reader.read(path, None, 1)
    process = reader._process
    reader.close()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


def test_what_is_seen_of_a_picture(reader, tmp_path):
    """Its size, and its recipe if it is a dream; a recipe that is no recipe is none."""
    path = tiny_picture(tmp_path / "in.png")
    assert reader.look(path, 1) == (40, 28, None)
    pixels = np.zeros((20, 30, 3), np.uint8)
    for recipe, seen in (({"seed": 7}, {"seed": 7}), ({"seed": "7" * 2**15}, None)):
        for name in ("dream.png", "dream.jpg"):
            picture.write(str(tmp_path / name), pixels, recipe)
            assert reader.look(str(tmp_path / name), 1) == (30, 20, seen)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DreamError, match=r"text.png is not a picture"):
        reader.look(str(tmp_path / "text.png"), 1)
