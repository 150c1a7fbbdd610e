"""Reading pictures, and the arithmetic of 2015: exact values for good files, one sentence for bad ones."""

import contextlib
import hashlib
import io
import warnings

import numpy as np
import pytest
from PIL import Image

from deepdream import system
from deepdream.errors import DreamError, UsageError
from deepdream.images.picture import read, to_uint8, write

RECIPE = {"model": "bvlc_googlenet", "seed": 7}


def natural(height=48, width=64):
    """A smooth, colourful picture, which JPEG stores well."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([128 + 100 * np.sin(x / 9), 128 + 100 * np.cos(y / 7), 2.0 * x + y], axis=-1).astype(np.uint8)


def test_a_plain_jpeg_is_read_as_the_notebook_read_it(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(natural()).save(path)
    picture = read(str(path))
    assert np.float32(picture.pixels).tobytes() == np.float32(Image.open(path)).tobytes()
    assert picture.alpha is None
    assert picture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read(str(tmp_path / "a.gif")).pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("size", "max_size", "expected"),
    [((300, 100), 50, (17, 50)), ((100, 300), 50, (50, 17)), ((300, 1), 30, (1, 30)), ((30, 20), 30, (20, 30))],
)
def test_max_size_shrinks_the_longest_side(tmp_path, size, max_size, expected):
    Image.new("RGBA", size, (10, 20, 30, 40)).save(tmp_path / "a.png")
    picture = read(str(tmp_path / "a.png"), max_size)
    assert picture.pixels.shape == (*expected, 3)
    assert (picture.pixels == [10, 20, 30]).all()
    assert picture.alpha.shape == expected
    assert (picture.alpha == 40).all()


def test_max_size_averages_instead_of_dropping_pixels(tmp_path):
    stripes = np.zeros((8, 80, 3), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "a.png")
    assert np.abs(read(str(tmp_path / "a.png"), 20).pixels[:, 2:-2] - 100.0).max() <= 2


def test_max_size_below_one_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="at least 1 pixel, not 0"):
        read(str(tmp_path / "a.png"), 0)


@pytest.mark.parametrize("name", ["with space.png", "ünïcode-夢.png", "-dash.png", "a'b\"c.png"])
def test_names_of_all_sorts(tmp_path, name):
    write(str(tmp_path / name), natural(), RECIPE)
    assert (read(str(tmp_path / name)).pixels == natural()).all()


def bad(tmp_path, what):
    path = tmp_path / f"{what}.png"
    jpeg = io.BytesIO()
    Image.fromarray(natural(200, 300)).save(jpeg, "JPEG")
    png = io.BytesIO()
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (50, 50, 3)).astype(np.uint8)).save(png, "PNG")
    contents = {
        "empty": b"",
        "text": b"no picture, only its name says so\n" * 50,
        "cut-jpeg": jpeg.getvalue()[:-2000],
        "cut-png": png.getvalue()[:-2000],
        "flipped-png": png.getvalue()[:3000] + b"\x55" * 10 + png.getvalue()[3010:],
    }
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes(contents[what])
    return path


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("missing", "there is no file "),
        ("folder", " is a folder: name a picture in it"),
        ("empty", " is empty: "),
        ("text", " is not a picture in a known format"),
        ("cut-jpeg", " is damaged or truncated "),
        ("cut-png", " is damaged or truncated "),
        ("flipped-png", " is damaged or truncated "),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(tmp_path, what, sentence):
    path = bad(tmp_path, what)
    with pytest.raises(DreamError) as caught:
        read(str(path))
    message = str(caught.value)
    assert sentence in message
    assert str(path) in message
    assert "\n" not in message
    assert "\n" not in message
    assert caught.value.exit_code == 1


def test_the_path_through_a_file_gets_a_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DreamError, match="cannot be read"):
        read(str(tmp_path / "file" / "a.png"))


def test_a_file_damaged_anywhere_gets_a_sentence_or_is_read(tmp_path):
    path = tmp_path / "a"
    random = np.random.RandomState(0)
    for extension in (".png", ".jpg", ".webp", ".tif"):
        write(str(tmp_path / f"a{extension}"), natural(), RECIPE, np.full((48, 64), 99, np.uint8))
        whole = (tmp_path / f"a{extension}").read_bytes()
        for _ in range(60):
            data = bytearray(whole[: random.randint(1, len(whole) + 1)])
            for place in random.randint(0, min(len(data), 400), 3):
                data[place] = random.randint(256)
            path.write_bytes(data)
            with contextlib.suppress(DreamError):
                assert read(str(path)).pixels.shape[2] == 3


def test_bombs_are_refused_beyond_pillows_limit_and_large_pictures_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for side in (14, 15):
        Image.new("L", (side, side)).save(tmp_path / f"{side}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(str(tmp_path / "14.png")).pixels.shape == (14, 14, 3)
    with pytest.raises(DreamError, match=r"15\.png says that it has more than 200 pixels"):
        read(str(tmp_path / "15.png"))


def test_a_picture_that_does_not_fit_into_memory_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new("L", (100, 50)).save(tmp_path / "a.png")
    monkeypatch.setattr(system, "free", lambda: 12 * 100 * 50)
    assert read(str(tmp_path / "a.png")).pixels.shape == (50, 100, 3)
    monkeypatch.setattr(system, "free", lambda: 12 * 100 * 50 - 1)
    with pytest.raises(DreamError, match=r"a\.png says that it is 100x50, too large for the free memory"):
        read(str(tmp_path / "a.png"))


def test_to_uint8_cuts_off():
    dream = np.float32([[[-3, 0, 0.99], [1, 127.5, 254.999], [255, 255.5, 300]]])
    assert to_uint8(dream).tolist() == [[[0, 0, 0], [1, 127, 254], [255, 255, 255]]]
    assert to_uint8(dream).dtype == np.uint8


def test_to_uint8_without_clip_scales_the_brightest_to_white():
    dream = np.arange(15003, dtype=np.float32).reshape(1, 5001, 3)  # the 99.98th percentile is 14998.9996
    shown = to_uint8(dream, clip=False).reshape(-1)
    assert shown[[0, 58, 59, 7500, 14990, 14999, 15002]].tolist() == [0, 0, 1, 127, 254, 255, 255]


def test_to_uint8_of_black_without_clip_is_black():
    assert to_uint8(np.zeros((2, 2, 3), np.float32), clip=False).tolist() == np.zeros((2, 2, 3)).tolist()
