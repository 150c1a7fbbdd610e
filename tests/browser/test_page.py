"""The built page, opened from the disk in headless Chromium, as a visitor has it. It may ask nobody for anything."""

import base64
import contextlib
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.cli import main
from deepdream.images.picture import read_recipe
from tests.browser.conftest import PAGE, served
from tests.helpers.nets import input_layer, layer
from tests.helpers.shared import SHARED, needs_models, needs_reference
from tests.helpers.tiny import tiny_net, tiny_picture

PATIENCE = 60_000  # milliseconds
SHORT = {"octaves": 2, "iterations": 2, "seed": 7, "channel": "", "max_size": 512}
AS_SHORT = ["--octaves", "2", "--iterations", "2", "--seed", "7"]

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, numbers] of files) data.items.add(new File([Uint8Array.from(numbers)], name));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


class Visitor:
    """A visitor of the page: gives files, sets fields, and has it dream."""

    def __init__(self, page):
        self.page = page

    def give(self, field, *paths):
        """Chooses files, and waits until the page has taken them."""
        self.page.set_input_files(f"#{field}", [str(path) for path in paths])
        self.page.wait_for_timeout(50)
        self.page.locator("body:not([aria-busy])").wait_for()

    def fault(self):
        return self.page.inner_text("#fault")

    def begin(self, **fields):
        """Fills in the fields, and begins a dream."""
        self.page.evaluate("document.getElementById('more').open = true")
        for name, value in {**SHORT, **fields}.items():
            self.page.fill(f"#{name.replace('_', '-')}", str(value))
        self.page.click("#dream")
        self.page.wait_for_timeout(50)

    def dream(self, **fields):
        """Dreams, and waits for the end."""
        self.begin(**fields)
        self.page.locator("body:not([aria-busy])").wait_for()

    def download(self, path):
        """The dream, as a file."""
        with self.page.expect_download() as started:
            self.page.click("#download")
        started.value.save_as(path)
        return str(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Path(tiny_net(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def visit(chromium):
    """Opens the page. Fails where it asks any host, or where a script of it fails."""
    with visits(chromium) as visited:
        yield visited


@contextlib.contextmanager
def visits(chromium):
    if not PAGE.is_file():
        pytest.skip("needs the built page: make browser")
    asked, failed, contexts = [], [], []

    def visited(path=PAGE, **options):
        contexts.append(chromium.new_context(accept_downloads=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda told: failed.append(told.text) if told.type == "error" else None)
        page.goto(Path(path).as_uri())
        page.locator("body:not([aria-busy])").wait_for()
        return Visitor(page)

    yield visited
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert failed == []


@pytest.fixture(scope="module")
def visitor(chromium, model):
    """A visitor who has given a net already, and dreams many times."""
    with visits(chromium) as visited:
        visitor = visited()
        visitor.give("net-files", model / "deploy.prototxt", next(model.glob("*.caffemodel")))
        yield visitor


@pytest.fixture
def picture(tmp_path):
    return tiny_picture(tmp_path / "in.png", 80, 56)


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


def damaged(kind, model, folder):
    """A file that a visitor may give, of a kind."""
    weights = next(model.glob("*.caffemodel")).read_bytes()
    text = (model / "deploy.prototxt").read_text()
    contents = {
        "report.pdf": b"%PDF-1.4",
        "report.png": b"%PDF-1.4",
        "cut.caffemodel": weights[: len(weights) // 2],
        "empty.caffemodel": b"",
        "page.caffemodel": b"<html>404</html>",
        "other.caffemodel": weights.replace(b"conv1", b"conv9"),
        "cut.prototxt": text[: len(text) // 2].encode(),
        "page.prototxt": b"<html>404</html>",
        "deep.prototxt": text.replace("kernel_size: 3", "kernel_size: 3 weights_folded: true").encode(),
        "odd.prototxt": text.replace('"Convolution"', '"Odd"').encode(),
    }
    (folder / kind).write_bytes(contents[kind])
    return folder / kind


FAULTS = {
    "report.pdf": "report.pdf is no picture, no .prototxt and no .caffemodel.",
    "report.png": "report.png: it is damaged, or no picture that this browser opens.",
    "cut.caffemodel": "cut.caffemodel: it is damaged or not a .caffemodel.",
    "empty.caffemodel": "empty.caffemodel is empty: choose it again.",
    "page.caffemodel": "page.caffemodel: it is damaged or not a .caffemodel.",
    "other.caffemodel": "other.caffemodel: it holds the weights of another net: layer conv1 needs 4x3x3x3 and 4, ",
    "cut.prototxt": "cut.prototxt: it is not a Caffe net in text form: it is cut short.",
    "page.prototxt": 'page.prototxt: it is not a Caffe net in text form: "<" is no field.',
    "deep.prototxt": "layer conv1 (Convolution) has the field weights_folded, which it does not know.",
    "odd.prototxt": "layer conv1 is of type Odd, which it does not know.",
}


def test_a_wrong_file_gets_a_sentence(visit, model, tmp_path):
    visitor = visit()
    others = {".caffemodel": model / "deploy.prototxt", ".prototxt": next(model.glob("*.caffemodel"))}
    for kind, words in FAULTS.items():
        file = damaged(kind, model, tmp_path)
        visitor.give("net-files", file, *([others[file.suffix]] if file.suffix in others else []))
        assert words in visitor.fault()
        assert visitor.page.locator("#dream").is_disabled()
    visitor.give("net-files", model / "deploy.prototxt", others[".prototxt"])
    assert "net is ready" in visitor.page.inner_text("#net-state")
    for size, words in (
        ((1, 1), "a picture of 1x1 does not suit layer inception_4c/output, which needs at least 9x9."),
        ((16, 16), "octave 3 would be 8x8, which does not suit layer inception_4c/output: at most 2 octaves "),
    ):
        visitor.give("picture-file", tiny_picture(tmp_path / "in.png", *size))
        visitor.dream(octaves=4)
        assert words in visitor.fault()


@needs_reference
@needs_models
def test_the_recorded_dream_begins_as_caffe_s(modules):
    """The shifts of all kept steps, and the first octave to the bit."""
    record = np.load(SHARED / "reference" / "googlenet_4c_output.npz")
    case = json.loads(str(record["case"]))
    image = Image.open(SHARED / "images" / case["image"]).convert("RGB")
    shown = image.resize(case["size"], Image.Resampling.LANCZOS)
    modules.put("rgba", np.array(shown.convert("RGBA")))
    code = """
    const rng = new RandomState(arg.seed);
    const shifts = Array.from({length: 40}, () => rng.randint(-32, 33, 2));
    const img = {data: new Uint8ClampedArray((await bytesOf("rgba")).buffer), h: arg.h, w: arg.w};
    const net = {mean: MEAN, src: null};
    const settings = {...DREAM, seed: 0, iter_n: 1};
    for await (const step of dream_steps(net, img, settings, async () => {})) return [shifts, asText(net.src.data)];
    """
    w, h = case["size"]
    shifts, text = modules.call(code, {"seed": case["seed"], "h": h, "w": w})
    for number in case["keep"]:
        assert shifts[number] == record[f"step{number:02}_jitter"].tolist()
    before = record["step00_before"]
    assert np.array_equal(np.frombuffer(base64.b64decode(text), np.float32).reshape(before.shape), before)


def joined_sum(folder):
    """The SHA-256 of the .caffemodel that the page makes of a net's numbers."""

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    def varint(number):
        return (bytes([number & 127 | 128]) + varint(number >> 7)) if number > 127 else bytes([number])

    topology = read_topology(folder / "deploy.prototxt")
    whole = hashlib.sha256()
    for name, arrays in read_weights(next(folder.glob("*.caffemodel")), topology).items():
        content = field(1, name.encode()) + field(2, topology.layers[topology.index[name]].type.encode())
        for array in arrays:
            shape = field(7, field(1, b"".join(map(varint, array.shape))))
            content += field(7, field(5, array.astype("<f4").tobytes()) + shape)
        whole.update(field(100, content))
    return whole.hexdigest()


def pieces_of(folder):
    """The files of the other host: {path: bytes}."""
    prototxt = folder / "deploy.prototxt"
    files = {"/net/deploy.prototxt": prototxt.read_bytes()}
    for name, (filters, bias) in read_weights(next(folder.glob("*.caffemodel")), read_topology(prototxt)).items():
        last = filters.transpose(0, 2, 3, 1) if filters.ndim == 4 else filters
        files[f"/pieces/{name}_filter.bin"] = np.ascontiguousarray(last, "<f4").tobytes()
        files[f"/pieces/{name}_bias.bin"] = bias.astype("<f4").tobytes()
    return files


def source_in(text):
    return json.loads(re.search(r'"source":(\{[^}]*\})', text)[1])


@needs_models
def test_the_sum_of_the_net_of_2015_is_right():
    if not PAGE.is_file():
        pytest.skip("needs the built page: make browser")
    assert source_in(PAGE.read_text(encoding="utf-8"))["sum"] == joined_sum(SHARED / "models" / "bvlc_googlenet")


def test_a_net_is_fetched_only_when_asked(chromium, model, tmp_path):
    """A server on this machine stands in for the other hosts, with the headers that they send."""
    if not PAGE.is_file():
        pytest.skip("needs the built page: make browser")
    files = pieces_of(model)
    bias = "/pieces/conv1_bias.bin"

    def find(path):
        return (files[path], "application/octet-stream") if path in files else None

    with served(find, [("Access-Control-Allow-Origin", "*")]) as origin, contextlib.ExitStack() as stack:
        text = PAGE.read_text(encoding="utf-8")
        there = {
            **source_in(text),
            "prototxt": [f"{origin}/no/deploy.prototxt", f"{origin}/net/deploy.prototxt"],
            "prototxtSum": hashlib.sha256(files["/net/deploy.prototxt"]).hexdigest(),
            "pieces": [f"{origin}/no/", f"{origin}/pieces/"],
            "sum": joined_sum(model),
        }
        text = re.sub(r'"source":\{[^}]*\}', f'"source":{json.dumps(there)}', text)
        made = tmp_path / "page.html"
        made.write_text(text.replace("connect-src ", f"connect-src {origin} "), encoding="utf-8")
        context = stack.enter_context(contextlib.closing(chromium.new_context()))
        visitor = Visitor(context.new_page())
        page, asked = visitor.page, []
        page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
        page.goto(made.as_uri())
        page.locator("body:not([aria-busy])").wait_for()
        assert asked == []
        assert "ask 127.0.0.1" in page.inner_text("#fetch-part")

        def fault():
            page.click("#fetch")
            page.wait_for_timeout(50)
            page.locator("body:not([aria-busy])").wait_for()
            return visitor.fault()

        whole = files.pop(bias)
        assert f"{origin}{bias} cannot be fetched (the answer is 404): try again, or choose" in fault()
        files[bias] = whole[:-4]
        assert fault() == "the numbers of layer conv1 came incomplete: try again, or choose the net's two files."
        files[bias] = whole[4:] + whole[:4]
        assert fault() == "the net came with other bytes than it should: try again, or choose the net's two files."
        files[bias] = whole
        assert fault() == ""
        assert page.inner_text("#net-state").startswith("bvlc_googlenet is ready.")
        assert page.locator("#layer").input_value() == "inception_4c/output"


def test_memory_that_runs_out_gets_a_sentence_and_the_page_goes_on(visit, tmp_path):
    param = "convolution_param { num_output: 30000 kernel_size: 1 }"  # WebAssembly has 4 GB at most
    text = input_layer((1, 3, 24, 24)) + layer("wide", "Convolution", "data", param=param)
    huge = Path(tiny_net(tmp_path / "huge", text))
    visitor = visit()
    visitor.give("net-files", huge / "deploy.prototxt", next(huge.glob("*.caffemodel")))
    visitor.give("picture-file", tiny_picture(tmp_path / "large.png", 256, 256))
    visitor.dream(octaves=1)
    assert visitor.fault() == "memory has run out: use a smaller longest side, or another layer."
    visitor.dream(octaves=1, max_size=32)
    assert visitor.fault() == ""
    assert visitor.page.locator("#download").is_visible()


def test_a_tab_that_nobody_looks_at_goes_on(visitor, picture):
    visitor.give("picture-file", picture)
    visitor.begin(iterations=40)
    other = visitor.page.context.new_page()
    other.goto("about:blank")
    other.bring_to_front()
    visitor.page.get_by_text("dreamt in").wait_for()
    other.close()
