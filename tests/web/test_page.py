"""The page in a real browser."""

import hashlib
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images.picture import read_recipe
from deepdream.modelzoo.auto import STAND_IN
from tests.helpers.tiny import tiny_picture
from tests.modelzoo.test_auto import needs_package
from tests.web.visitors import choose, downloaded, dream, status, upload

SHORT = {"iterations": 5, "octaves": 3}
LONG = {"iterations": 100, "octaves": 2}


@pytest.fixture
def photo(tmp_path):
    """A picture whose dream takes a short time."""
    return tiny_picture(tmp_path / "my photo.jpg", 640, 480)


@pytest.fixture
def large(tmp_path):
    """A picture whose dream takes longer than a test."""
    return tiny_picture(tmp_path / "large.png", 1000, 900)


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def begin_long(page, large, **more):
    upload(page, large)
    choose(page, **LONG, **more)
    dream(page)


def is_shown(page, selector):
    """Waits until the pictures have loaded."""
    page.locator(selector).first.wait_for()
    page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].every(image => image.naturalWidth > 0)", arg=selector
    )
    return True


def test_a_dream_from_upload_to_download(visit, photo, tmp_path, net):
    page = visit()
    seen = []
    page.on("response", lambda answer: seen.append(answer) if re.search(r"/growing\d+\.jpeg$", answer.url) else None)
    upload(page, photo)
    choose(page, iterations=20, octaves=3, seed=7)
    dream(page)
    assert status(page, "the dream is done") == "the dream is done (seed 7)"
    result = downloaded(page, tmp_path)
    assert result.name == "my_photo-inception_4c-seed7.png"
    assert read_recipe(str(downloaded(page, tmp_path, "JPEG"))) == read_recipe(str(result))
    alone = tmp_path / "alone.png"
    settings = ["--iterations", "20", "--octaves", "3", "--seed", "7", "--threads", "1", "--max-size", "1024"]
    assert main([photo, str(alone), *settings, "--model", net]) == 0
    assert result.read_bytes() == alone.read_bytes()
    recipe = read_recipe(str(result))
    assert recipe["input_sha256"] == sha256(photo)
    shown = page.locator("#recipe textarea").input_value()
    assert re.search(r"^seed +7$", shown, re.M)
    assert re.search(rf"^input_sha256 +{recipe['input_sha256']}$", shown, re.M)
    assert is_shown(page, "#compared img")
    sizes = [Image.open(io.BytesIO(answer.body())).size for answer in seen]
    assert sizes == sorted(sizes)
    assert {(326, 245), (457, 343), (640, 480)}.issuperset(sizes)
    assert len(set(sizes)) > 1  # it grew


def test_again_with_another_seed(visit, tmp_path):
    """It repeats the dream on display, whatever is chosen now, and even if its pictures were removed."""
    page = visit()
    upload(page, tiny_picture(tmp_path / "my photo.png", 320, 240))
    choose(page, **SHORT, seed=7)
    upload(page, tiny_picture(tmp_path / "guide.png", 60, 60), "guide")
    dream(page)
    first = read_recipe(str(downloaded(page, tmp_path)))
    choose(page, iterations=1, octaves=1, seed=8)
    for part in ("#picture", "#guide"):
        page.locator(part).get_by_role("button", name="Remove Image").click()
    upload(page, tiny_picture(tmp_path / "other.png"))
    page.get_by_label("layer", exact=True).fill("pool1")
    page.get_by_role("option", name="pool1").click()
    for seeds in ({7}, {7, None}):  # first a chosen dream is repeated, then a repetition
        page.get_by_role("button", name="Again with another seed").click()
        page.get_by_role("button", name="Stop").wait_for()
        status(page, "the dream is done")
        again = downloaded(page, tmp_path)
        second = read_recipe(str(again))
        assert again.name == f"my_photo-inception_4c-seed{second['seed']}.png"
        assert second["seed"] not in seeds
        assert {**second, "seed": 7} == first
        assert second["guide_sha256"] == sha256(tmp_path / "guide.png")
    dream(page)
    status(page, "the dream is done (seed 8)")
    assert read_recipe(str(downloaded(page, tmp_path)))["layer"] == "pool1"


def test_a_dream_stays_until_the_next_is_done(visit, tmp_path):
    """Next to the error of the new dream, and while the new dream runs."""
    page = visit()
    upload(page, tiny_picture(tmp_path / "my photo.png", 320, 240))
    choose(page, **SHORT, seed=7)
    dream(page)
    status(page, "the dream is done (seed 7)")
    first = downloaded(page, tmp_path).read_bytes()

    def stays(words):
        dream(page)
        status(page, words)
        for part in ("#recipe textarea", "#begin", "#again"):
            page.locator(part).wait_for()
        assert is_shown(page, "#compared img")
        page.get_by_role("button", name="Stop").wait_for(state="detached")
        assert downloaded(page, tmp_path).read_bytes() == first

    choose(page, seed="x")
    stays("seed must be a whole number from 0 to 4294967295, not 'x'")
    choose(page, seed="")
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    stays("there is no picture yet: upload one, or click an example")
    upload(page, {"name": "text.png", "mimeType": "image/png", "buffer": b"no picture"})
    stays("text.png is not a picture in a known format")
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    upload(page, tiny_picture(tmp_path / "small.png"))
    choose(page, octaves=5)
    stays("at most 4 octaves work")
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    begin_long(page, tiny_picture(tmp_path / "large.png", 1000, 900))
    assert is_shown(page, "#growing img")
    assert downloaded(page, tmp_path).read_bytes() == first
    assert not page.locator("#again").is_visible()
    page.get_by_role("button", name="Stop").click()
    status(page, "this is the dream so far")
    assert Image.open(downloaded(page, tmp_path)).size == (1000, 900)


def test_the_stop_button_keeps_what_is_there(visit, large, tmp_path):
    page = visit()
    begin_long(page, large)
    assert is_shown(page, "#growing img")
    page.get_by_role("button", name="Stop").click()
    said = status(page, "this is the dream so far")
    result = str(downloaded(page, tmp_path))
    recipe = read_recipe(result)
    assert re.fullmatch(r"octave [12] of 2, iteration \d+ of 100", recipe["moment"])
    assert said == f"stopped at {recipe['moment']}: this is the dream so far (seed {recipe['seed']})"
    assert Image.open(result).size == (1000, 900)
    assert is_shown(page, "#compared img")


def test_two_at_once(visit, large, photo, tmp_path):
    """One waits for the other and may leave. Neither stops or gets the other's dream."""
    first, second = visit(), visit()
    begin_long(first, large)
    status(first, "octave 1 of 2")
    upload(second, photo)
    choose(second, **SHORT)
    dream(second)
    status(second, "waiting: 1 before you")
    second.get_by_role("button", name="Stop").click()
    status(second, "stopped before its turn: nothing was dreamt")
    dream(second)
    status(second, "waiting: 1 before you")
    assert "octave" in first.locator("#status p").inner_text()
    first.get_by_role("button", name="Stop").click()
    status(first, "this is the dream so far")
    status(second, "the dream is done")
    theirs, ours = (read_recipe(str(downloaded(page, tmp_path))) for page in (first, second))
    assert (theirs["input_sha256"], ours["input_sha256"]) == (sha256(large), sha256(photo))
    assert "moment" in theirs
    assert "moment" not in ours


def test_who_leaves_stops_the_dream(visit, large, photo):
    first, second = visit(), visit()
    begin_long(first, large)
    status(first, "octave 1 of 2")
    first.close()
    upload(second, photo)
    choose(second, **SHORT)
    dream(second)
    status(second, "the dream is done")


def test_what_is_wrong_is_said_and_the_page_goes_on(visit, photo, tmp_path):
    page = visit()
    dream(page)
    status(page, "there is no picture yet: upload one, or click an example")
    whole = Path(photo).read_bytes()
    faults = {
        "text.png": (b"no picture", "text.png is not a picture in a known format"),
        "cut.jpg": (whole[: len(whole) // 2], "cut.jpg is damaged or truncated"),
        "bomb.pbm": (b"P4 2000 2000 ", "bomb.pbm has 4.0 megapixels, and 1 is the limit: shrink it first"),
        "<img src=x onerror=fail()>.png": (b"no picture", "is not a picture in a known format"),
    }
    for name, (content, words) in faults.items():
        upload(page, {"name": name, "mimeType": "image/png", "buffer": content})
        dream(page)
        status(page, words)
        assert page.locator("#status img").count() == 0
        page.locator("#picture").get_by_role("button", name="Remove Image").click()
    # The page asks for the progress of an upload that it then refuses itself. Gradio answers with 404, 3 s later.
    done = 'data: {"msg": "done"}\n\n'
    page.route("**/upload_progress*", lambda route: route.fulfill(content_type="text/event-stream", body=done), times=1)
    page.locator("#picture input[type=file]").set_input_files(
        {"name": "big.jpg", "mimeType": "image/jpeg", "buffer": bytes(2**20 + 1)}
    )
    page.get_by_text('exceed the maximum allowed size of 1.0 Mb: "big.jpg"').wait_for()
    upload(page, tiny_picture(tmp_path / "small.png"))
    choose(page, iterations=2, octaves=5)
    dream(page)
    status(page, "at most 4 octaves work")
    choose(page, octaves=3, seed="x")
    dream(page)
    status(page, "seed must be a whole number from 0 to 4294967295, not 'x'")
    choose(page, seed="")
    dream(page)
    status(page, "the dream is done")


def test_a_picture_is_pasted_and_a_guide_given(visit, photo, tmp_path):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("""async () => {
        const canvas = new OffscreenCanvas(100, 80), context = canvas.getContext("2d")
        context.fillRect(20, 20, 40, 30)
        await navigator.clipboard.write([new ClipboardItem({"image/png": await canvas.convertToBlob()})])
    }""")
    page.locator("#picture").get_by_role("button", name="Paste from clipboard").click()
    assert is_shown(page, "#picture img")
    status(page, "the picture has 100x80 pixels: click Dream")
    choose(page, iterations=2, octaves=2, seed=1)
    upload(page, {"name": "text.png", "mimeType": "image/png", "buffer": b"no picture"}, "guide")
    status(page, "text.png is not a picture in a known format")
    page.locator("#guide").get_by_role("button", name="Remove Image").click()
    upload(page, photo, "guide")
    dream(page)
    result = str(downloaded(page, tmp_path))
    assert Image.open(result).size == (100, 80)
    assert read_recipe(result)["guide_sha256"] == sha256(photo)


def test_the_example_on_a_telephone(visit):
    """Nothing is wider than the screen, and the page scrolls to the dream."""
    page = visit(390, 844)
    page.get_by_role("button", name="Clouds").click()
    assert is_shown(page, "#picture img")
    choose(page, iterations=30)
    page.get_by_role("button", name="Dream", exact=True).scroll_into_view_if_needed()
    dream(page)
    is_in_view = """part => {
        const {top, bottom} = document.querySelector(part).getBoundingClientRect()
        return top > 0 && bottom <= innerHeight
    }"""
    for part in ("#growing", "#compared"):
        assert is_shown(page, f"{part} img")
        page.wait_for_function(is_in_view, arg=part)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@needs_package
def test_samples_and_names_agree(visit, tmp_path):
    """For a model with samples: a click selects the layer, and the selected layer is highlighted."""
    page = visit()
    layer, samples = page.get_by_label("layer", exact=True), page.locator("#samples input")
    assert samples.count() == 0  # of the tiny net
    assert page.locator("#samples, #presets").count() == 0
    page.get_by_role("button", name="Size, seed, guide, model").click()
    page.get_by_label("model", exact=True).click()
    page.get_by_role("option", name=STAND_IN, exact=True).click()
    chosen = page.locator("#samples label.selected")
    chosen.get_by_text("block10/output").wait_for()
    assert layer.input_value() == "block10/output: bears, birds and fur with many eyes"
    assert samples.count() == 17
    page.get_by_role("radio", name="block8/output").click()
    page.wait_for_function("part => part.value.startsWith('block8/output: ')", arg=layer.element_handle())
    layer.fill("depthwise")
    page.get_by_role("option", name="block7/depthwise: ribs").click()
    chosen.wait_for(state="detached")
    layer.fill("stem")
    page.get_by_role("option", name="stem: ").first.click()
    chosen.get_by_text("stem: ").wait_for()
    page.get_by_role("radio", name="Heads", exact=True).check()
    page.wait_for_function("part => part.value.startsWith('block11/output: ')", arg=layer.element_handle())
    assert page.get_by_label("number input for Strength").input_value() == "20"
    page.keyboard.press("ArrowRight")  # it is one group, which the keyboard goes through
    chosen.get_by_text("block9/output").wait_for()
    picture = page.locator("#samples label").first.evaluate("part => getComputedStyle(part).backgroundImage")
    assert page.request.get(picture[5:-2]).ok
