"""The built page, opened from the disk in headless Chromium, as a visitor has it. It may ask nobody for anything."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from deepdream.cli import main
from deepdream.images.picture import read_recipe
from tests.browser.conftest import PAGE
from tests.helpers.tiny import tiny_picture

AS_SHORT = ["--octaves", "2", "--iterations", "2", "--seed", "7"]

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, numbers] of files) data.items.add(new File([Uint8Array.from(numbers)], name));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def pixels(path):
    return np.array(Image.open(path)).astype(float)


def test_a_dream_has_the_command_s_recipe_and_again_repeats_it(visitor, picture, model, tmp_path, capsys):
    visitor.give("picture-file", picture)
    visitor.dream(max_size=60)
    dream = visitor.download(tmp_path / "page.png")
    made = str(tmp_path / "made.png")
    assert main(["again", dream, picture, made, "--model", str(model)]) == 0
    assert "made in a browser, by onnxruntime-web" in capsys.readouterr().err
    there, here = read_recipe(dream), read_recipe(made)
    how = {"engine", "engine_version", "threads", "model"}
    assert {key: there[key] for key in there if key not in how} == {key: here[key] for key in here if key not in how}
    assert [key for key in there if key in here] == [key for key in here if key in there]
    assert main(["info", dream]) == 0
    assert pixels(dream).shape == (42, 60, 3)
    assert abs(pixels(dream) - pixels(made)).mean() < 0.05
    start = np.array(Image.open(picture).resize((60, 42), Image.Resampling.LANCZOS)).astype(float)
    assert abs(pixels(dream) - start).mean() > 1


def test_a_channel_and_a_guide_are_the_command_s(visitor, picture, model, tmp_path):
    guide = tiny_picture(tmp_path / "guide.png", 48, 48)
    asked = [*AS_SHORT, "--model", str(model)]
    visitor.give("picture-file", picture)
    visitor.give("guide-file", guide)
    visitor.dream()
    guided, made = visitor.download(tmp_path / "guided.png"), str(tmp_path / "made.png")
    assert main([picture, made, "--guide", guide, *asked]) == 0
    assert abs(pixels(guided) - pixels(made)).mean() < 0.05
    assert read_recipe(guided)["guide_sha256"] == read_recipe(made)["guide_sha256"]
    visitor.dream(channel=3)
    assert visitor.fault() == "a channel and a guide cannot be combined: use one of them."
    visitor.page.click("#no-guide")
    visitor.dream(channel=99)
    assert visitor.fault() == "layer inception_4c/output has no channel 99: its channels are 0 to 5."
    visitor.dream(channel=3)
    one = visitor.download(tmp_path / "one.png")
    assert main([picture, made, "--channel", "inception_4c/output:3", *asked]) == 0
    assert abs(pixels(one) - pixels(made)).mean() < 0.05
    assert read_recipe(one)["channel"] == "inception_4c/output:3"


def test_transparency_is_kept(visitor, tmp_path):
    source = tiny_picture(tmp_path / "in.png", mode="RGBA")
    visitor.give("picture-file", source)
    visitor.dream()
    dream = Image.open(visitor.download(tmp_path / "out.png"))
    assert dream.mode == "RGBA"
    assert np.array_equal(np.array(dream)[..., 3], np.array(Image.open(source))[..., 3])


def test_a_stopped_dream_says_how_far_it_is(visitor, picture, tmp_path):
    visitor.give("picture-file", picture)
    visitor.begin(octaves=4, iterations=1000)
    visitor.page.get_by_text(re.compile("octave 1 of 4, iteration .* left")).wait_for()
    visitor.page.click("#stop")
    visitor.page.get_by_text("stopped at").wait_for()
    recipe = read_recipe(visitor.download(tmp_path / "out.png"))
    assert re.fullmatch(r"octave \d of 4, iteration \d+ of 1000", recipe["moment"])
    assert not visitor.page.locator("#stop").is_visible()


def test_a_seed_that_is_not_given_is_drawn_and_told(visitor, picture, tmp_path):
    visitor.give("picture-file", picture)
    seeds = set()
    for number in range(2):
        visitor.dream(seed="")
        seed = read_recipe(visitor.download(tmp_path / f"{number}.png"))["seed"]
        assert f"seed {seed}" in visitor.page.inner_text("#status")
        seeds.add(seed)
    assert len(seeds) == 2


def test_the_keyboard_is_enough(visitor, picture):
    visitor.give("picture-file", picture)
    page = visitor.page
    page.fill("#iterations", "1")
    page.press("#iterations", "Enter")
    page.wait_for_timeout(50)
    page.locator("body:not([aria-busy])").wait_for()
    assert page.locator("#download").is_visible()
    page.focus("#compare")
    page.keyboard.press("End")
    assert page.evaluate("document.getElementById('after').style.clipPath") == "inset(0px 0px 0px 100%)"
    page.focus("#layer")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "download":
            break
    else:
        raise AssertionError("the download cannot be reached")


def test_files_can_be_dropped(visit, model, picture):
    visitor = visit()
    paths = [model / "deploy.prototxt", next(model.glob("*.caffemodel")), Path(picture)]
    visitor.page.evaluate(DROP, [[path.name, list(path.read_bytes())] for path in paths])
    visitor.page.locator("#dream:enabled").wait_for()
    assert "in.png, dreamt at 80x56" in visitor.page.inner_text("#picture-state")


def test_what_is_dropped_on_a_dream_does_not_replace_it(visitor, picture):
    visitor.give("picture-file", picture)
    visitor.begin(iterations=40)
    visitor.page.evaluate(DROP, [["other.png", list(Path(picture).read_bytes())]])
    visitor.page.get_by_text("dreamt in").wait_for()
    assert visitor.page.locator("#download").is_visible()
    assert "in.png" in visitor.page.inner_text("#picture-state")


def test_a_file_that_has_changed_gets_a_sentence(visitor, tmp_path):
    source = Path(tiny_picture(tmp_path / "in.png"))
    visitor.give("picture-file", source)
    source.write_bytes(b"another picture, longer than the one before it" * 1000)
    visitor.dream()
    assert visitor.fault() == ("in.png: it has changed since it was chosen, or cannot be read: choose it again.")


def test_a_net_is_remembered_only_if_the_visitor_agrees(visit, model):
    visitor = visit()
    page, net = visitor.page, (model / "deploy.prototxt", next(model.glob("*.caffemodel")))
    visitor.give("net-files", *net)
    page.reload()
    page.locator("body:not([aria-busy])").wait_for()
    assert "ready" not in page.inner_text("#net-state")
    visitor.give("net-files", *net)
    page.check("#remember")
    page.wait_for_timeout(300)
    page.reload()
    page.get_by_text("net is ready").wait_for()
    page.uncheck("#remember")
    page.wait_for_timeout(300)
    page.reload()
    page.locator("body:not([aria-busy])").wait_for()
    assert "ready" not in page.inner_text("#net-state")


def test_it_is_readable_on_a_phone_by_day_and_by_night(visit):
    page = visit(viewport={"width": 320, "height": 700}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        style = "getComputedStyle(document.body)"
        ink, paper = page.evaluate(f"[{style}.color, {style}.backgroundColor]")
        light, dark = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink))
        assert (light > dark) == (scheme == "light")
        assert abs(light - dark) > 400


def test_a_net_that_is_inside_dreams_at_once(visit, model, tmp_path):
    made = tmp_path / "made.html"
    assert main(["html", str(made), "--model", str(model), "--page", str(PAGE)]) == 0
    visitor = visit(made)
    assert visitor.page.inner_text("#net-state") == "tiny is in this file."
    assert not visitor.page.locator("#net-choice").is_visible()
    visitor.page.click("#example-button")
    visitor.page.locator("#dream:enabled").wait_for()
    visitor.dream(seed=1, max_size=64)
    recipe = read_recipe(visitor.download(tmp_path / "out.png"))
    assert (recipe["model"], recipe["seed"]) == ("tiny", 1)
