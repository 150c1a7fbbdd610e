"""Folders of pictures read as films."""

import hashlib
import re
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError, UsageError
from deepdream.video.reader import open_film


def fill(folder, names, size=(32, 24)):
    """Grey pictures, of which the first is the darkest."""
    for number, name in enumerate(names):
        Image.new("RGB", size, (20 + 6 * number,) * 3).save(folder / name)


def order(film):
    return [(int(frame.pixels[0, 0, 0]) - 20) // 6 for frame in film.frames()]


def test_in_the_order_of_their_last_numbers(tmp_path):
    names = ["a2x9.png", "a2x10.bmp", "a1x012.png", "100.png"]
    fill(tmp_path, names)
    (tmp_path / "notes 3.txt").write_text("no picture")
    (tmp_path / ".5.png").write_bytes(b"hidden")
    (tmp_path / "folder4.png").mkdir()
    film = open_film(str(tmp_path), fps=10)
    frames = list(film.frames())
    assert order(film) == [0, 1, 2, 3]
    assert [frame.time for frame in frames] == [Fraction(number, 10) for number in range(4)]
    assert {frame.duration for frame in frames} == {Fraction(1, 10)}
    assert (film.count, film.size, film.fault, film.form.sound) == (4, (24, 32), None, None)
    assert (film.form.rate, film.form.time_base, film.form.matrix, film.form.full_range) == (
        10,
        Fraction(1, 10),
        1,
        False,
    )
    assert film.sha256 == hashlib.sha256(b"".join((tmp_path / name).read_bytes() for name in names)).hexdigest()


def test_a_span_and_every_second(tmp_path):
    fill(tmp_path, [f"{number}.png" for number in range(12)])
    film = open_film(str(tmp_path), start=0.2, end=0.9, every=2, fps=10)
    assert order(film) == [2, 4, 6, 8]
    assert [(frame.time * 10, frame.duration * 10) for frame in film.frames()] == [(0, 2), (2, 2), (4, 2), (6, 1)]
    assert (film.count, film.form.rate) == (4, 5)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(29.97, Fraction(30000, 1001)), (23.976, Fraction(24000, 1001)), (24, 24), (12.5, Fraction(25, 2))],
)
def test_rates(tmp_path, fps, rate):
    fill(tmp_path, ["1.png"])
    assert open_film(str(tmp_path), fps=fps).form.rate == rate


def test_max_size(tmp_path):
    fill(tmp_path, ["1.png", "2.png"])
    film = open_film(str(tmp_path), max_size=16)
    assert film.size == (12, 16)
    assert all(frame.pixels.shape == (12, 16, 3) for frame in film.frames())


def test_another_size_is_named(tmp_path):
    fill(tmp_path, ["1.png", "2.png", "3.png"])
    Image.new("RGB", (33, 24)).save(tmp_path / "2.png")
    with pytest.raises(DreamError, match=r"2\.png has 33 x 24 pixels.*first frame.* 32 x 24: "):
        open_film(str(tmp_path))


def test_one_that_exif_turns_is_found_when_its_turn_comes(tmp_path):
    fill(tmp_path, ["1.jpg", "2.jpg", "3.jpg"])
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (32, 24)).save(tmp_path / "3.jpg", exif=exif)
    film = open_film(str(tmp_path))
    assert len(list(film.frames())) == 2
    assert re.search(r"3\.jpg has 24 x 32 pixels.*first frame.* 32 x 24: ", str(film.fault))


def test_the_frames_before_a_damaged_picture_are_kept(tmp_path):
    fill(tmp_path, ["1.png", "2.png", "3.png"])
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:60])
    film = open_film(str(tmp_path))
    assert order(film) == [0]
    assert "2.png is damaged or truncated" in str(film.fault)


def test_two_of_one_number_are_refused(tmp_path):
    fill(tmp_path, ["f1.png", "f2.png", "f01.jpg"])
    with pytest.raises(DreamError, match=r"f01\.jpg and f1\.png in .* are both number 1: move one out of the folder"):
        open_film(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [([], "there are no pictures in the folder"), (["1.png", "title.png"], r"title\.png has no number in its name")],
)
def test_folders_that_are_no_films(tmp_path, names, sentence):
    fill(tmp_path, names)
    with pytest.raises(DreamError, match=sentence):
        open_film(str(tmp_path))


def test_wrong_use(tmp_path):
    fill(tmp_path, ["1.png"])
    with pytest.raises(UsageError, match=r"more than 0 frames .*, not -2"):
        open_film(str(tmp_path), fps=-2)
    with pytest.raises(UsageError, match=r"no frame from 3 s to its end: it is 0\.04 s long"):
        open_film(str(tmp_path), start=3)


def test_sixteen_bits_are_read_as_elsewhere(tmp_path):
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(tmp_path / "1.png")
    assert next(open_film(str(tmp_path)).frames()).pixels[0, 0].tolist() == [156, 156, 156]
