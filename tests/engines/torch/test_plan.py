"""Which steps a dream takes, what changes places among them, and where they can be cut."""

import numpy as np
import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.engines.torch.layers import LAYERS
from deepdream.engines.torch.plan import cuts, make_plan
from tests.engines.torch.small_net import NET, gradient, picture
from tests.helpers.nets import input_layer, layer, random_weights, write_prototxt

INPUT = input_layer((1, 2, 6, 7))
CONV = layer("conv", "Convolution", "data", param="convolution_param { num_output: 3 kernel_size: 1 }")
MAX = "pooling_param { kernel_size: 2 stride: 2 }"
POOL = layer("pool", "Pooling", "conv", param=MAX)
RELU = layer("relu", "ReLU", "conv", "conv")
APART = layer("relu", "ReLU", "conv") + POOL.replace('bottom: "conv"', 'bottom: "relu"')


@pytest.fixture
def plan(tmp_path):
    def plan(text, end):
        topology = read_topology(write_prototxt(tmp_path, text))
        weights = random_weights(topology)
        return make_plan(topology, [LAYERS[s.type](s, weights.get(s.name, [])) for s in topology.layers], end)

    return plan


def names(plan):
    return [step.layer.spec.name for step in plan.steps]


def test_only_what_the_end_depends_on_in_caffes_order(plan):
    assert names(plan(NET, "left")) == ["conv", "conv/relu", "norm", "norm_norm_0_split", "left"]
    assert names(plan(NET, "pool")) == ["conv", "conv/relu", "norm", "norm_norm_0_split", "pool"]
    assert names(plan(NET, "mix"))[4:] == [
        *("right", "right/relu", "left", "left/relu", "pool", "pool_proj", "pool_proj/relu", "mix")
    ]
    assert plan(NET, "halves").tops == ("half1", "half2")
    assert names(plan(NET, "data")) == []
    assert plan(NET, "data").tops == ("data",)


@pytest.mark.parametrize("text", [RELU + POOL, APART], ids=["in place", "apart"])
def test_max_pooling_comes_before_the_relu_that_it_reads(plan, text):
    swapped = plan(INPUT + CONV + text, "pool")
    assert names(swapped) == ["conv", "pool", "relu"]
    assert [step[1:] for step in swapped.steps[1:]] == [(("conv",), ("pool",)), (("pool",), ("pool",))]


def test_a_relu_goes_behind_several_poolings(plan):
    text = INPUT + CONV + RELU + POOL + layer("pool2", "Pooling", "pool", param=MAX)
    assert names(plan(text, "pool2")) == ["conv", "pool", "pool2", "relu"]
    assert plan(text, "pool2").steps[-1][1:] == (("pool2",), ("pool2",))


NOT_SWAPPED = {
    "the relu is the end": (RELU, "relu"),
    "two read it": (RELU + POOL + layer("sum", "Eltwise", "conv conv"), "sum"),
    "two read it, one of them pools": (
        *[RELU + POOL + layer("other", "Pooling", "conv", param=MAX) + layer("sum", "Eltwise", "pool other")],
        "sum",
    ),
    "a slope": (layer("relu", "ReLU", "conv", "conv", "relu_param { negative_slope: 0.1 }") + POOL, "pool"),
    "average pooling": (RELU + POOL.replace("kernel", "pool: AVE kernel"), "pool"),
    "a layer between": (RELU + layer("drop", "Dropout", "conv", "conv") + POOL, "pool"),
    "not a relu": (RELU.replace("ReLU", "TanH") + POOL, "pool"),
    "the pooling's top is overwritten": (RELU + POOL + layer("turn", "Power", "pool", "pool"), "turn"),
}


@pytest.mark.parametrize(("text", "end"), NOT_SWAPPED.values(), ids=NOT_SWAPPED)
def test_otherwise_all_keep_their_places(plan, text, end):
    order = [name for name in names(plan(INPUT + CONV + text, end)) if "split" not in name]
    assert order == sorted(order, key=(CONV + text).index)


GEOMETRIES = [
    *("kernel_size: 2 stride: 2", "kernel_size: 3 stride: 2", "kernel_size: 3 stride: 1 pad: 1"),
    *("kernel_size: 3 stride: 3 pad: 2", "global_pooling: true"),
]


@pytest.mark.parametrize("values", ["normal", "ties", "negative", "zero", "positive"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("in_place", [True, False])
def test_the_change_of_places_changes_no_number(make, in_place, geometry, precision, values):
    """The net that keeps every blob runs the layers in the prototxt's order."""
    text = INPUT + layer("conv", "Power", "data", param="power_param { scale: 2 }")
    text += (RELU + POOL if in_place else APART).replace("kernel_size: 2 stride: 2", geometry)
    results = []
    for blobs in ("all", "needed"):
        net = make(text, blobs=blobs, precision=precision)
        x = picture(net, 6, 7)
        if values != "normal":
            x[...] = np.random.RandomState(3).randint(-1, 2, x.shape)
        x[...] = {"negative": -abs(x) - 1, "zero": 0 * x, "positive": abs(x) + 1}.get(values, x)
        results.append(gradient(net, "pool"))
    (tops, _, diff), (other_tops, _, other_diff) = results
    np.testing.assert_array_equal(tops["pool"], other_tops["pool"])
    np.testing.assert_array_equal(diff, other_diff)
    assert diff.any() == (values not in ("negative", "zero"))


@pytest.mark.parametrize("param", ["power_param { scale: -1 }", "power_param { shift: -0.5 }"])
def test_a_layer_in_place_behind_the_pooling_does_not_mislead_the_relu(make, param):
    text = INPUT + CONV + RELU + POOL + layer("turn", "Power", "pool", "pool", param)
    every, needed = (make(text, blobs=blobs, precision="float64") for blobs in ("all", "needed"))
    for net in (every, needed):
        picture(net, 6, 7)
    np.testing.assert_allclose(gradient(needed, "turn")[2], gradient(every, "turn")[2], rtol=1e-12)


def chain(names):
    return "".join(layer(b, "Power", a) for a, b in zip(names, names[1:]))


CUTS = {
    "a chain": (chain(["data", "a", "b", "c"]), "c", {1: "a", 2: "b"}),
    "not before a layer in place": (
        *[chain(["data", "a"]) + layer("r", "TanH", "a", "a") + layer("b", "Power", "a")],
        *("b", {2: "a"}),
    ),
    "none inside branches": (
        chain(["data", "a"]) + layer("l", "Power", "a") + layer("r", "TanH", "a") + layer("sum", "Eltwise", "l r"),
        *("sum", {1: "a"}),
    ),
    "behind branches": (
        layer("l", "Power", "data")
        + layer("r", "TanH", "data")
        + layer("s", "Eltwise", "l r")
        + layer("e", "TanH", "s"),
        *("e", {4: "s"}),
    ),
    "one of a slice's tops": (
        layer("cut", "Slice", "data", "x y") + layer("e", "TanH", "y"),
        *("e", {1: "y"}),
    ),
    "none before two tops": (chain(["data", "a"]) + layer("cut", "Slice", "a", "x y"), "cut", {1: "a"}),
    "the end alone": (chain(["data", "a"]), "a", {}),
    "the input": ("", "data", {}),
    "a pooling before its relu": (CONV + RELU + POOL + layer("e", "TanH", "pool"), "e", {1: "conv", 3: "pool"}),
}


@pytest.mark.parametrize(("text", "end", "expected"), CUTS.values(), ids=CUTS)
def test_cuts(plan, text, end, expected):
    assert cuts(plan(INPUT + text, end)) == expected


def test_no_cut_before_a_second_input_is_read(plan):
    text = input_layer((1, 2, 4, 4), (1, 2, 4, 4)) + chain(["data", "a"])
    text += layer("sum", "Eltwise", "a data1") + layer("e", "TanH", "sum")
    assert cuts(plan(text, "e")) == {2: "sum"}
