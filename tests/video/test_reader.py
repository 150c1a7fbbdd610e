"""Films read: the right frames, the right way up, at their times. Colours: test_reader_pixels.py."""

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError, UsageError
from deepdream.video.reader import open_film
from tests.video.clips import COLOURS, av, beep, clip, numbered, numbers, patches, texture, turn


def test_each_frame_once_at_its_time(tmp_path):
    path = clip(tmp_path / "a.mp4", numbered(12))
    film = open_film(path)
    frames = list(film.frames())
    assert numbers(frames) == list(range(12))
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(12)]
    assert {frame.duration for frame in frames} == {Fraction(1, 25)}
    assert (film.count, film.size, film.form.rate, film.fault) == (12, (24, 32), 25, None)
    assert film.sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert numbers(film.frames()) == list(range(12)), "and again"


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.mkv", "libx264", "yuv420p"), ("a.webm", "libvpx-vp9", "yuv420p"), ("a.avi", "mpeg4", "yuv420p")],
)
def test_other_containers(tmp_path, name, codec, pix_fmt):
    film = open_film(clip(tmp_path / name, numbered(6), codec, pix_fmt=pix_fmt))
    assert numbers(film.frames()) == list(range(6))
    assert [float(frame.time) for frame in film.frames()] == [0, 0.04, 0.08, 0.12, 0.16, 0.2]


def test_uneven_times_are_kept(tmp_path):
    film = open_film(clip(tmp_path / "a.mp4", numbered(5), step=Fraction(1, 600), times=[0, 7, 100, 101, 350]))
    frames = list(film.frames())
    assert [frame.time * 600 for frame in frames] == [0, 7, 100, 101, 350]
    assert [frame.duration * 600 for frame in frames][:4] == [7, 93, 1, 249]
    assert film.form.time_base.denominator % 600 == 0
    assert float(film.form.rate) == pytest.approx(4 / (350 / 600), rel=0.01)


def test_a_span_and_every_third(tmp_path):
    path = clip(tmp_path / "a.mp4", numbered(20), step=Fraction(1, 10), sound=("aac", beep(2)))
    film = open_film(path, start=0.3, end=1.45, every=3)
    frames = list(film.frames())
    assert numbers(frames) == [3, 6, 9, 12]
    assert [float(frame.time) for frame in frames] == [0, 0.3, 0.6, 0.9]
    assert [float(frame.duration) for frame in frames] == pytest.approx([0.3] * 4), "12 stands for 13 and 14 too"
    assert (film.count, film.form.rate) == (4, Fraction(10, 3))
    assert (film.form.sound.start, film.form.sound.end) == (Fraction(3, 10), Fraction(29, 20))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize("start", [1.9, 2.0, 2.81])
def test_a_later_start_gives_the_very_same_frames(tmp_path, name, start):
    codec = "mpeg4" if name == "a.avi" else "libx264"
    frames = [texture(number, 48, 64) for number in range(35)]
    path = clip(tmp_path / name, frames, codec, step=Fraction(1, 10), options={"g": "10"})
    whole = [frame for frame in open_film(path).frames() if frame.time >= start]
    late = list(open_film(path, start=start).frames())
    assert [frame.time + whole[0].time for frame in late] == [frame.time for frame in whole]
    assert all((one.pixels == other.pixels).all() for one, other in zip(late, whole))


@pytest.mark.parametrize(
    ("matrix", "shown"),  # red, green / blue, white are the corners as they are stored
    [
        ((1, 0, 0, 1), "rg/bw"),
        ((0, 1, -1, 0), "br/wg"),
        ((-1, 0, 0, -1), "wb/gr"),
        ((0, -1, 1, 0), "gw/rb"),
        ((-1, 0, 0, 1), "gr/wb"),
        ((0, 1, 1, 0), "rb/gw"),
    ],
)
def test_pictures_are_upright(tmp_path, matrix, shown):
    colours = {"r": [220, 20, 20], "g": [20, 220, 20], "b": [20, 20, 220], "w": [220, 220, 220]}
    stored = np.concatenate([patches([colours["r"], colours["g"]]), patches([colours["b"], colours["w"]])])
    stored = np.repeat(stored, 2, axis=1)
    path = clip(tmp_path / "a.mp4", [stored], sample_aspect_ratio=Fraction(4, 3))
    turn(tmp_path / "a.mp4", matrix)
    film = open_film(path)
    pixels = next(film.frames()).pixels
    upright = matrix[0] != 0
    assert film.size == pixels.shape[:2] == ((32, 64) if upright else (64, 32))
    assert film.form.aspect == (Fraction(4, 3) if upright else Fraction(3, 4))
    high, wide = film.size
    for y, line in enumerate(shown.split("/")):
        for x, name in enumerate(line):
            assert abs(pixels[y * high // 2 + 8, x * wide // 2 + 8].astype(int) - colours[name]).max() < 25, (y, x)


@pytest.mark.parametrize("matrix", [(0, 0, 0, 0), (1, -2, 0, 1), (1, 0, 5, 1), (0, 1, 0, 0), (0, 0, 0, -0)])
def test_a_matrix_that_turns_nothing_is_upright(tmp_path, matrix):
    path = clip(tmp_path / "a.mp4", [patches(COLOURS[:2])])
    turn(tmp_path / "a.mp4", matrix)
    pixels = next(open_film(path).frames()).pixels
    assert pixels.shape == (16, 32, 3)
    assert pixels[8, 8].min() > 200 > 50 > pixels[8, 24].max()


def test_a_gif(tmp_path):
    frames = [Image.fromarray(patches([colour])).quantize(4) for colour in COLOURS]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[100, 50, 200, 30, 40, 50, 60])
    film = open_film(str(tmp_path / "a.gif"))
    frames = list(film.frames())
    assert [frame.pixels[8, 8].tolist() for frame in frames] == COLOURS
    assert [int(frame.duration * 1000) for frame in frames] == [100, 50, 200, 30, 40, 50, 60]


def test_a_still_is_a_film_of_one_frame(tmp_path):
    Image.fromarray(texture(0)).save(tmp_path / "50%d: one.png")
    film = open_film(str(tmp_path / "50%d: one.png"))
    (frame,) = film.frames()
    assert (frame.pixels == texture(0)).all()
    assert frame.time == 0 < frame.duration
    assert film.count == 1


def test_a_later_size_is_scaled_to_the_first(tmp_path):
    path = tmp_path / "a.mkv"
    encoders = [av.CodecContext.create("mjpeg", "w") for _ in range(2)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, (encoder, size) in enumerate(zip(encoders, [(48, 64), (96, 128)])):
            encoder.height, encoder.width = size
            encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 10)
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 90 + 50 * number, np.uint8)).reformat(
                format="yuvj420p"
            )
            frame.pts = number
            for packet in encoder.encode(frame) + encoder.encode(None):
                packet.stream = stream
                container.mux(packet)
    pixels = [frame.pixels for frame in open_film(str(path)).frames()]
    assert [one.shape for one in pixels] == [(48, 64, 3)] * 2
    assert [round(one.mean() / 10) for one in pixels] == [9, 14]


def test_max_size(tmp_path):
    film = open_film(clip(tmp_path / "a.mp4", numbered(2, 48, 96)), max_size=32)
    assert film.size == next(film.frames()).pixels.shape[:2] == (16, 32)


def test_too_many_pixels_are_refused(tmp_path, monkeypatch):
    path = clip(tmp_path / "a.mp4", numbered(1))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with pytest.raises(DreamError, match="more than 600 pixels"):
        open_film(path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fps": 10}, "--fps is for folders of frames, and .* has its own rate: leave it out"),
        ({"start": 5}, r"a\.mp4 has no frame from 5 s to its end: it is 0\.48 s long"),
        ({"start": 0.401, "end": 0.43}, r"no frame from 0\.401 s to 0\.43 s"),
    ],
)
def test_wrong_use(tmp_path, options, sentence):
    path = clip(tmp_path / "a.mp4", numbered(12))
    with pytest.raises(UsageError, match=sentence):
        open_film(path, **options)


def test_standard_input_is_wrong_use():
    with pytest.raises(UsageError, match="name a file"):
        open_film("-")


def bad(folder, what):
    path = folder / f"{what}.mp4"
    if what == "empty":
        path.write_bytes(b"")
    elif what == "text":
        path.write_bytes(b"no film, only its name says so\n" * 50)
    elif what == "cut":
        clip(path, numbered(5))
        path.write_bytes(path.read_bytes()[:500])
    elif what == "sound":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=48000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="stereo")
            frame.sample_rate = 48000
            container.mux(stream.encode(frame) + stream.encode(None))
    elif what == "codec":
        clip(path, numbered(5))
        path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1"))
    return str(path)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("missing", "there is no file "),
        ("empty", " is empty: "),
        ("text", " is not a film in a supported format"),
        ("cut", " is cut short"),
        ("sound", " has no video, only sound"),
        ("codec", " is in a codec that this PyAV cannot decode"),
    ],
)
def test_what_is_no_film_gets_a_sentence(tmp_path, what, sentence):
    path = bad(tmp_path, what)
    with pytest.raises(DreamError) as caught:
        open_film(path)
    assert sentence in str(caught.value)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1
