"""What films a visitor can ask for."""

from dataclasses import replace

import pytest
from PIL import Image

from deepdream.errors import DreamError, UsageError
from deepdream.settings import DREAM, WEB
from deepdream.web import films
from deepdream.web.films import Film, asked


@pytest.fixture
def everything(monkeypatch):
    """An installation that writes all formats."""
    monkeypatch.setattr(films.writer, "check", lambda kind: None)


@pytest.mark.usefixtures("everything")
def test_what_can_be_asked_for():
    for kind in ("growth", "zoom"):
        for suffix in (".mp4", ".webp", ".gif"):
            for frames in (20, 50):
                assert asked(kind, suffix, frames) == Film(kind, suffix, frames)
    assert films.missing() == ""


ANYTHING = [None, True, False, 0, 19, 51, -20, 10**400, 20.0, 33.5, float("nan"), "", "20", "zoom\0", [], [30], {}]


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize(
    "value", [*ANYTHING, "Zoom", ".exe", "../zoom", "mp4", ".MP4", "9" * 9999], ids=lambda v: repr(v)[:20]
)
def test_nothing_else_is_made(value):
    """Each is refused in one sentence, wherever it is."""
    for given, words in (
        ((value, ".mp4", 30), "there is no film that shows .*: choose"),
        (("zoom", value, 30), "no film is made as .* here: choose"),
        (("zoom", ".mp4", value), "a zoom on this page has 20 to 50 frames, not .*"),
    ):
        with pytest.raises(UsageError, match=f"^{words}") as refused:
            asked(*given)
        assert len(str(refused.value)) < 200


def test_a_format_that_cannot_be_written_is_not_offered_and_the_reason_is_said(monkeypatch):
    def check(kind):
        raise DreamError(
            "films require PyAV, which is not here: pip install av, or write to a folder or a .gif instead"
        )

    Image.init()
    monkeypatch.setattr(films.writer, "check", check)
    monkeypatch.delitem(Image.SAVE_ALL, "WEBP", raising=False)
    assert films.available() == [".gif"]
    assert films.missing() == (
        "MP4 cannot be made here: films require PyAV, which is not here: pip install av. "
        "WebP cannot be made here: this Pillow has no animated WebP, but the one from PyPI has: pip install pillow."
    )
    with pytest.raises(UsageError, match=r"no film is made as '\.mp4' here"):
        asked("zoom", ".mp4", 30)


def test_how_many_frames_there_are():
    dream = replace(DREAM, iter_n=50, octave_n=10)
    assert Film("growth", ".gif", 30).count(dream) == 501
    assert Film("zoom", ".gif", 30).count(dream) == 30


def test_what_no_film_is_made_of():
    still, usual, size = replace(DREAM, iter_n=0), DREAM, WEB.max_size
    Film("zoom", ".mp4", 30).check(still, (28, 40), size)
    with pytest.raises(UsageError, match="this dream has none: make a zoom"):
        Film("growth", ".mp4", 30).check(still, (28, 40), size)
    Film("growth", ".gif", 30).check(usual, (640, 1024), size)
    Film("growth", ".mp4", 30).check(usual, (2000, 2000), size)
    Film("zoom", ".webp", 50).check(usual, (1500, 1500), size)
    with pytest.raises(UsageError, match="a GIF of 41 frames of 2000x1500 is too much for this page: choose another"):
        Film("growth", ".gif", 30).check(usual, (1500, 2000), size)
    with pytest.raises(UsageError, match="a WebP of 50 frames of 2000x1500 is too much for this page: choose another"):
        Film("zoom", ".webp", 50).check(usual, (1500, 2000), size)


def test_a_zoom_takes_no_longer_than_four_of_the_longest_dreams():
    """So that whoever allows smaller dreams alone allows shorter zooms alone; the defaults of the page fit."""
    zoom, most = Film("zoom", ".mp4", 50), replace(DREAM, iter_n=100, octave_n=10)
    for dream, height, max_size in ((DREAM, 640, 2048), (DREAM, 640, 1024), (replace(DREAM, iter_n=50), 640, 2048)):
        zoom.check(dream, (height, 1024), max_size)
    Film("growth", ".mp4", 50).check(most, (2048, 2048), 2048)
    for dream, side, max_size in ((most, 2048, 2048), (most, 600, 1024), (replace(DREAM, iter_n=40), 1024, 1024)):
        with pytest.raises(
            UsageError, match=f"with {dream.iter_n} iterations at {side}x{side} takes too long for this"
        ):
            zoom.check(dream, (side, side), max_size)
