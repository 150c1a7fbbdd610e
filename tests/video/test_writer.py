"""Films that are written give the same frames back, at the same times, in the right colours, with their recipe."""

import struct
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from deepdream.errors import DreamError
from deepdream.video import film, writer
from deepdream.video.film import FORMATS, VideoFormat
from deepdream.video.reader import open_film, read_recipe
from tests.video.clips import av, clip, numbered, numbers, patches, texture

KINDS = [(kind, extension) for extension, kind in FORMATS.items()]
RECIPE = {"model": "bvlc_googlenet", "seed": 7, "guide": "ünï"}
COLOURS = [[255, 255, 255], [0, 0, 0], [128, 128, 128], [200, 30, 40], [20, 180, 60], [30, 40, 220], [250, 240, 10]]


def write(path, frames, times=None, form=None, recipe=RECIPE):
    """Writes a film at 10 frames per second, unless times are given; returns its path as text."""
    form = form or VideoFormat(rate=Fraction(10), time_base=Fraction(1, 10))
    times = times or [Fraction(number, 10) for number in range(len(frames) + 1)]
    writer.write(path, FORMATS[path.suffix], iter(frames), times, form, recipe)
    return str(path)


def test_h264_is_told_to_give_the_same_bytes_every_time(tmp_path):
    """x264 is deterministic only with cpu-independent, which it records among its settings in the file."""
    writer.write(
        tmp_path / "a.mp4",
        "MP4",
        iter([texture(0)]),
        [0, Fraction(1, 25)],
        VideoFormat(Fraction(25), Fraction(1, 25)),
        {},
    )
    settings = (tmp_path / "a.mp4").read_bytes()
    for words in (b"sliced_threads=0", b" threads=4 ", b"crf=17.0"):
        assert words in settings
    assert writer._ENCODERS["MP4"]["libx264"]["x264-params"] == "cpu-independent=1"


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_every_frame_comes_back(tmp_path, kind, extension):
    writer.check(kind)
    read = open_film(write(tmp_path / f"a{extension}", numbered(30)))
    frames = list(read.frames())
    assert numbers(frames) == list(range(30))
    assert [frame.time for frame in frames] == [Fraction(number, 10) for number in range(30)]
    assert (read.count, read.form.rate, read.fault) == (30, 10, None)


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_fine_grain_is_kept(tmp_path, kind, extension):
    pictures = [texture(number) for number in range(12)]
    read = open_film(write(tmp_path / f"a{extension}", pictures)).frames()
    errors = [np.mean((frame.pixels - picture.astype(float)) ** 2) for frame, picture in zip(read, pictures)]
    assert 10 * np.log10(255**2 / np.mean(errors)) >= 38


@pytest.mark.parametrize(("kind", "extension"), KINDS)
@pytest.mark.parametrize(("matrix", "full"), [(1, False), (1, True), (6, False), (5, True)])
def test_colours_and_their_tags(tmp_path, kind, extension, matrix, full):
    form = VideoFormat(Fraction(10), Fraction(1, 10), matrix=matrix, primaries=5, transfer=6, full_range=full)
    path = write(tmp_path / f"a{extension}", [patches(COLOURS)] * 2, form=form)
    read = open_film(path)
    assert abs(next(read.frames()).pixels[8, 8::16].astype(int) - COLOURS).max() <= 3
    with av.open(path) as container:
        coder = container.streams.video[0].codec_context
        assert (coder.colorspace, coder.color_range) == (matrix, 2 if full else 1)
        assert (coder.color_primaries, coder.color_trc, coder.pix_fmt.replace("j", "")) == (5, 6, "yuv420p")
    luma = next(av.open(path).decode(video=0)).planes[0]
    black_and_white = np.frombuffer(luma, np.uint8).reshape(-1, luma.line_size)[8, [24, 8]]
    assert abs(black_and_white.astype(int) - ([0, 255] if full else [16, 235])).max() <= 1


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_uneven_times_and_the_end(tmp_path, kind, extension):
    stamps = [0, 20, 330, 340, 1000, 1720]
    form = VideoFormat(rate=Fraction(5, 2), time_base=Fraction(1, 600))
    times = [Fraction(stamp, 600) for stamp in stamps]
    path = write(tmp_path / f"a{extension}", numbered(5), times, form)
    frames = list(open_film(path).frames())
    assert numbers(frames) == list(range(5))
    if kind == "MP4":
        assert [frame.time for frame in frames] == times[:-1]
        assert frames[-1].duration in (Fraction(720, 600), Fraction(250, 600))  # the mean if FFmpeg does not know it
        data = Path(path).read_bytes()
        place = data.index(b"mvhd") + 16  # FFmpeg would report a sum of decoding times instead
        assert struct.unpack(">II", data[place : place + 8]) == (1000, round(1720 / 0.6))
    else:
        assert all(abs(frame.time - time) <= Fraction(1, 1000) for frame, time in zip(frames, times))
        with av.open(path) as container:
            assert container.duration / 1e6 == pytest.approx(1720 / 600, abs=0.002)


UNEVEN = [
    [0, 200, 400, 1400],
    [0, 50, 150, 300, 400, 700],
    [0, 40, 80, 120, 160, 1000, 1040, 1080],
    [*range(0, 1201, 40), 5000],
    [0, 33, 67, 100, 133, 167, 200, 233],
    [0, 10, 200],
    [0, 700],
]


@pytest.mark.parametrize(("kind", "extension"), KINDS)
@pytest.mark.parametrize("stamps", UNEVEN)
def test_the_last_frame_lasts_as_long_as_it_should(tmp_path, kind, extension, stamps):
    """The pictures hardly change, so that the encoder would let most of them refer to later ones."""
    times = [Fraction(stamp, 1000) for stamp in stamps]
    form = VideoFormat(rate=(len(times) - 1) / times[-1], time_base=Fraction(1, 1000))
    path = write(tmp_path / f"a{extension}", [texture(0)] * (len(times) - 1), times, form)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert container.duration / 1e6 == pytest.approx(float(times[-1]), abs=2e-3)
        if kind == "MP4":
            assert stream.duration * stream.time_base == times[-1]
    frames = list(open_film(path).frames())
    assert [frame.time for frame in frames] == times[:-1]
    if av.library_versions["libavformat"][0] >= 62:  # FFmpeg 8; earlier ones do not report it
        assert frames[-1].time + frames[-1].duration == times[-1]


def test_even_films_keep_their_b_frames(tmp_path):
    path = write(tmp_path / "a.mp4", [texture(0)] * 20)
    with av.open(path) as container:
        assert sum(frame.pict_type == av.video.frame.PictureType.B for frame in container.decode(video=0)) > 5


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(4, 3), Fraction(1, 2)])
def test_webm_heeds_the_longest_side(tmp_path, aspect):
    form = VideoFormat(Fraction(10), Fraction(1, 10), aspect=aspect, max_size=48)
    read = open_film(write(tmp_path / "a.webm", [patches([[200, 30, 40], [30, 40, 220]], 24)], form=form))
    assert max(read.size) == 48
    assert float(Fraction(read.size[1], read.size[0])) == pytest.approx(2 * float(aspect), rel=0.03)
    assert writer.stored_size("MP4", (24, 48), aspect, 48) == (24, 48), "it keeps the pixels' shape"


def test_webm_keeps_transparency(tmp_path):
    assert (writer.holds_alpha("WEBM"), writer.holds_alpha("MP4")) == (True, False)
    alpha = np.zeros((96, 128), np.uint8)
    alpha[:, 40:80], alpha[:, 80:] = 128, 255
    frames = [np.dstack([texture(number), alpha]) for number in range(6)]
    times, form = [Fraction(number, 10) for number in range(7)], VideoFormat(Fraction(10), Fraction(1, 10))
    paths = [tmp_path / f"{name}.webm" for name in "ab"]
    for path in paths:
        writer.write(path, "WEBM", iter(frames), times, form, RECIPE, has_alpha=True)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    read = list(open_film(str(paths[0])).frames())
    assert [frame.time for frame in read] == times[:-1]
    for frame, picture in zip(read, frames):
        assert np.abs(frame.alpha[:, [20, 60, 100]].astype(int) - [0, 128, 255]).max() <= 6
        assert np.abs(frame.pixels[:, 90:].astype(float) - picture[:, 90:, :3]).mean() < 6


@pytest.mark.parametrize(("kind", "extension"), KINDS)
@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(1, 2)])
def test_pixels_that_are_not_square_are_shown_as_they_should(tmp_path, kind, extension, aspect):
    form = VideoFormat(Fraction(10), Fraction(1, 10), aspect=aspect)
    colours = [[200, 30, 40], [30, 40, 220]]
    read = open_film(write(tmp_path / f"a{extension}", [patches(colours, 24)], form=form))
    height, width = read.size
    assert Fraction(width, height) * read.form.aspect == aspect * 2
    assert read.size == writer.stored_size(kind, (24, 48), aspect)
    pixels = next(read.frames()).pixels
    assert abs(pixels[8, [width // 4, width * 3 // 4]].astype(int) - colours).max() <= 4


@pytest.mark.parametrize(
    ("step", "each"), [(Fraction(1001, 30000), 1), (Fraction(1, 25), 1), (Fraction(1, 90000), 3003)]
)
def test_time_bases_of_all_sorts_are_exact(tmp_path, step, each):
    times = [number * each * step for number in range(8)]
    path = write(tmp_path / "a.mp4", numbered(7), times, VideoFormat(rate=1 / times[1], time_base=step))
    assert [frame.time for frame in open_film(path).frames()] == times[:-1]


@pytest.mark.parametrize(("kind", "extension"), KINDS)
@pytest.mark.parametrize(("height", "width"), [(33, 47), (1, 1), (24, 31)])
def test_odd_sides(tmp_path, kind, extension, height, width):
    picture = np.arange(height * width * 3).reshape(height, width, 3) * 97 % 40 + np.uint8([150, 90, 60])
    read = open_film(write(tmp_path / f"a{extension}", [picture.astype(np.uint8)]))
    pixels = next(read.frames()).pixels
    assert pixels.shape[:2] == read.size == writer.stored_size(kind, (height, width))
    assert read.size == ((height + height % 2, width + width % 2) if kind == "MP4" else (height, width))
    assert abs(pixels[:height, :width].mean((0, 1)) - picture.mean((0, 1))).max() < 4
    if kind == "MP4" and width % 2:
        assert abs(pixels[:, -1].astype(float) - pixels[:, -2]).mean() < 25, "the last column once more"


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_the_same_frames_give_the_same_bytes(tmp_path, kind, extension):
    pictures = [texture(number, 240, 320) for number in range(8)]
    paths = [write(tmp_path / f"{name}{extension}", pictures) for name in "ab"]
    first, second = (Path(path).read_bytes() for path in paths)
    assert first == second


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_the_recipe_travels_along(tmp_path, kind, extension):
    assert read_recipe(write(tmp_path / f"a{extension}", numbered(1))) == RECIPE


def test_films_without_a_recipe_say_so(tmp_path):
    path = clip(tmp_path / "a.mp4", numbered(1))
    with pytest.raises(DreamError, match=r"a\.mp4 holds no recipe: it was not made by dreamify"):
        read_recipe(path)
    (tmp_path / "b.mp4").write_bytes(b"no film" * 50)
    with pytest.raises(DreamError, match=r"b\.mp4 is not a film"):
        read_recipe(str(tmp_path / "b.mp4"))


def test_an_mp4_can_be_played_while_it_loads(tmp_path):
    data = Path(write(tmp_path / "a.mp4", numbered(3))).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_what_the_disk_says_comes_out_as_it_is(tmp_path, kind, extension):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / f"a{extension}", numbered(1))
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    pictures = [texture(number, 240, 320) for number in range(4)]
    times = [Fraction(number, 10) for number in range(5)]
    with pytest.raises(OSError, match="No space left") as caught:
        writer.write(Path("/dev/full"), kind, pictures, times, VideoFormat(Fraction(10), Fraction(1, 10)), {})
    assert caught.value.strerror == "No space left on device"


def test_what_goes_wrong_between_the_frames_comes_out_as_it_is(tmp_path):
    def frames():
        yield from numbered(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.mp4", frames(), [Fraction(0), Fraction(1), Fraction(2), Fraction(3)])


def test_frames_are_let_go_one_by_one(tmp_path):
    held = []

    def frames():
        for picture in numbered(9):
            mine = picture.copy()
            held.append(weakref.ref(mine))
            yield mine
            del mine
            assert sum(reference() is not None for reference in held) <= 2

    write(tmp_path / "a.mp4", frames(), [Fraction(number, 10) for number in range(10)])
    assert len(held) == 9


@pytest.mark.parametrize(("kind", "extension"), KINDS)
def test_what_the_encoder_refuses_gets_a_sentence(tmp_path, kind, extension):
    with pytest.raises(DreamError, match=f"cannot be stored as {kind}"):
        write(tmp_path / f"a{extension}", [np.zeros((2, 70000, 3), np.uint8)])


def test_a_missing_encoder_is_named(monkeypatch):
    def codec(name, mode):
        raise ValueError(name)

    monkeypatch.setattr(av.codec, "Codec", codec)
    with pytest.raises(DreamError, match=r"neither libx264 nor libopenh264 for MP4.*folder or a \.gif"):
        writer.check("MP4")


def test_a_missing_pyav_is_said(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(film.importlib, "import_module", missing)
    with pytest.raises(DreamError, match=r"PyAV.*: pip install av opencv-python-headless.*folder or a \.gif"):
        writer.check("WEBM")
