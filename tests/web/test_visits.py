"""Longer visits in a real browser: dreams that are kept, settings by address, the keyboard, a painted mask."""

import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from deepdream.images import picture
from deepdream.images.picture import read_recipe
from tests.helpers.tiny import ROOT, tiny_picture
from tests.web.visitors import choose, downloaded, dream, film, status, upload

SHORT = {"iterations": 3, "octaves": 2}
AXE = ROOT / "browser" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = "async () => (await axe.run()).violations.map(each => [each.id, each.nodes.map(node => node.html)])"
FOCUS = "document.activeElement.textContent.trim() || document.activeElement.name || document.activeElement.id"


def row(page):
    """The dreams that are kept, as they are called."""
    return page.locator("#history label").all_inner_texts()


def chosen(page, label):
    return page.get_by_label(label, exact=True).input_value()


def test_dreams_are_kept_and_dreamt_on(visit, tmp_path):
    page = visit()
    assert not page.locator("#history, #onward, #take").count()
    upload(page, tiny_picture(tmp_path / "in.png", 120, 90))
    status(page, "the picture has 120x90 pixels: click Dream")
    choose(page, **SHORT, seed=7)
    dream(page)
    status(page, "the dream is done (seed 7)")
    first = downloaded(page, tmp_path)
    page.get_by_role("button", name="Dream on").click()
    status(page, "the dream is the next picture now")
    choose(page, iterations=2, seed=8)
    dream(page)
    status(page, "the dream is done (seed 8)")
    second = downloaded(page, tmp_path)
    assert second.name == f"{first.stem}-inception_4c-seed8.png"
    assert row(page) == ["inception_4c, seed 8", "inception_4c, seed 7"]
    page.reload()
    status(page, "your latest dream")
    assert downloaded(page, tmp_path).read_bytes() == second.read_bytes()
    page.get_by_role("radio", name="inception_4c, seed 7").check()
    page.locator("figcaption", has_text=re.compile(f"^{first.stem} ·")).wait_for()
    assert downloaded(page, tmp_path).read_bytes() == first.read_bytes()
    page.get_by_role("button", name="Take its settings").click()
    status(page, "the settings are those of this dream now")
    assert chosen(page, "number input for Strength (iterations)") == "3"
    page.get_by_role("button", name="Again with another seed").click()
    status(page, "the dream is done")
    assert len(row(page)) == 3
    page.get_by_role("link", name="Copy the address").click()
    status(page, "the address")
    assert "&iterations=3&octaves=2&seed=" in page.url
    other = visit()
    assert not other.locator("#history").count()


def test_settings_come_from_an_address_and_from_a_dream(visit, tmp_path):
    page = visit(query="?layer=pool1&iterations=5&seed=7&fbclid=x")
    status(page, "the settings are those of the address")
    assert chosen(page, "layer") == "pool1"
    page.goto(page.url.replace("seed=7", "seed=<b>"))
    status(page, "the address cannot be used: seed must be a whole number from 0 to 4294967295, not '<b>'")
    recipe = {"layer": "conv1", "iterations": 4, "octaves": 3, "seed": 9, "scale": 1.6, "model": "tiny"}
    picture.write(str(tmp_path / "dream.png"), np.full((80, 100, 3), 99, np.uint8), recipe)
    upload(page, tmp_path / "dream.png")
    status(page, "this is a dream, and its settings are chosen now, except what this page does not set: scale 1.6")
    assert (chosen(page, "layer"), chosen(page, "number input for Strength (iterations)")) == ("conv1", "4")
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    picture.write(str(tmp_path / "dream.png"), np.full((80, 100, 3), 99, np.uint8), {**recipe, "layer": "tea"})
    upload(page, tmp_path / "dream.png")
    status(page, "this is a dream, but its settings cannot be used here: there is no layer tea in tiny: pick another")
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    upload(page, {"name": "text.png", "mimeType": "image/png", "buffer": b"no picture"})
    status(page, "text.png is not a picture in a known format")


def test_a_mask_is_painted_and_channels_chosen(visit, tmp_path):
    page = visit()
    upload(page, tiny_picture(tmp_path / "in.png", 200, 150))
    page.get_by_role("button", name="Class, channel, layers, mask").click()
    page.locator("#paint").click()
    box = page.locator("#painter canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"], steps=3)
    page.mouse.up()
    page.get_by_role("button", name="Use this mask").click()
    page.locator("#mask img").wait_for()
    page.locator("#channel textarea, #channel input").fill("conv1:1,2")
    choose(page, iterations=2, octaves=1, seed=1)
    dream(page)
    status(page, "the dream is done (seed 1)")
    result = downloaded(page, tmp_path)
    assert result.name == "in-channel-conv1-1-2-seed1.png"
    recipe = read_recipe(str(result))
    assert recipe["channel"] == "conv1:1,2"
    assert "mask_sha256" in recipe
    before, after = (np.asarray(Image.open(path)).astype(int) for path in (tmp_path / "in.png", result))
    changed = abs(before - after).max(2) > 1
    assert changed[:, 195:].any()
    assert not changed[:, :150].any()


def test_the_keyboard_alone(visit, tmp_path):
    """Ten stops to Dream at most; the focus is never lost when buttons take turns."""
    page = visit()
    stops = 0
    while page.evaluate(FOCUS) != "Dream":
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 10
    upload(page, tiny_picture(tmp_path / "in.png", 1000, 900))
    choose(page, iterations=100, octaves=2)
    page.locator("#begin").focus()
    page.keyboard.press("Enter")
    page.locator("#stop:focus").wait_for()
    status(page, "left")
    page.keyboard.press("Enter")
    status(page, "this is the dream so far")
    page.locator("#begin:focus").wait_for()
    line = page.get_by_role("slider", name="percent of the picture before")
    line.focus()
    for key in ("End", "ArrowLeft"):
        page.keyboard.press(key)
    assert line.input_value() == "99"
    assert page.locator(".compared").evaluate("part => part.style.getPropertyValue('--cut')") == "99%"
    assert "this is the dream so far" in page.locator("#said[role=status]").inner_text()


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make browser")
def test_axe_finds_nothing(visit, tmp_path):
    """Before and after a dream, and a film, with all folds open, in light and dark, wide and narrow."""
    page = visit()
    found = Counter()

    def look():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found.update((name, *nodes) for name, nodes in page.evaluate(FINDINGS))

    page.add_style_tag(content="* { transition: none !important }")
    look()
    upload(page, tiny_picture(tmp_path / "in.png", 120, 90))
    choose(page, **SHORT, seed=7)
    page.get_by_role("button", name="Class, channel, layers, mask").click()
    dream(page)
    status(page, "the dream is done")
    page.locator("#film button").first.click()

    def look_at_all():
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            for scheme in ("light", "dark"):
                page.evaluate("is => document.body.classList.toggle('dark', is)", scheme == "dark")
                look()
        assert page.evaluate("document.documentElement.scrollWidth") == 390

    look_at_all()
    for kind in page.locator("#film-format label").all_inner_texts():
        film(page, "How the dream grows", kind)
        status(page, "the film is done")
        look_at_all()
        page.get_by_role("radio", name="inception_4c, seed 7", exact=True).check()
        page.locator("#compared .both").wait_for()
    film(page, "A zoom into the dream", "GIF", 50)
    status(page, "of 50")
    look()
    assert not found
