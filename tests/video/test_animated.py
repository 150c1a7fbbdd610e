"""Animated WebP as films, and how often animations are shown."""

import io
import re
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError, UsageError
from deepdream.images import animation
from deepdream.video.animated import gif_plays
from deepdream.video.reader import open_film
from tests.helpers.shared import SHARED, needs_cases
from tests.video.clips import texture

DURATIONS = [50, 100, 150, 100, 300]


def webp(path, frames, durations=DURATIONS, plays=0):
    """The path, as text, of an animated WebP; frames: (h, w, 3 or 4) uint8."""
    with path.open("wb") as file:
        animation.write(file, "WEBP", frames, durations, {"seed": 7}, plays, frames[0].shape[2] == 4)
    return str(path)


def see_through(number):
    """A texture that is transparent on the left and half transparent in the middle."""
    alpha = np.full((96, 128), 255, np.uint8)
    alpha[:, :40], alpha[:, 40:60] = 0, 128
    return np.dstack([texture(number), alpha])


@pytest.mark.parametrize("draw", [texture, see_through])
def test_every_frame_with_its_time_and_its_transparency(tmp_path, draw):
    pictures = [draw(number) for number in range(5)]
    film = open_film(webp(tmp_path / "a.webp", pictures, plays=3))
    frames = list(film.frames())
    assert [round(1000 * frame.duration) for frame in frames] == DURATIONS
    assert [round(1000 * frame.time) for frame in frames] == [0, 50, 150, 300, 400]
    for frame, picture in zip(frames, pictures):
        seen = picture[..., 3] > 0 if picture.shape[2] == 4 else np.ones((96, 128), bool)
        assert (frame.pixels == picture[..., :3])[seen].all()
        assert frame.alpha is None if seen.all() else (frame.alpha == picture[..., 3]).all()
    assert (film.count, film.size, film.fault, film.form.plays) == (5, (96, 128), None, 3)
    assert (film.form.rate, film.form.sound) == (Fraction(50, 7), None)
    assert len(list(film.check())) == 5
    assert len(list(film.frames())) == 5, "and again"


def test_a_part_each_second_frame_and_a_longest_side(tmp_path):
    path = webp(tmp_path / "a.webp", [see_through(number) for number in range(5)])
    film = open_film(path, start=0.05, every=2, max_size=64)
    frames = list(film.frames())
    assert [round(1000 * frame.time) for frame in frames] == [0, 250]
    assert [round(1000 * frame.duration) for frame in frames] == [250, 400]
    assert film.size == frames[0].pixels.shape[:2] == frames[0].alpha.shape == (48, 64)
    with pytest.raises(UsageError, match=r"a\.webp has no frame from 2 s to its end: it is 0\.70 s long"):
        open_film(path, start=2)


def test_what_wants_to_be_shown_too_shortly_is_shown_as_browsers_do(tmp_path):
    film = open_film(webp(tmp_path / "a.webp", [texture(n) for n in range(3)], [0, 10, 11]))
    assert [round(1000 * frame.duration) for frame in film.frames()] == [100, 100, 11]


def damage(path):
    """The fault of a film, as text."""
    try:
        film = open_film(str(path))
        list(film.frames())
    except DreamError as error:
        return str(error)
    return str(film.fault)


def test_damage_is_a_sentence(tmp_path):
    path = tmp_path / "a.webp"
    webp(path, [texture(number) for number in range(5)])
    whole = path.read_bytes()
    for length in (21, 30, 60, 200, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        assert re.fullmatch(f"{path} is .*: [a-z, ]+", damage(path)), length
    third = [found.start() for found in re.finditer(b"VP8L", whole)][2]
    path.write_bytes(whole[: third + 100] + b"\xff" * 40 + whole[third + 140 :])
    assert damage(path).startswith(f"{path} is damaged at 0.15 s, after 2 frames (failed to read next frame): ")


@pytest.mark.parametrize("plays", [0, 1, 2, 5])
def test_a_gif_is_shown_as_often_as_it_should(tmp_path, plays):
    with (tmp_path / "a.gif").open("wb") as file:
        animation.write(file, "GIF", [texture(0), texture(1)], [100, 100], {}, plays)
    assert gif_plays(str(tmp_path / "a.gif")) == plays
    assert open_film(str(tmp_path / "a.gif")).form.plays == plays
    assert Image.open(tmp_path / "a.gif").info.get("loop") == {0: 0, 1: None}.get(plays, plays - 1)


def test_other_files_have_no_say(tmp_path):
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    assert gif_plays(str(tmp_path / "a.gif")) == gif_plays(str(tmp_path / "none")) == 0


def test_a_still_webp_is_read_by_ffmpeg_as_before(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(texture(0)).save(buffer, "WEBP", lossless=True)
    (tmp_path / "a.webp").write_bytes(buffer.getvalue())
    (frame,) = open_film(str(tmp_path / "a.webp")).frames()
    assert np.abs(frame.pixels.astype(int) - texture(0)).max() <= 2


@needs_cases
def test_the_same_pictures_as_webp_and_as_gif():
    webp, gif = (open_film(str(SHARED / "cases" / "films" / name)) for name in ("trans.webp", "trans.gif"))
    frames = [list(film.frames()) for film in (webp, gif)]
    assert len(frames[0]) == len(frames[1]) == 5
    for one, other in zip(*frames):
        assert (one.time, one.duration) == (other.time, other.duration)
        assert (one.alpha == other.alpha).all()
        seen = one.alpha == 255
        assert np.abs(one.pixels.astype(int) - other.pixels)[seen].mean() < 8
