"""Films for the page, without the page: they are the command line's, and nothing else remains of them."""

import contextlib
import re
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError
from deepdream.images.picture import read_recipe as recipe_of_picture
from deepdream.pipeline import prepare as jobs
from deepdream.settings import ZOOM, WebSettings
from deepdream.tasks import single, zoom
from deepdream.video.reader import read_recipe
from deepdream.web import filming
from deepdream.web.dream import Dream
from deepdream.web.dreamer import Dreamer
from deepdream.web.films import Film
from deepdream.web.storage import FULL, Storage
from tests.helpers.tiny import tiny_picture
from tests.web.visitors import SHORT, results

pytestmark = pytest.mark.usefixtures("one_thread")
GROWTH, FILM = Film("growth", ".webp", 20), Film("zoom", ".webp", 20)
FORMATS = [".mp4", ".webp", ".gif"]


def needed(suffix):
    if suffix == ".mp4":
        pytest.importorskip("av", reason="films need PyAV: pip install av opencv-python-headless")


def pictures(path):
    """The frames of an animation."""
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            yield np.asarray(image.convert("RGB"))


def left(tmp_path):
    """All that films have left, hidden or not."""
    return sorted(path.name for path in tmp_path.rglob("tmp*/**/*"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_growth_is_the_command_lines(dreamer, wanted, tmp_path, suffix):
    needed(suffix)
    *_, last = dreamer.progress(dreamer.begin(wanted, Film("growth", suffix, 20)))
    assert last.is_last
    assert last.words == "the film is done: 10 frames (seed 7)"
    alone = tmp_path / f"alone{suffix}"
    assert single.run(replace(wanted, target=str(tmp_path / "alone.png"), growth=str(alone))) == 0
    assert last.film.film.read_bytes() == alone.read_bytes()
    assert last.film.film.name == f"in-inception_4c-seed7-growth{suffix}"
    assert last.film.recipe == read_recipe(str(alone))
    assert left(tmp_path) == sorted([last.film.film.name, "small.jpg"])
    small, dream = (np.asarray(Image.open(path)) for path in (last.film.thumbnail, tmp_path / "alone.png"))
    assert abs(np.float32(small) - dream).mean() < 12  # a small JPEG of the dream, with which a growth ends


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_zoom_is_the_command_lines(dreamer, wanted, tmp_path, suffix):
    needed(suffix)
    told = list(dreamer.progress(dreamer.begin(wanted, Film("zoom", suffix, 20))))
    last = told[-1]
    assert last.words == "the film is done: 20 frames (seed 7)"
    alone = tmp_path / f"alone{suffix}"
    assert zoom.run(replace(wanted, target=str(alone)), replace(ZOOM, frames=20)) == 0
    assert last.film.film.read_bytes() == alone.read_bytes()
    assert last.film.film.name == f"in-inception_4c-seed7-zoom{suffix}"
    assert last.film.recipe == read_recipe(str(alone))
    assert left(tmp_path) == sorted([last.film.film.name, "small.jpg"])
    assert last.share == 1


def test_a_zoom_begins_with_the_dream(dreamer, wanted):
    *_, dreamt = dreamer.progress(dreamer.begin(wanted))
    *_, last = dreamer.progress(dreamer.begin(wanted, FILM))
    first, *_ = pictures(last.film.film)
    assert (first == np.asarray(Image.open(dreamt.result.dream))).all()


@pytest.fixture
def stepped(monkeypatch):
    """Calls a function after each step of a dream, with the number of steps until then."""
    watchers, dream_steps, number = [], jobs.dream_steps, 0

    def steps(*args):
        nonlocal number
        for step in dream_steps(*args):
            number += 1
            for watch in watchers:
                watch(number)
            yield step

    monkeypatch.setattr(jobs, "dream_steps", steps)
    return watchers.append


@pytest.fixture
def stopped(dreamer, wanted, stepped):
    """Makes a film that is stopped after so many steps; returns its last report."""

    def make(film, after, how="stop", **others):
        begun = threading.Event()

        def watch(number):
            assert begun.wait(30)
            if number == after:
                getattr(dream, how)()

        stepped(watch)
        dream = dreamer.begin(replace(wanted, **others), film)
        begun.set()
        return list(dreamer.progress(dream))[-1]

    return make


def test_stop_keeps_the_zoom_so_far(stopped, wanted, tmp_path):
    """It is what the command makes of so many frames; the frame that was begun is not in it."""
    last = stopped(FILM, 3 * 9 + 4)
    assert last.words == "stopped after 3 of 20 frames: this is the film so far (seed 7)"
    assert zoom.run(replace(wanted, target=str(tmp_path / "alone.webp")), replace(ZOOM, frames=3)) == 0
    assert last.film.film.read_bytes() == (tmp_path / "alone.webp").read_bytes()
    assert left(tmp_path) == sorted([last.film.film.name, "small.jpg"])


def test_stop_keeps_the_growth_so_far(stopped, wanted, tmp_path):
    last = stopped(GROWTH, 5)
    assert last.words == "stopped after 6 of 10 frames: this is the film so far (seed 7)"
    alone = tmp_path / "alone.webp"
    assert single.run(replace(wanted, target=str(tmp_path / "alone.png"), growth=str(alone))) == 0
    so_far, whole = list(pictures(last.film.film)), list(pictures(alone))
    assert len(so_far) == 6
    assert all((one == other).all() for one, other in zip(so_far, whole))
    own = {"growth_frames": 6, "moment": "octave 2 of 3, iteration 2 of 3"}
    assert recipe_of_picture(str(last.film.film)) == {**recipe_of_picture(str(alone)), **own}
    assert left(tmp_path) == sorted([last.film.film.name, "small.jpg"])


def test_one_frame_is_no_film(stopped, tmp_path):
    for after in (4, 9, 10):
        last = stopped(FILM, after)
        assert last.words == "stopped before the second frame: there is no film"
        assert last.film is None
    assert left(tmp_path) == []


def test_stop_before_the_first_step(dreamer, wanted, tmp_path, monkeypatch):
    def prepare(*args):
        dream.stop()
        return prepared(*args)

    prepared = dreamer._net.prepare
    monkeypatch.setattr(dreamer._net, "prepare", prepare)
    for film in (FILM, GROWTH):
        dream = dreamer.begin(wanted, film)
        assert list(dreamer.progress(dream))[-1].film is None
    assert left(tmp_path) == []


@pytest.mark.parametrize("film", [FILM, GROWTH])
def test_who_leaves_gets_no_film(stopped, tmp_path, film):
    assert stopped(film, 5, how="drop").film is None
    assert left(tmp_path) == []


@pytest.fixture
def told(monkeypatch):
    """All reports, and a function that is called with each of them and its dream."""
    reports, tell, then = [], Dream.tell, []

    def telling(dream, news):
        reports.append(news)
        tell(dream, news)
        for each in then:
            each(dream, news)

    monkeypatch.setattr(Dream, "tell", telling)
    return SimpleNamespace(reports=reports, then=then)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_film_is_given_up_while_it_is_written(dreamer, wanted, tmp_path, told, suffix):
    needed(suffix)
    told.then.append(lambda dream, news: dream.drop() if news.is_writing and news.share > 0.2 else None)
    for kind in ("zoom", "growth"):
        last = list(dreamer.progress(dreamer.begin(wanted, Film(kind, suffix, 20))))[-1]
        assert last.words == "stopped while the film was written: there is no film"
        assert last.film is None
        assert told.reports[-1].share < 0.5
    assert left(tmp_path) == []
    told.then[:] = [lambda dream, news: dream.stop() if news.is_writing else None]
    assert list(dreamer.progress(dreamer.begin(wanted, FILM)))[-1].film  # a stop that comes so late has no effect


def test_what_is_told_on_the_way(dreamer, wanted, told):
    list(dreamer.progress(dreamer.begin(wanted, FILM)))
    frames = [report for report in told.reports if report.words.startswith("frame ")]
    steps = [report.words for report in frames if report.picture is None]
    assert len(steps) == 20 * 9
    assert re.fullmatch("frame 2 of 20, octave 1 of 3, iteration 1 of 3, 21x14, .* left for the frames", steps[9])
    shares = [report.share for report in frames]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    shown = [report.picture for report in frames if report.picture is not None]
    assert {picture.shape for picture in shown} == {(28, 40, 3)}
    assert len(shown) == 20
    written = [report for report in told.reports if report.is_writing]
    assert written[0].words == "writing the film"
    assert written[-1].words == "writing the film, frame 20 of 20, a few seconds left"
    told.reports.clear()
    list(dreamer.progress(dreamer.begin(wanted, GROWTH)))
    shown = [report.picture.shape for report in told.reports if report.picture is not None]
    assert list(dict.fromkeys(shown)) == [(14, 21, 3), (20, 29, 3), (28, 40, 3)]


def test_others_wait_for_all_of_its_frames(dreamer, wanted, slow):
    """Once the pace is known."""
    list(dreamer.progress(dreamer.begin(wanted)))
    dream = dreamer.begin(slow)
    film, alone = (Dream(dream.request, dream.base, film=film) for film in (Film("zoom", ".mp4", 50), None))
    assert film.work == 50 * alone.work
    assert Dream(dream.request, dream.base, film=GROWTH).work == alone.work
    waits = dreamer.progress(dreamer.begin(wanted, FILM))
    assert re.fullmatch("waiting: 1 before you, about .*", next(waits).words)
    waits.close()
    dream.drop()


@pytest.mark.parametrize("film", [FILM, GROWTH])
def test_a_fault_leaves_nothing_and_tells_no_path(dreamer, wanted, tmp_path, monkeypatch, stepped, film):
    whole = filming.sequence.picture.write

    def full(path, *args, **options):
        if "0003" in path:
            raise DreamError(f"{path} cannot be written (No space left on device): fix this, or write somewhere else")
        whole(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(filming.sequence.picture, "write", full)
        with pytest.raises(DreamError, match=r"cannot be written \(No space") as fault:
            list(dreamer.progress(dreamer.begin(wanted, film)))
    assert str(tmp_path) not in str(fault.value)
    assert left(tmp_path) == []

    seen = []

    def fail(number):
        seen.append(number)
        if len(seen) == 8:
            raise RuntimeError("broken")

    stepped(fail)
    with pytest.raises(RuntimeError):
        list(dreamer.progress(dreamer.begin(wanted, film)))
    assert left(tmp_path) == []


def test_the_disk_has_a_limit(tmp_path, reader, wanted):
    """What fits is kept, and nothing if that is one frame. Each file counts for 64 KB."""

    def dreamer_with(files):
        return contextlib.closing(Dreamer(Storage(tmp_path, WebSettings(storage=files * 2**16)), reader))

    for film, total in ((GROWTH, 10), (FILM, 20)):
        with dreamer_with(8) as dreamer:
            last = list(dreamer.progress(dreamer.begin(wanted, film)))[-1]
        assert last.words.startswith(f"stopped after 6 of {total} frames, as there is no room for more here: this is")
        assert len(list(pictures(last.film.film))) == 6
        shutil.rmtree(str(last.film.film.parent))
    with dreamer_with(3) as dreamer, pytest.raises(DreamError, match=f"^{FULL}$"):
        list(dreamer.progress(dreamer.begin(wanted, FILM)))
    assert left(tmp_path) == []


def test_the_end_of_the_page_ends_a_film(tmp_path, reader, slow):
    dreamer = Dreamer(Storage(tmp_path), reader)
    reports = dreamer.progress(dreamer.begin(replace(slow, dream=replace(slow.dream, iter_n=30)), FILM))
    while next(reports).share == 0:
        pass
    dreamer.close()
    assert list(reports)[-1].film is None
    assert [name for name in left(tmp_path) if not name.startswith("growing")] == []


def test_what_a_format_cannot_hold_is_told(dreamer, wanted, tmp_path):
    pytest.importorskip("av", reason="films need PyAV: pip install av opencv-python-headless")
    tiny_picture(tmp_path / "in.png", 41, 28)
    for kind, total in (("growth", 10), ("zoom", 20)):
        *_, last = dreamer.progress(dreamer.begin(wanted, Film(kind, ".mp4", 20)))
        even = "the film will be 42x28, with its last column repeated: H.264 requires even sides"
        assert last.words == f"the film is done: {total} frames (seed 7); {even}"
    image = Image.open(tiny_picture(tmp_path / "in.png"))
    image.putalpha(99)
    image.save(tmp_path / "in.png")
    for kind in ("growth", "zoom"):
        *_, last = dreamer.progress(dreamer.begin(wanted, Film(kind, ".mp4", 20)))
        assert last.words.endswith("(seed 7); MP4 cannot hold transparency: transparent pixels become white")


def test_whatever_the_dream_is_of(dreamer, wanted, tmp_path):
    """A guide, a mask, transparency, and fewer octaves than asked for: the same as on the command line."""
    image = Image.open(tiny_picture(tmp_path / "in.png"))
    alpha = np.zeros((28, 40), np.uint8)
    alpha[:, 10:] = 255
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "in.png")
    guide, mask = tiny_picture(tmp_path / "guide.png", 50, 50), str(tmp_path / "mask.png")
    Image.fromarray(255 - alpha).save(mask)
    for number, more in enumerate(({"guide": guide}, {"mask": mask}, {"fit_octaves": True})):
        octaves = 9 if "fit_octaves" in more else 2
        asked = replace(wanted, dream=replace(SHORT, octave_n=octaves, iter_n=1), **more)
        alone = tmp_path / f"alone{number}.webp"
        assert zoom.run(replace(asked, target=str(alone)), replace(ZOOM, frames=20)) == 0
        assert list(dreamer.progress(dreamer.begin(asked, FILM)))[-1].film.film.read_bytes() == alone.read_bytes()
        grown = tmp_path / f"grown{number}.webp"
        assert single.run(replace(asked, target=str(tmp_path / "alone.png"), growth=str(grown))) == 0
        assert list(dreamer.progress(dreamer.begin(asked, GROWTH)))[-1].film.film.read_bytes() == grown.read_bytes()


def test_what_is_no_film_takes_no_place(dreamer, wanted, tmp_path):
    still = replace(wanted, dream=replace(SHORT, iter_n=0))
    for _ in range(4):
        with pytest.raises(DreamError, match="this dream has none"):
            dreamer.begin(still, GROWTH)
    assert results(tmp_path) == []
    assert list(dreamer.progress(dreamer.begin(still, FILM)))[-1].words == "the film is done: 20 frames (seed 7)"
