"""Films in a real browser: they are made, stopped, looked at, downloaded and kept."""

import re

import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.video.reader import read_recipe
from tests.helpers.tiny import tiny_picture
from tests.web.visitors import choose, downloaded, dream, film, status, upload

GROWTH, ZOOM = "How the dream grows", "A zoom into the dream"
TWO_ARE_DONE = re.compile("frame ([3-9]|[1-4][0-9]) of")  # frames of a zoom


def dreamt(page, tmp_path, width=120, height=90, iterations=3):
    """A visitor's first dream."""
    upload(page, tiny_picture(tmp_path / "in.png", width, height))
    choose(page, iterations=iterations, octaves=2, seed=7)
    dream(page)
    status(page, "the dream is done (seed 7)")


def row(page):
    return page.locator("#history label").all_inner_texts()


def test_a_growth_from_the_fold_to_the_download(visit, tmp_path, net):
    pytest.importorskip("av", reason="films need PyAV: pip install av opencv-python-headless")
    page = visit()
    assert not page.locator("#film, #make, #video").count()
    dreamt(page, tmp_path)
    picture = downloaded(page, tmp_path)
    film(page, GROWTH, "MP4")
    status(page, "the film is done: 7 frames (seed 7)")
    made = downloaded(page, tmp_path, "MP4")
    assert made.name == "in-inception_4c-seed7-growth.mp4"
    settings = ["--iterations", "3", "--octaves", "2", "--seed", "7", "--threads", "1", "--max-size", "1024"]
    alone = tmp_path / "alone.mp4"
    args = [str(tmp_path / "in.png"), str(tmp_path / "alone.png"), *settings, "--growth", str(alone), "--model", net]
    assert main(args) == 0
    assert made.read_bytes() == alone.read_bytes()
    shown = page.locator("#recipe textarea").input_value()
    assert "growth_frames" in shown
    page.wait_for_function("() => document.querySelector('.film video').readyState >= 2")
    seen = page.locator(".film video").evaluate(
        "async film => { await film.play(); return [film.videoWidth, film.videoHeight, film.duration, film.muted] }"
    )
    assert seen == [120, 90, 1.6, True]
    page.locator(".film video").evaluate("film => { film.pause(); film.currentTime = 1 }")
    page.wait_for_function("() => document.querySelector('.film video').currentTime == 1")
    assert row(page) == ["growth of inception_4c, seed 7", "inception_4c, seed 7"]
    page.get_by_role("button", name="Download PNG").wait_for(state="detached")
    page.reload()
    status(page, "your latest dream")
    assert downloaded(page, tmp_path, "MP4").read_bytes() == alone.read_bytes()
    page.get_by_role("radio", name="inception_4c, seed 7", exact=True).check()
    page.locator("#compared .both").wait_for()
    for gone in (".film", "#video"):
        page.locator(gone).wait_for(state="detached")
    assert downloaded(page, tmp_path).read_bytes() == picture.read_bytes()


def test_a_zoom_is_stopped_and_kept(visit, tmp_path):
    """On a telephone. What was there before stays until the film is there, and a film can be made of a film's dream."""
    page = visit(390, 844)
    dreamt(page, tmp_path, 200, 160, 10)
    film(page, ZOOM, "GIF", 50)
    status(page, TWO_ARE_DONE)
    assert page.locator("#growing img").is_visible()
    assert page.locator("#compared .both").is_visible()
    for gone in ("#make", "#again", "#begin"):
        page.locator(gone).wait_for(state="detached")
    page.get_by_role("button", name="Stop and keep the film so far").click()
    status(page, "this is the film so far")
    made = downloaded(page, tmp_path, "GIF")
    count = Image.open(made).n_frames
    assert 2 <= count < 50
    assert read_recipe(str(made))["zoom_frames"] == count
    page.wait_for_function("() => document.querySelector('.film img').naturalWidth == 200")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    film(page, GROWTH, "WebP")
    status(page, "the film is done: 21 frames (seed 7)")
    assert row(page) == [f"{what}inception_4c, seed 7" for what in ("growth of ", "zoom of ", "")]
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("() => document.querySelector('.film img').currentSrc.endsWith('seed7.png')")
    assert downloaded(page, tmp_path, "WebP").name == "in-inception_4c-seed7-growth.webp"


def test_a_film_is_given_up_while_it_is_written(visit, tmp_path):
    page = visit()
    dreamt(page, tmp_path, 240, 180, 1)
    film(page, ZOOM, "GIF")
    status(page, "writing the film")
    page.get_by_role("button", name="Stop without the film").click()
    status(page, "stopped while the film was written: there is no film")
    for gone in ("#stop", "#giveup"):
        page.locator(gone).wait_for(state="detached")
    assert page.locator("#compared .both").is_visible()
    page.get_by_role("button", name="Again with another seed").click()
    page.get_by_role("button", name="Stop and keep the dream so far").wait_for()
    status(page, "the dream is done")


def test_a_film_waits_in_the_line(visit, tmp_path):
    first, second = visit(), visit()
    for page in (first, second):
        dreamt(page, tmp_path)
    upload(first, tiny_picture(tmp_path / "large.png", 800, 600))
    choose(first, iterations=100, octaves=2)
    dream(first)
    status(first, "octave 1 of 2")
    film(second, GROWTH, "GIF")
    status(second, "waiting: 1 before you")
    second.get_by_role("button", name="Stop and keep").click()
    status(second, "stopped before its turn: nothing was dreamt")
    film(second, GROWTH, "GIF")
    status(second, "waiting: 1 before you")
    first.get_by_role("button", name="Stop").click()
    status(second, "the film is done: 7 frames")


def test_films_by_keyboard(visit, tmp_path):
    """The fold follows the downloads; the focus goes from the film's button to Stop and back."""
    page = visit()
    dreamt(page, tmp_path, 200, 160, 10)
    page.locator("#jpeg").focus()
    names = []
    for key in ("Tab", "Enter", "Tab", "ArrowRight", "Tab", "Tab", "Tab", "ArrowRight", "Tab"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.value"))
    assert names[2:] == [
        "growth",
        "zoom",
        "number input for Frames of a zoom",
        "range slider for Frames of a zoom",
        *([".mp4", ".webp", ""] if page.get_by_label("MP4", exact=True).count() else [".webp", ".gif", ""]),
    ]
    groups = page.locator("#film fieldset").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    assert groups == ["What it shows", "Format"]
    page.keyboard.press("Enter")
    page.locator("#stop:focus").wait_for()
    status(page, TWO_ARE_DONE)
    page.keyboard.press("Enter")
    status(page, "this is the film so far")
    page.locator("#make:focus").wait_for()
    assert "this is the film so far" in page.locator("#said[role=status]").inner_text()


def test_what_cannot_be_filmed_is_said(visit, tmp_path):
    page = visit()
    upload(page, tiny_picture(tmp_path / "in.png", 120, 90))
    choose(page, iterations=0, octaves=2, seed=7)
    dream(page)
    status(page, "the dream is done (seed 7)")
    film(page, GROWTH, "GIF")
    status(page, "a growth shows every step, and this dream has none: make a zoom of it")
    page.locator("#make").wait_for()
    assert page.locator("#compared .both").is_visible()
