"""Several recordings in one file, one after the other."""

import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deepdream.video import writer
from deepdream.video.clock import Clock
from deepdream.video.film import FORMATS
from deepdream.video.reader import open_film
from tests.video.clips import beep, clip, heard, numbered, numbers, texture

STEP = Fraction(1, 10)


def recording(folder, suffix, first=0, begin=0, size=(24, 32), **settings):
    """The bytes of six numbered frames, from `first` on, whose times begin at that many seconds."""
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    muxer = {"output_ts_offset": str(begin)}
    path = clip(folder / f"one{suffix}", numbered(12, *size)[first : first + 6], codec, STEP, muxer=muxer, **settings)
    return Path(path).read_bytes()


def joined(folder, parts, suffix=".ts"):
    """Concatenates recordings; returns the path."""
    path = folder / f"both{suffix}"
    path.write_bytes(b"".join(parts))
    return str(path)


CASES = [(".ts", begins) for begins in ((0, 0), (20, 0), (0, 3000), (3000, 20))]
CASES += [(suffix, begins) for suffix in (".mkv", ".webm") for begins in ((0, 0), (20, 0))]


@pytest.mark.parametrize(("suffix", "begins"), CASES)
def test_all_frames_of_all_recordings_in_their_time(tmp_path, suffix, begins):
    parts = [recording(tmp_path, suffix, 6 * n, begin) for n, begin in enumerate(begins)]
    film = open_film(joined(tmp_path, parts, suffix))
    frames = list(film.frames())
    assert numbers(frames) == list(range(12))
    assert [round(float(frame.time - frames[0].time), 2) for frame in frames] == [n / 10 for n in range(12)]
    assert [round(float(frame.duration), 2) for frame in frames] == [0.1] * 12
    assert (film.count, film.fault) == (12, None)
    assert float(film.form.rate) == pytest.approx(10, rel=0.02)
    (note,) = film.notes
    assert re.search(rf"both\{suffix} .*\b2 recordings.*joined", note)


def test_a_span_may_reach_from_one_into_the_other(tmp_path):
    film = open_film(joined(tmp_path, [recording(tmp_path, ".ts", n) for n in (0, 6)]), start=0.35, end=0.85)
    assert numbers(film.frames()) == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("begins", [(0, 0), (20, 0), (0, 3000)])
def test_the_sound_goes_along(tmp_path, suffix, begins):
    sound = ("aac", beep(0.6, at=0.2))
    parts = [recording(tmp_path, ".ts", 6 * n, begin, sound=sound) for n, begin in enumerate(begins)]
    film = open_film(joined(tmp_path, parts))
    frames = list(film.frames())
    times = [*(frame.time for frame in frames), frames[-1].time + frames[-1].duration]
    out = tmp_path / f"out{suffix}"
    writer.write(out, FORMATS[suffix], (frame.pixels for frame in frames), times, film.form, {})
    samples, seconds = heard(out)
    loud = [np.abs(samples[round(48000 * t) :][:2400]).mean() for t in np.arange(0, 1.2, 0.05) + float(times[0])]
    places = {int(n) for n in np.flatnonzero(np.array(loud) > 0.3 * max(loud))}
    assert {4, 16} <= places <= {3, 4, 5, 15, 16, 17}, "a twentieth of a second each; AAC begins a little early"
    assert 1.1 < seconds < 1.4


def test_a_later_size_is_scaled_to_the_first_and_said(tmp_path):
    parts = [recording(tmp_path, ".ts", 0), recording(tmp_path, ".ts", 6, size=(48, 80))]
    film = open_film(joined(tmp_path, parts))
    frames = list(film.frames())
    assert [frame.pixels.shape for frame in frames] == [(24, 32, 3)] * 12
    assert numbers(frames) == list(range(12))
    assert len(film.notes) == 2
    assert film.notes[1].endswith(
        "both.ts changes at 0.60 s from 32x24 to 80x48: all its frames are scaled to the first size"
    )


@pytest.mark.parametrize("lost", ["end", "beginning"])
def test_what_is_broken_where_they_meet_is_left_out(tmp_path, lost):
    """Recordings begin and end anywhere: here in the middle of a frame, or before the first key frame."""
    pictures = [texture(number) for number in range(12)]
    paths = [
        Path(clip(tmp_path / f"{n}.ts", pictures[6 * n :][:6], options={"g": "3", "bf": "0", "sc_threshold": "0"}))
        for n in range(2)
    ]
    first, second = (path.read_bytes() for path in paths)
    if lost == "end":
        first = first[: len(first) - 3 * 188]
    else:
        begin = second.index(b"\x47\x41\x00", 188 * 4)  # the second frame's first packet
        second = second[: 188 * 3] + second[begin:]
    film = open_film(joined(tmp_path, [first, second]))
    frames = list(film.frames())
    wholes = [frame.pixels for path in paths for frame in open_film(str(path)).frames()]
    found = [next(n for n in range(12) if (frame.pixels == wholes[n]).all()) for frame in frames]
    assert film.fault is None
    if lost == "end":  # the last but one is lost, too, unless the decoder finds it complete
        assert found in ([0, 1, 2, 3, *range(6, 12)], [0, 1, 2, 3, 4, *range(6, 12)])
    else:
        assert found == [*range(6), 9, 10, 11]


@pytest.mark.parametrize("back", [Fraction(3, 10), Fraction(15)])
def test_sound_that_only_goes_back_or_pauses_stays_where_its_pictures_are(tmp_path, back):
    """Uses packets as a file might store them, without the file."""
    pictures, sound = SimpleNamespace(index=0, type="video"), SimpleNamespace(index=1, type="audio")
    clock = Clock(SimpleNamespace(format=SimpleNamespace(name="mpegts")), pictures)

    def packet(stream, time):
        made = SimpleNamespace(stream=stream, stream_index=stream.index, time_base=Fraction(1, 10), duration=1)
        made.pts = made.dts = time
        return made

    taken = []
    for time in range(300):
        for stream in (pictures, sound):
            one = packet(stream, time)
            if stream is sound and 100 <= time < 100 + 10 * back:
                if back == 15:
                    continue  # a pause
                one = packet(stream, time - 10)
            if clock.set(one):
                taken.append((stream.index, one.pts))
    assert clock.recording(0) == clock.recording(1) == 0
    assert [time for stream, time in taken if stream == 0] == list(range(300))
    heard_at = [time for stream, time in taken if stream == 1]
    assert heard_at == [time for time in range(300) if not 100 <= time < 100 + 10 * back]
