"""The sound of films: copied if possible, and always in sync with the pictures."""

from fractions import Fraction

import numpy as np
import pytest

from deepdream.video import writer
from deepdream.video.film import FORMATS
from deepdream.video.reader import open_film
from tests.video.clips import av, beep, clip, heard, numbered, sound_packets

CODECS = {".mp4": "aac", ".mkv": "aac", ".webm": "libopus", ".avi": "pcm_s16le"}
VIDEO = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx-vp9", ".avi": "mpeg4"}


def flash(folder, extension, seconds=2, at=1.5):
    """A film at 20 frames per second: one bright frame with a beep, the others dark."""
    pictures = [np.full((24, 32, 3), 30, np.uint8) for _ in range(int(20 * seconds))]
    pictures[round(20 * at)] = np.full((24, 32, 3), 220, np.uint8)
    options = {"g": "1"} if extension == ".avi" else {}
    samples = beep(seconds, at)
    path = folder / f"from{extension}"
    step = Fraction(1, 20)
    return clip(path, pictures, VIDEO[extension], step, sound=(CODECS[extension], samples), options=options)


def again(path, target, **span):
    """Write a film's frames and sound as they were read."""
    film = open_film(path, **span)
    frames = list(film.frames())
    times = [frame.time for frame in frames] + [frames[-1].time + frames[-1].duration]
    pictures = (frame.pixels for frame in frames)
    writer.write(target, FORMATS[target.suffix], pictures, times, film.form, {})
    return str(target)


def flashes(path):
    return [float(frame.time) for frame in open_film(path).frames() if frame.pixels.mean() > 120]


def beeps(path):
    """When the beep begins, in seconds."""
    samples, _ = heard(path)
    return float(np.argmax(abs(samples) > 0.15) / 48000)


@pytest.mark.parametrize("target", ["a.mp4", "a.webm"])
@pytest.mark.parametrize("extension", CODECS)
@pytest.mark.parametrize("start", [0, 0.62])
def test_the_beep_stays_with_the_flash(tmp_path, extension, target, start):
    source = flash(tmp_path, extension)
    path = again(source, tmp_path / target, start=start)
    expected = 1.5 - (0.65 if start else 0)
    assert flashes(path) == pytest.approx([expected], abs=0.0015)
    assert beeps(path) - expected == pytest.approx(beeps(source) - 1.5, abs=0.004)


@pytest.mark.parametrize("target", ["a.mp4", "a.webm"])
def test_a_decoder_whose_last_sound_has_no_time(tmp_path, target):
    source = clip(tmp_path / "in.wmv", numbered(20), "wmv2", sound=("wmav2", beep(0.8, at=0.4, lasts=0.4)))
    path = again(source, tmp_path / target)
    assert beeps(path) == pytest.approx(0.4, abs=0.05)
    assert heard(path)[1] == pytest.approx(0.8, abs=0.1)


def test_the_pictures_are_the_first_stream(tmp_path):
    source = clip(tmp_path / "in.mp4", numbered(3), sound=("aac", beep(0.1)))
    with av.open(again(source, tmp_path / "a.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


@pytest.mark.parametrize("target", ["a.mp4", "a.webm"])
def test_what_is_heard_before_the_first_picture_is_kept(tmp_path, target):
    source = clip(tmp_path / "in.mkv", numbered(10), times=range(10, 20), sound=("aac", beep(0.8, at=0.1)))
    path = again(source, tmp_path / target)
    with av.open(path) as container:
        assert float(next(container.decode(video=0)).time) == pytest.approx(0.4, abs=0.001)
    assert beeps(path) == pytest.approx(beeps(source), abs=0.004)
    if target == "a.mp4":
        assert [data for _, data in sound_packets(path)] == [data for _, data in sound_packets(source)]


@pytest.mark.parametrize(("extension", "target"), [(".mp4", "a.mp4"), (".mkv", "a.mp4"), (".webm", "a.webm")])
def test_what_the_format_holds_is_copied(tmp_path, extension, target):
    source = clip(tmp_path / f"from{extension}", numbered(20), VIDEO[extension], sound=(CODECS[extension], beep(0.8)))
    path = again(source, tmp_path / target)
    assert [data for _, data in sound_packets(path)] == [data for _, data in sound_packets(source)]
    late = sound_packets(again(source, tmp_path / f"late-{target}", start=0.2, end=0.6))
    assert {data for _, data in late} < {data for _, data in sound_packets(source)}
    assert late[0][0] <= 0.02
    assert 0.34 < late[-1][0] < 0.4


@pytest.mark.parametrize(("extension", "target"), [(".mp4", "a.webm"), (".avi", "a.mp4"), (".avi", "a.webm")])
def test_what_it_cannot_hold_is_encoded_anew(tmp_path, extension, target):
    options = {"g": "1"} if extension == ".avi" else {}
    pictures, sound = numbered(20), (CODECS[extension], beep(0.8))
    source = clip(tmp_path / f"from{extension}", pictures, VIDEO[extension], sound=sound, options=options)
    samples, seconds = heard(again(source, tmp_path / target))
    assert seconds == pytest.approx(0.8, abs=0.045)
    middle = samples[9600:28800]
    assert np.argmax(abs(np.fft.rfft(middle))) / 0.4 == pytest.approx(1000, abs=3)
    assert abs(middle).max() == pytest.approx(abs(heard(source)[0]).max(), rel=0.1)


@pytest.mark.parametrize("target", ["a.mp4", "a.webm"])
def test_the_pictures_begin_at_0_with_any_sound(tmp_path, target):
    path = again(flash(tmp_path, ".mp4"), tmp_path / target, start=0.62, end=1.7)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert next(container.demux(stream)).pts == 0
    with av.open(path) as container:
        assert next(container.decode(container.streams.video[0])).pts == 0


def test_all_tracks_and_their_languages(tmp_path):
    source = tmp_path / "from.mkv"
    with av.open(str(source), "w") as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 32, 24, "yuv420p"
        tracks = [container.add_stream("aac", rate=48000), container.add_stream("pcm_s16le", rate=48000)]
        for track, language in zip(tracks, ["deu", "fra"]):
            track.metadata["language"] = language
        container.mux(pictures.encode(av.VideoFrame.from_ndarray(numbered(1)[0]).reformat(format="yuv420p")))
        container.mux(pictures.encode(None))
        for track in tracks:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    with av.open(again(str(source), tmp_path / "a.mp4")) as container:
        streams = container.streams.audio
        assert [stream.codec_context.name for stream in streams] == ["aac", "aac"]
        assert [stream.metadata["language"] for stream in streams] == ["deu", "fra"]


def test_no_sound_is_no_track(tmp_path):
    with av.open(again(clip(tmp_path / "from.mp4", numbered(3)), tmp_path / "a.mp4")) as container:
        assert len(container.streams.audio) == 0


@pytest.mark.parametrize("target", ["a.mp4", "a.webm"])
def test_damaged_sound_ends_where_it_is_damaged(tmp_path, target):
    settings = {"muxer": {"movflags": "faststart"}}
    path = tmp_path / "from.mp4"
    source = clip(path, numbered(20), sound=("aac", beep(3)), **settings)
    path.write_bytes(path.read_bytes()[:-10000])
    film = open_film(source)
    pictures = [frame.pixels for frame in film.frames()]
    times = [Fraction(number, 25) for number in range(len(pictures) + 1)]
    assert len(pictures) == 20
    writer.write(tmp_path / target, FORMATS[f".{target[2:]}"], pictures, times, film.form, {})
    _, seconds = heard(tmp_path / target)
    assert 1 < seconds < 2.9
