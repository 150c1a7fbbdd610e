"""Detecting truncated files and hidden films from the lengths that a file states, even if these are wrong."""

import random
import re

import pytest

from deepdream.errors import DreamError
from deepdream.video.reader import open_film
from deepdream.video.truncation import is_cut_short, unread_films
from tests.helpers.shared import SHARED, needs_cases
from tests.video.clips import clip, numbered, numbers

HUGE = [2**31, 2**32 - 1, 2**48, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


def box(kind, size, content=b""):
    """A box of an ISO base media file with a size of 64 bits."""
    return (1).to_bytes(4, "big") + kind + size.to_bytes(8, "big") + content


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("kind", [b"free", b"skip", b"abcd"])
def test_rubbish_behind_a_whole_film_is_nobodys_business(tmp_path, size, kind):
    path = tmp_path / "a.mp4"
    clip(path, numbered(4))
    path.write_bytes(path.read_bytes() + box(kind, size, b"rubbish"))
    film = open_film(str(path))
    assert numbers(film.frames()) == [0, 1, 2, 3]
    assert film.fault is None


@pytest.mark.parametrize(
    ("name", "codec", "muxer"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("a.mov", "libx264", {}),
        ("a.flv", "flv", {}),
        ("a.wmv", "wmv2", {}),
    ],
)
def test_films_behind_the_first_are_reported(tmp_path, name, codec, muxer):
    path = tmp_path / name
    clip(path, numbered(8), codec, muxer=muxer)
    whole = path.read_bytes()
    for count in (1, 2, 3):
        path.write_bytes(whole * count)
        assert unread_films(str(path)) == count - 1
        film = open_film(str(path))
        assert numbers(film.frames()) == list(range(8))
        assert [re.search(r"holds (\d) films.*only the first is read: \w+", note)[1] for note in film.notes] == (
            [str(count)] if count > 1 else []
        )


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.flv", "flv"), ("a.wmv", "wmv2")])
def test_counting_films_ends_with_any_bytes(tmp_path, name, codec):
    path = tmp_path / name
    clip(path, numbered(4), codec)
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        data = bytearray(whole * 2)[: chance.randrange(2 * len(whole))]
        for _ in range(chance.randrange(20) if data else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        assert 0 <= unread_films(str(path)) <= 2


@pytest.mark.parametrize("size", HUGE)
def test_a_box_before_the_film_that_is_too_large_is_a_sentence(tmp_path, size):
    path = tmp_path / "a.mp4"
    clip(path, numbered(4))
    data = path.read_bytes()
    start = int.from_bytes(data[:4], "big")
    path.write_bytes(data[:start] + box(b"free", size) + data[start:])
    with pytest.raises(DreamError, match=r"a\.mp4 is cut short.*again"):
        open_film(str(path))


@pytest.mark.parametrize("size", [2**20, 2**55, 2**56 - 2])
def test_a_matroska_header_that_is_too_large_is_a_sentence(tmp_path, size):
    path = tmp_path / "a.mkv"
    clip(path, numbered(4))
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\x01" + size.to_bytes(7, "big") + data[5:])
    with pytest.raises(DreamError, match=r"a\.mkv is cut short"):
        open_film(str(path))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.gif"])
def test_no_bytes_make_it_fail(tmp_path, name):
    codec = {"a.avi": "mpeg4", "a.gif": "gif"}.get(name, "libx264")
    path = tmp_path / name
    clip(path, numbered(4), codec, pix_fmt="rgb8" if name == "a.gif" else "yuv420p")
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        data = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 9)):
            if data:
                place = chance.choice([chance.randrange(len(data)), chance.randrange(min(len(data), 64))])
                data[place] = chance.choice([0, 1, 255, chance.randrange(256)])
        path.write_bytes(bytes(data))
        assert is_cut_short(str(path)) in (True, False)


@needs_cases
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("box-size-2to62-behind.mp4", None),
        ("box-size-2to63.mp4", "is cut short"),
        ("ebml-header-2to55.mkv", "is cut short"),
        ("matrix-of-zeros.mp4", None),
        ("matrix-upright.mp4", None),
    ],
)
def test_cases_that_went_wrong(name, sentence):
    path = str(SHARED / "cases" / "faults" / name)
    if sentence:
        with pytest.raises(DreamError, match=f"{name} {sentence}"):
            open_film(path)
        return
    try:
        film = open_film(path)
    except DreamError as error:
        assert "matrix-upright.mp4 is not a film" in str(error)  # noqa: PT017
        pytest.skip("this FFmpeg does not open it")
    assert {frame.pixels.shape for frame in film.frames()} == {(48, 64, 3)}
    assert (len(list(film.check())), film.fault) == (12, None)
