"""Interlaced films become whole pictures without combs, at the right times, and a note reports it."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from deepdream.video import deinterlace, reader
from deepdream.video.reader import open_film
from tests.video.clips import clip, decoded, texture

INTERLACED = {"qp": "0", "x264-params": "bff=1"}
LOSSLESS = {"qp": "0"}


def halves(count):
    """2 * count pictures in which a bright bar moves by five pixels each."""
    pictures = np.full((2 * count, 48, 128, 3), 60, np.uint8)
    for number, picture in enumerate(pictures):
        picture[:, 5 * number + 4 : 5 * number + 20] = 200
    return pictures


def woven(pictures):
    """Interlaced frames: the odd lines of one picture with the even lines of the next."""
    frames = pictures[::2].copy()
    frames[:, ::2] = pictures[1::2, ::2]
    return list(frames)


def combs(frame):
    """The mean difference between each line and its neighbours."""
    lines = frame.astype(float)
    return np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean()


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_no_combs_and_every_frame_at_its_time(tmp_path, count):
    path = clip(tmp_path / "a.mkv", woven(halves(count)), options=INTERLACED)
    film = open_film(path)
    frames = list(film.frames())
    stored = decoded(path)
    assert len(stored) == len(frames) == film.count == count
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(count)]
    assert {frame.duration for frame in frames} == {Fraction(1, 25)}
    assert min(map(combs, stored)) > 10
    assert max(combs(frame.pixels) for frame in frames) < 3
    for frame, picture in zip(frames, halves(count)[::2]):  # only the lines of the first field show that time
        assert np.abs(frame.pixels[1::2].astype(float) - picture[1::2]).mean() < 6
    (note,) = film.notes
    assert note.startswith(f"{path} is interlaced: ")
    assert "bwdif" in note


def without_bwdif(path, monkeypatch):
    """The frames as stored, converted to RGB."""
    with monkeypatch.context() as patch:
        patch.setattr(reader, "is_possible", lambda: False)
        return list(open_film(path).frames())


def test_what_is_not_interlaced_is_left_alone(tmp_path, monkeypatch):
    path = clip(tmp_path / "a.mkv", [texture(number) for number in range(4)], options=LOSSLESS)
    film = open_film(path)
    stored = without_bwdif(path, monkeypatch)
    assert all((frame.pixels == other.pixels).all() for frame, other in zip(film.frames(), stored))
    assert film.notes == []


def test_where_it_begins_and_ends_in_the_middle(tmp_path, monkeypatch):
    """Progressive frames between interlaced ones keep their pixels and their order."""
    plain, combed = [texture(number, 48, 128) for number in range(12)], woven(halves(6))
    parts = [(plain[:6], LOSSLESS), (combed, INTERLACED), (plain[6:], LOSSLESS)]
    data = [Path(clip(tmp_path / "part.ts", frames, options=options)).read_bytes() for frames, options in parts]
    (tmp_path / "a.ts").write_bytes(b"".join(data))
    frames = list(open_film(str(tmp_path / "a.ts")).frames())
    stored = without_bwdif(str(tmp_path / "a.ts"), monkeypatch)
    assert len(frames) == len(stored) == 18
    assert [round(25 * (frame.time - frames[0].time), 2) for frame in frames] == list(range(18))
    for number in (*range(6), *range(12, 18)):
        assert (frames[number].pixels == stored[number].pixels).all()
    assert max(combs(frame.pixels) for frame in frames[6:12]) < 3
    assert min(combs(frame.pixels) for frame in stored[6:12]) > 10


def test_a_part_and_each_second_frame(tmp_path):
    path = clip(tmp_path / "a.mkv", woven(halves(12)), step=Fraction(1, 10), options=INTERLACED)
    whole = list(open_film(path).frames())
    some = list(open_film(path, start=0.3, end=1, every=2).frames())
    assert [float(frame.time) for frame in some] == [0, 0.2, 0.4, 0.6]
    for frame, other in zip(some[1:], whole[5::2]):
        assert (frame.pixels == other.pixels).all()


def test_all_whole_frames_before_a_damage(tmp_path):
    path = Path(clip(tmp_path / "a.mp4", woven(halves(12)), options=INTERLACED, muxer={"movflags": "faststart"}))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.8)])
    film = open_film(str(path))
    frames = list(film.frames())
    assert 1 < len(frames) < 12
    assert f"after {len(frames)} frames" in str(film.fault)
    assert len(list(film.check())) == len(frames)


def test_without_the_filter_the_combs_stay_and_that_is_said(tmp_path, monkeypatch):
    path = clip(tmp_path / "a.mkv", woven(halves(3)), options=INTERLACED)
    monkeypatch.setattr(reader, "is_possible", lambda: False)
    film = open_film(path)
    assert min(combs(frame.pixels) for frame in film.frames()) > 10
    (note,) = film.notes
    assert note.startswith(f"{path} is interlaced: ")
    assert "FFmpeg lacks the bwdif filter" in note
    assert deinterlace.is_possible()
