"""Damaged and truncated films: all frames before the damage are read, none after it, without false alarms."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError
from deepdream.video.reader import open_film
from tests.helpers.shared import SHARED, needs_cases
from tests.video.clips import av, beep, clip, numbered, numbers, picture_frame, texture

FAULT = re.compile(r".* is damaged at [0-9.]+ s, after ([0-9]+) frames? \(.*\): .*again")
FASTSTART = {"movflags": "faststart"}


def film_in(folder, name):
    """A film with 25 frames of fine grain at 10 frames per second; its path as text."""
    path = folder / name
    frames = [texture(number, 48, 64) for number in range(25)]
    step = Fraction(1, 10)
    if name == "a.gif":
        images = [Image.fromarray(frame) for frame in frames]
        images[0].save(path, save_all=True, append_images=images[1:], duration=100)
    elif name == "fragments.mp4":
        fragments = {"movflags": "frag_keyframe+empty_moov"}
        clip(path, frames, step=step, options={"g": "6"}, muxer=fragments, sound=("aac", beep(2.5)))
    elif name == "a.mp4":
        clip(path, frames, step=step, muxer=FASTSTART, sound=("aac", beep(2.5)))
    elif name == "a.avi":
        clip(path, frames, "mpeg4", step=step, options={"g": "1"})
    elif name == "a.webm":
        clip(path, frames, "libvpx-vp9", step=step, sound=("libopus", beep(2.5)), options={"cpu-used": "5"})
    else:
        clip(path, frames, step=step)
    return path


@pytest.mark.parametrize("name", ["a.webm", "a.gif"])
def test_a_hole_after_which_nothing_can_be_found(tmp_path, name):
    path = film_in(tmp_path, name)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    film = open_film(str(path))
    frames = list(film.frames())
    if len(frames) < 25:
        assert int(FAULT.fullmatch(str(film.fault)).group(1)) == len(frames)
    assert len(frames) < 25 or name == "a.webm"


def test_in_avi_h264_has_no_times_and_the_frames_are_counted(tmp_path):
    """Its packets are stored in decoding order, with times in that order."""
    path = clip(tmp_path / "a.avi", numbered(20), options={"bf": "3", "b-adapt": "0"}, step=Fraction(1, 10))
    film = open_film(path)
    frames = list(film.frames())
    assert numbers(frames) == list(range(20))
    assert [frame.time for frame in frames] == [Fraction(number, 10) for number in range(20)]


@pytest.mark.parametrize("name", ["a.mp4", "fragments.mp4", "a.mkv", "a.webm", "a.avi", "a.gif"])
def test_cut_short_anywhere(tmp_path, name):
    path = film_in(tmp_path, name)
    whole = [frame.pixels for frame in open_film(str(path)).frames()]
    assert len(whole) == 25
    data = path.read_bytes()
    lengths = set()
    for share in (0.45, 0.6, 0.73, 0.9, 0.98):
        path.write_bytes(data[: int(len(data) * share)])
        film = open_film(str(path))
        frames = list(film.frames())
        assert film.fault is not None, share
        assert film.fault.exit_code == 1
        assert int(FAULT.fullmatch(str(film.fault)).group(1)) == len(frames)
        assert all((frame.pixels == other).all() for frame, other in zip(frames, whole))
        lengths.add(len(frames))
    assert len(lengths) > 2
    assert max(lengths) > 15


def wreck(path, number):
    """Overwrites the packet with that number."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
        place, size, time = packets[number].pos, packets[number].size, packets[number].pts * packets[number].time_base
    data = bytearray(path.read_bytes())
    data[place + 5 : place + size] = b"\xff" * (size - 5)
    path.write_bytes(data)
    return time


@pytest.mark.parametrize("number", [7, 15])
def test_a_frame_wrecked_in_the_middle(tmp_path, number):
    path = film_in(tmp_path, "a.mp4")
    whole = [frame.pixels for frame in open_film(str(path)).frames()]
    time = wreck(path, number)
    film = open_film(str(path))
    frames = list(film.frames())
    assert int(FAULT.fullmatch(str(film.fault)).group(1)) == len(frames) == time * 10
    assert all((frame.pixels == other).all() for frame, other in zip(frames, whole))


def test_damage_outside_of_the_span_is_nobodys_business(tmp_path):
    path = tmp_path / "a.mp4"
    frames = [texture(number, 48, 64) for number in range(30)]
    clip(path, frames, step=Fraction(1, 10), options={"g": "10", "sc_threshold": "0", "bf": "0"})
    whole = [frame.pixels for frame in open_film(str(path)).frames()]
    wreck(path, 13)
    for start, end in [(0, 1.3), (2, 3), (2.5, 2.9)]:
        film = open_film(str(path), start=start, end=end)
        pixels = [frame.pixels for frame in film.frames()]
        assert film.fault is None
        assert np.array_equal(pixels, whole[int(start * 10) : round(end * 10)])
    film = open_film(str(path), end=1.5)
    assert len(list(film.frames())) == 13
    assert film.fault is not None
    with pytest.raises(DreamError, match=r"the first frame of .* cannot be decoded"):
        open_film(str(path), start=1.5)


def test_a_cut_behind_the_end_is_nobodys_business(tmp_path):
    path = film_in(tmp_path, "a.mp4")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.8)])
    film = open_film(str(path), end=1)
    assert len(list(film.frames())) == 10
    assert film.fault is None


def test_a_first_frame_that_cannot_be_decoded_is_no_film(tmp_path):
    path = film_in(tmp_path, "a.avi")
    wreck(path, 0)
    with pytest.raises(DreamError, match=r"the first frame of .*a\.avi cannot be decoded \(.*\): .*again.* --start"):
        open_film(str(path))


def test_the_fault_is_found_again_by_each_pass(tmp_path):
    path = film_in(tmp_path, "a.gif")
    path.write_bytes(path.read_bytes()[:-3000])
    film = open_film(str(path))
    assert film.fault is None
    first = len(list(film.frames()))
    assert film.fault is not None
    frames = film.frames()
    next(frames)
    assert film.fault is None
    assert 1 + len(list(frames)) == first
    assert film.fault is not None


def live(path):
    """A Matroska file as it is streamed: it states neither its duration nor its size."""
    clip(path, numbered(12), muxer={"live": "1"})
    return path


def with_an_edit_list(path):
    """An MP4 whose first three frames are not shown."""
    clip(path, numbered(12), options={"bf": "0"}, times=range(-3, 9))
    return path


def begun_late(path, seconds, **settings):
    """A recording whose times do not begin at 0. The duration that Matroska states runs from 0 to its end."""
    return clip(
        path, numbered(12), settings.pop("codec", "libx264"), times=range(25 * seconds, 25 * seconds + 12), **settings
    )


SOUND = {
    "late.mkv": lambda path: begun_late(path, 5),
    "late.webm": lambda path: begun_late(path, 3600, codec="libvpx-vp9"),
    "late.mp4": lambda path: begun_late(path, 5),
    "late.ts": lambda path: begun_late(path, 5),
    "sound-longer.mp4": lambda path: clip(path, numbered(12), sound=("aac", beep(2))),
    "sound-longer.mkv": lambda path: clip(path, numbered(12), sound=("aac", beep(2))),
    "sound-shorter.mp4": lambda path: clip(path, numbered(12), sound=("aac", beep(0.1))),
    "uneven.mkv": lambda path: clip(path, numbered(4), step=Fraction(1, 1000), times=[0, 33, 900, 905]),
    "references.mp4": lambda path: clip(path, numbered(12), options={"bf": "8", "b-pyramid": "normal", "g": "5"}),
    "live.mkv": live,
    "edit-list.mp4": with_an_edit_list,
    "a.ts": lambda path: clip(path, numbered(12)),
}


@pytest.mark.parametrize("name", SOUND)
def test_no_false_alarms(tmp_path, name):
    path = tmp_path / name
    SOUND[name](path)
    film = open_film(str(path))
    first, count = {"edit-list.mp4": (3, 9), "uneven.mkv": (0, 4)}.get(name, (0, 12))
    frames = list(film.frames())
    assert film.fault is None
    assert numbers(frames) == list(range(first, first + count))
    assert film.count == count


def test_a_recording_that_begins_in_the_middle_begins_at_its_first_key_frame(tmp_path):
    path = tmp_path / "a.ts"
    clip(path, numbered(24), options={"g": "10", "bf": "0", "sc_threshold": "0"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
        begin = packets[3].pos
    data = path.read_bytes()
    Path(path).write_bytes(data[:564] + data[begin:])
    film = open_film(str(path))
    frames = list(film.frames())
    assert (numbers(frames), film.fault) == (list(range(10, 24)), None)
    assert frames[0].time == Fraction(7, 25)  # its own time, since sound precedes it


def test_a_late_beginning_that_is_cut_short_is_still_found(tmp_path):
    path = Path(begun_late(tmp_path / "a.webm", 3600, codec="libvpx-vp9"))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    film = open_film(str(path))
    assert 0 < len(list(film.frames())) < 12
    assert film.fault is not None


@pytest.mark.parametrize("repeats", [(2, 3), (6,), (2, 3, 6, 7)])
def test_a_packet_without_bytes_shows_the_frame_before_once_more(tmp_path, repeats):
    """As in Theora; NUT can store such packets for every codec."""
    path, step = tmp_path / "a.nut", Fraction(1, 10)
    shown = [number for number in range(8) if number not in repeats]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number, picture in enumerate(numbered(8)):
            if number in repeats:
                packet = av.Packet(0)
                packet.pts = packet.dts = number
                packet.time_base, packet.stream, packet.duration = step, stream, 1
                container.mux(packet)
                continue
            frame = picture_frame(picture, "yuv420p")
            frame.pts, frame.time_base = number, step
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    film = open_film(str(path))
    frames = list(film.frames())
    assert film.fault is None
    assert numbers(frames) == shown
    assert [round(10 * frame.time) for frame in frames] == shown
    assert round(10 * float(frames[-1].time + frames[-1].duration), 2) == 8
    assert film.count == len(shown)


@needs_cases
@pytest.mark.parametrize("name", ["live2.webm", "off5.mkv"])
def test_recordings_that_begin_late(name):
    film = open_film(str(SHARED / "cases" / "films" / name))
    assert (len(list(film.frames())), film.count, film.fault, film.notes) == (6, 6, None, [])


@needs_cases
@pytest.mark.parametrize(("name", "notes"), [("twice.ts", 1), ("reschange.ts", 2)])
def test_two_recordings_one_behind_the_other(name, notes):
    film = open_film(str(SHARED / "cases" / "films" / name))
    frames = list(film.frames())
    assert [frame.pixels.shape for frame in frames] == [(176, 320, 3)] * 12
    assert [round(25 * (frame.time - frames[0].time), 1) for frame in frames] == list(range(12))
    assert (film.fault, len(film.notes)) == (None, notes)


@pytest.mark.skipif(av.library_versions["libavformat"][0] < 62, reason="FFmpeg before 8 reads on without an error")
def test_sound_that_breaks_off_is_said(tmp_path):
    """The sizes of its packets are damaged after the ninth."""
    path = tmp_path / "a.mp4"
    clip(path, numbered(36), sound=("aac", beep(2)))
    assert open_film(str(path)).notes == []
    data = bytearray(path.read_bytes())
    sizes = data.rindex(b"stsz") + 12 + 4 * 9
    data[sizes : sizes + 4] = b"\x7f\xff\xff\xff"
    path.write_bytes(bytes(data))
    film = open_film(str(path))
    assert len(list(film.frames())) == 36
    assert film.fault is None
    (note,) = film.notes
    assert re.match(rf"the sound of {path} is damaged at 0\.[12][0-9] s", note)
    assert open_film(str(path), start=1).notes == []
