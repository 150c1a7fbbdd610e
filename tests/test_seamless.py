"""A seamless dream: rolling the picture rolls the dream, and its gradient is that of the picture repeated."""

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream import deepdream, load_net, make_step, objective_channel, objective_guide, objective_L2
from deepdream.ascent import Ascent, Term
from deepdream.cli import main
from deepdream.dream import dream_steps, gradient_towards
from deepdream.errors import UsageError
from deepdream.images import picture
from deepdream.seamless import Seamless
from deepdream.settings import OBJECTIVE, DreamSettings, ObjectiveSettings
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import refused

# A stride of 4, padding in most layers, and two branches that see parts of different widths.
TEXT = (
    input_layer((1, 3, 32, 32))
    + layer("a", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 5 stride: 2 pad: 2 }")
    + layer("relu_a", "ReLU", "a", "a")
    + layer("pool", "Pooling", "a", param="pooling_param { kernel_size: 3 stride: 2 pad: 1 }")
    + layer("b", "Convolution", "pool", param="convolution_param { num_output: 3 kernel_size: 3 pad: 1 dilation: 2 }")
    + layer("c", "Convolution", "pool", param="convolution_param { num_output: 2 kernel_size: 1 }")
    + layer("cut", "Pooling", "c", param="pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 0 }")
    + layer("both", "Concat", "b cut")
    + layer("fc", "InnerProduct", "both", param="inner_product_param { num_output: 5 }")
    + layer("global", "Pooling", "both", param="pooling_param { pool: AVE global_pooling: true }")
)
STRIDE = 4
needs_float64 = pytest.mark.skipif(ENGINE == "caffe", reason="needs float64")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """Loads the net in a precision, for each mode once."""
    folder, made = tmp_path_factory.mktemp("net"), {}
    write_net(folder, TEXT)

    def load(precision="float64", blobs="needed"):
        key = precision, blobs
        made[key] = made.get(key) or load_net(str(folder), ENGINE, "cpu", precision, blobs)
        return made[key]

    return load


def image(height, width, seed=1):
    return np.random.RandomState(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)


def dreamt(net, img, terms, goal=OBJECTIVE, mask=None, **settings):
    """The input blob after a dream, (3, h, w)."""
    dream = DreamSettings(iter_n=3, jitter=0, seed=1, **settings)
    *_, last = dream_steps(net, img, dream, Ascent(net, dream, terms, goal, mask))
    return last.data()


TERMS = {
    "one": [Term("both")],
    "two": [Term("both"), Term("a", objective_L2, -0.2)],
    "channel": [Term("both", objective_channel([4]))],
    "guide": [Term("b", objective_guide(np.random.RandomState(2).normal(0, 1, (3, 5, 4)).astype(np.float32)))],
}


@needs_float64
@pytest.mark.parametrize("case", TERMS)
@pytest.mark.parametrize(("seamless", "shift"), [("x", (0, 3)), ("y", (-2, 0)), ("xy", (1, 4)), ("xy", (5, -1))])
def test_the_dream_of_the_rolled_picture_is_the_dream_rolled(nets, case, seamless, shift):
    img, shift = image(28, 20), (shift[0] * STRIDE, shift[1] * STRIDE)
    goal, mask = ObjectiveSettings(tv=0.01, decay=0.001, blur=1.5), np.float32(image(28, 20, 3)[..., 0] / 255)
    for more in ({}, {"goal": goal, "mask": mask}):
        usual = dreamt(nets(), img, TERMS[case], octave_n=1, seamless=seamless, **more)
        if more:
            more = {"goal": goal, "mask": np.roll(mask, shift, (0, 1))}
        rolled = dreamt(nets(), np.roll(img, shift, (0, 1)), TERMS[case], octave_n=1, seamless=seamless, **more)
        np.testing.assert_allclose(rolled, np.roll(usual, shift, (1, 2)), atol=1e-9, rtol=0)


@needs_float64
@pytest.mark.parametrize(("seamless", "shift"), [("x", (0, 3)), ("y", (-2, 0)), ("xy", (1, 4))])
def test_the_python_functions_roll_too(nets, seamless, shift):
    net, img, shift = nets(), image(28, 20), (shift[0] * STRIDE, shift[1] * STRIDE)

    def whole(img):
        return deepdream(net, img, 3, 1, end="both", seed=1, jitter=0, seamless=seamless)

    def one(img):
        net.blobs["data"].reshape(1, 3, *img.shape[:2])
        net.blobs["data"].data[0] = np.moveaxis(img, 2, 0)
        make_step(net, end="both", jitter=0, seamless=seamless)
        return np.moveaxis(net.blobs["data"].data[0], 0, 2).copy()

    for function, plain in ((whole, deepdream(net, img, 3, 1, end="both", seed=1, jitter=0)), (one, None)):
        usual, rolled = function(img), function(np.roll(img, shift, (0, 1)))
        np.testing.assert_allclose(rolled, np.roll(usual, shift, (0, 1)), atol=1e-4, rtol=0)  # returned as float32
        assert plain is None or abs(usual - plain).max() > 5


@needs_float64
def test_a_plain_dream_is_not_rolled(nets):
    img = image(28, 20)
    usual = dreamt(nets(), img, TERMS["one"], octave_n=1)
    rolled = dreamt(nets(), np.roll(img, STRIDE, 1), TERMS["one"], octave_n=1)
    assert abs(rolled - np.roll(usual, STRIDE, 2)).max() > 5


@needs_float64
def test_octaves_are_rings_too(nets):
    """Of half the size, so that a shift by twice the stride is one there as well."""
    img = image(32, 48)
    settings = {"octave_n": 2, "octave_scale": 2.0, "seamless": "xy"}
    usual = dreamt(nets(), img, TERMS["one"], **settings)
    rolled = dreamt(nets(), np.roll(img, (8, -16), (0, 1)), TERMS["one"], **settings)
    np.testing.assert_allclose(rolled, np.roll(usual, (8, -16), (1, 2)), atol=1e-4, rtol=0)  # octaves are float32


def ring_gradient(net, x, seamless, end, objective=objective_L2):
    net.blobs["data"].reshape(1, *x.shape)
    net.blobs["data"].data[0] = x
    gradient = gradient_towards(net, end, objective, Seamless(seamless, net.topology, [end]))
    np.testing.assert_array_equal(net.blobs["data"].data[0], x)
    return gradient


@needs_float64
@pytest.mark.parametrize("size", [(16, 12), (9, 11), (5, 6)])
@pytest.mark.parametrize("end", ["a", "both"])
def test_the_gradient_is_that_of_the_picture_repeated(nets, size, end):
    """Finite differences of what the layer sees around the middle of the picture repeated far beyond its margins.

    As many times as make a multiple of the stride, so that the middle picture begins at a position of the layer.
    """
    net, x = nets(), np.random.RandomState(4).normal(0, 60, (3, *size))
    stride = {"a": 2, "both": STRIDE}[end]
    around = [stride * -(-48 // n) for n in size]  # copies on either side

    def positions(n, k):
        return slice(n * k // stride, n * k // stride + -(-n // stride))

    def value_of(x):
        tiled = np.tile(x, (1, 2 * around[0] + 1, 2 * around[1] + 1))
        net.blobs["data"].reshape(1, *tiled.shape)
        net.blobs["data"].data[0] = tiled
        net.forward(end=end)
        rows, columns = (positions(n, k) for n, k in zip(size, around))
        return (net.blobs[end].data[0][:, rows, columns] ** 2).sum() / 2

    found = ring_gradient(net, x, "xy", end)
    random = np.random.RandomState(5)
    for place in [tuple(random.randint(0, n) for n in x.shape) for _ in range(4)] + [(0, 0, 0), (2, -1, -1)]:
        nudge = np.zeros(x.shape)
        nudge[place] = 1e-5
        slope = (value_of(x + nudge) - value_of(x - nudge)) / 2e-5
        assert found[place] == pytest.approx(slope, rel=1e-5, abs=1e-5 * abs(found).mean())


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("seamless", ["x", "y", "xy"])
def test_the_gradient_adds_up_what_the_copies_of_the_picture_get(nets, seamless, blobs):
    """On either engine: back from the middle positions of the repeated picture, by Caffe's own passes."""
    net, x = nets("float32", blobs), np.random.RandomState(4).normal(0, 60, (3, 20, 28)).astype(np.float32)
    copies = [5 if name in seamless else 1 for name in "yx"]
    net.blobs["data"].reshape(1, 3, 20 * copies[0], 28 * copies[1])
    net.blobs["data"].data[0] = np.tile(x, (1, *copies))
    net.forward(end="both")
    wanted = net.blobs["both"].data[0].copy()
    middle = [slice(2 * n // STRIDE, 3 * n // STRIDE) if k > 1 else slice(None) for n, k in zip((20, 28), copies)]
    net.blobs["both"].diff[:] = 0
    net.blobs["both"].diff[0][:, middle[0], middle[1]] = wanted[:, middle[0], middle[1]]
    net.backward(start="both")
    wanted = net.blobs["data"].diff[0].reshape(3, copies[0], 20, copies[1], 28).sum((1, 3))
    found = ring_gradient(net, x, seamless, "both")
    np.testing.assert_allclose(found, wanted, atol=1e-5 * abs(wanted).max(), rtol=0)


@pytest.mark.parametrize("seamless", ["x", "xy"])
def test_a_step_takes_no_more_memory_than_it_says(nets, seamless):
    """Beside the net's own; 13 bytes a pixel are a plain step's."""
    net, size, dream = nets("float32"), (400, 300), DreamSettings("both", seamless=seamless)
    ascend, x = Ascent(net, dream, TERMS["one"]), np.random.RandomState(4).normal(0, 60, (3, *size)).astype(np.float32)
    net.blobs["data"].reshape(1, *x.shape)
    net.blobs["data"].data[0] = x
    ascend(x, np.random.RandomState(0))  # imports whatever it needs
    tracemalloc.start()
    ascend(x, np.random.RandomState(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    around = Seamless(seamless, net.topology, ["both"]).size(size)
    assert around[1] > 300
    assert (around[0] > 400) == (seamless == "xy")
    assert peak < (13 + Seamless.BYTES_PER_PIXEL) * np.prod(around)


SHORT = ["--iterations", "2", "--octaves", "2", "--seed", "7", "--threads", "1"]


@pytest.mark.parametrize("seamless", ["x", "y", "xy"])
def test_the_python_function_and_the_command_give_the_same_picture(folder, net, seamless):
    assert main(["in.png", "out.png", *SHORT, "--model", net, "--seamless", seamless]) == 0
    with Image.open("in.png") as source, Image.open("out.png") as out:
        img, wanted = np.asarray(source), np.asarray(out)
    needed = load_net(net, ENGINE, "cpu", blobs="needed")
    dream, plain = (deepdream(needed, img, 2, 2, seed=7, seamless=sides) for sides in (seamless, None))
    assert (np.uint8(np.clip(dream, 0, 255)) == wanted).all()
    assert (np.uint8(np.clip(plain, 0, 255)) != wanted).any()


@pytest.mark.parametrize("name", ["deepdream", "make_step"])
@pytest.mark.parametrize(
    ("end", "seamless", "words"),
    [
        ("both", "z", "^seamless must be one of x, y, xy, not 'z'$"),
        ("both", "yx", "^seamless must be one of x, y, xy, not 'yx'$"),
        ("both", "", "^seamless must be one of x, y, xy, not ''$"),
        ("both", True, "^seamless must be one of x, y, xy, not True$"),
        ("fc", "x", "^layer fc does not see a part of the picture at .*: use an earlier layer$"),
        ("global", "x", "^layer global does not see a part of the picture at .*: use an earlier layer$"),
    ],
)
def test_the_python_functions_refuse_what_is_no_ring(nets, name, end, seamless, words):
    net = nets("float32", "all")
    functions = {"deepdream": partial(deepdream, net, image(32, 32), octave_n=1), "make_step": partial(make_step, net)}
    net.blobs["data"].reshape(1, 3, 32, 32)  # the only size that fc takes
    net.blobs["data"].data[:] = before = np.random.RandomState(3).normal(0, 60, (1, 3, 32, 32)).astype(np.float32)
    with pytest.raises(UsageError, match=words):
        functions[name](end=end, seamless=seamless)
    np.testing.assert_array_equal(net.blobs["data"].data, before)


def test_the_recipe_has_it_only_where_it_was_asked_for(folder, net, capsys):
    plain, ring = (["in.png", name, *SHORT, "--model", net] for name in ("plain.png", "ring.png"))
    assert main(plain) == main([*ring, "--seamless", "x"]) == 0
    assert "seamless" not in picture.read_recipe("plain.png")
    assert picture.read_recipe("ring.png")["seamless"] == "x"
    assert Path("plain.png").read_bytes() != Path("ring.png").read_bytes()
    assert main(["again", "ring.png", "in.png", "new.png", "--model", net]) == 0
    assert Path("new.png").read_bytes() == Path("ring.png").read_bytes()
    capsys.readouterr()
    assert main(["info", "ring.png"]) == 0
    assert " --seamless x " in capsys.readouterr().out


@pytest.mark.usefixtures("own_cache", "here")
def test_batches_sheets_and_films_without_flow_have_it(folder, net, frame_folder):
    model = ["--threads", "1", "--seamless", "xy", "--model", net]
    assert main(["in.png", "out.png", *SHORT, *model]) == 0
    alone = np.asarray(Image.open("out.png"))
    assert main(["batch", "in.png", "dreams", *SHORT, *model, "--workers", "1"]) == 0
    assert (np.asarray(Image.open("dreams/in.png")) == alone).all()
    assert main(["sheet", "in.png", "sheet.png", "--iterations", "2,1", "--octaves", "2", "--seeds", "7", *model]) == 0
    sheet = np.asarray(Image.open("sheet.png"))
    places = [(y, x) for y in range(len(sheet) - 27) for x in range(sheet.shape[1] - 39)]
    assert any((sheet[y : y + 28, x : x + 40] == alone).all() for y, x in places)
    for number, more in enumerate((["--flow", "off"], ["--blend", "0"])):
        film = ["video", frame_folder, f"frames{number}", *SHORT, *model, *more]
        assert main(film) == 0
        assert picture.read_recipe(f"frames{number}/000001.png")["seamless"] == "xy"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["in.png", "out.png", "--seamless", "z"], "seamless must be one of x, y, xy, not 'z'"),
        (["in.png", "out.png", "--seamless", "x", "--layer", "fc"], "layer fc does not see a part of the picture at "),
        (["zoom", "in.png", "out", "--seamless", "x"], "whose sides do not meet: leave out --seamless"),
        (["video", "in.png", "out", "--seamless", "x"], "across the sides of a film: add --flow off to --seamless"),
    ],
)
def test_wrong_use(folder, net, capsys, args, words):
    assert words in refused(capsys, folder, [*args, "--model", net], code=2)
