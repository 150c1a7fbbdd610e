"""The built page: wrong files, nets that it fetches, and what it does where memory or attention runs out."""

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
from tests.browser.conftest import PAGE, served
from tests.browser.visitor import Visitor
from tests.helpers.nets import input_layer, layer
from tests.helpers.shared import SHARED, needs_models, needs_reference
from tests.helpers.tiny import tiny_net, tiny_picture


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
