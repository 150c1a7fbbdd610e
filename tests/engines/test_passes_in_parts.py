"""A backward pass in parts is the pass as a whole, and a program's own diffs stay, on the engine that is at hand."""

from random import Random

import numpy as np
import pytest

from deepdream import load_net
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.shared import ENGINE, model, needs_models

SEEDS = range(3)
BRANCH = [  # layer types and parameters that keep the size
    ("Convolution", "convolution_param { num_output: 2 kernel_size: 3 pad: 1 }"),
    ("Convolution", "convolution_param { num_output: 3 kernel_size: 1 }"),
    ("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }"),
    ("LRN", "lrn_param { local_size: 3 alpha: 0.5 }"),
    ("TanH", ""),
    ("Scale", ""),
]


def inception(seed):
    """A random net of two modules: branches side by side that are joined again."""
    random, names, bottom = Random(seed), ["data"], "data"
    text = input_layer((1, 3, 6, 7))
    for module in range(2):
        joined = []
        for branch in range(random.randint(2, 3)):
            last = bottom
            for _ in range(random.randint(1, 2)):
                kind, param = random.choice(BRANCH)
                name = f"m{module}/b{branch}/{len(names)}"
                text += layer(name, kind, last, name, param)
                names.append(name)
                last = name
                if kind == "Convolution":
                    after = random.choice(["ReLU", "ReLU", "Sigmoid", "Dropout"])
                    text += layer(name + "/" + after.lower(), after, name, name)
            joined.append(last)
        bottom = f"m{module}/output"
        text += layer(bottom, "Concat", " ".join(joined))
    return text


def seen(net, seed=0):
    """Has the net see a picture."""
    source = net.blobs["data"]
    source.data[...] = np.random.RandomState(seed).normal(0, 2, source.shape)
    net.forward()


def start_from(net, layer, seed=1):
    """Sets the diffs that a pass from this layer starts from."""
    for i, top in enumerate(net.topology.layers[net.topology.position(layer)].tops):
        net.blobs[top].diff[...] = np.random.RandomState(seed + i).normal(size=net.blobs[top].shape)


def diffs(net, last):
    """The diffs of all blobs that a pass from the layer at this position works on."""
    names = sorted({name for spec in net.topology.layers[: last + 1] for name in spec.bottoms + spec.tops})
    return {name: net.blobs[name].diff.copy() for name in names}


def param_diffs(net):
    return {(name, i): blob.diff.copy() for name, blobs in net.params.items() for i, blob in enumerate(blobs)}


def same(found, expected):
    return all(np.array_equal(found[key], expected[key]) for key in expected) and set(found) == set(expected)


def runs_twice(spec):
    """Whether it changes nothing to run a layer's backward pass twice: one in place works on what it has written."""
    return spec.bottoms != spec.tops or spec.type in ("ReLU", "Dropout")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_pair_of_layers(tmp_path, seed):
    write_net(tmp_path, inception(seed), seed)
    whole, parts = load_net(str(tmp_path), ENGINE, "cpu"), load_net(str(tmp_path), ENGINE, "cpu")
    layers, told_apart = [spec.name for spec in whole.topology.layers], 0
    for last in range(1, len(layers)):
        seen(whole)
        start_from(whole, layers[last])
        whole.backward(start=layers[last])
        expected, expected_params = diffs(whole, last), param_diffs(whole)
        for middle in range(1, last + 1):
            for again in (layers[middle - 1], layers[middle]) if runs_twice(whole.topology.layers[middle]) else ():
                seen(parts)
                start_from(parts, layers[last])
                parts.backward(start=layers[last], end=layers[middle])
                parts.backward(start=again)
                assert same(diffs(parts, last), expected), (layers[last], layers[middle], again)
                assert again == layers[middle] or same(param_diffs(parts), expected_params)
            # Cut off from what is behind it, the rest would come to something else.
            parts.forward()
            parts.backward(start=layers[middle - 1])
            told_apart += not np.array_equal(parts.blobs["data"].diff, expected["data"])
    assert told_apart > len(layers) / 2


@needs_models
def test_every_layer_of_a_module_of_googlenet():
    whole, parts = (load_net(model("bvlc_googlenet"), ENGINE, "cpu") for _ in range(2))
    for net in (whole, parts):
        net.blobs["data"].reshape(1, 3, 64, 48)
        net.blobs["data"].data[...] = np.random.RandomState(0).normal(0, 60, (1, 3, 64, 48))
        net.forward(end="inception_4c/output")
    start_from(whole, "inception_4c/output")
    expected = whole.backward(start="inception_4c/output")["data"]
    before = whole.topology.layers[: whole.topology.position("inception_4c/output") + 1]
    module = [spec.name for spec in before if spec.name.startswith("inception_4c/")]
    assert len(module) == 14
    for middle in module:
        parts.forward(end="inception_4c/output")
        start_from(parts, "inception_4c/output")
        parts.backward(start="inception_4c/output", end=middle)
        np.testing.assert_array_equal(parts.backward(start=middle)["data"], expected, err_msg=middle)


# x -> left, right -> both; nothing is rectified, so that diffs add up.
TWO = (
    input_layer((1, 3, 4, 5))
    + layer("left", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 pad: 1 }")
    + layer("right", "Convolution", "data", param="convolution_param { num_output: 3 kernel_size: 1 }")
    + layer("both", "Concat", "left right")
)
SHAPES = {"left": (1, 2, 4, 5), "right": (1, 3, 4, 5), "both": (1, 5, 4, 5)}
DIFFS = {name: np.random.RandomState(i).normal(size=shape) for i, (name, shape) in enumerate(SHAPES.items())}


@pytest.fixture
def two(tmp_path):
    """The net, and what the diff of each of its layers alone comes to at the picture."""
    write_net(tmp_path, TWO)
    alone = {}
    for name, diff in DIFFS.items():
        net = load_net(str(tmp_path), ENGINE, "cpu")
        seen(net)
        net.blobs[name].diff[...] = diff
        alone[name] = net.backward(start=name)["data"].copy()
    return load_net(str(tmp_path), ENGINE, "cpu"), alone


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("used", [False, True])
def test_the_diffs_of_several_blobs_that_the_program_has_set_are_kept(two, used):
    net, alone = two
    held = {name: net.blobs[name].diff for name in DIFFS} if used else {}
    for _ in range(2):
        if used:
            seen(net)
            net.blobs["both"].diff[...] = DIFFS["both"]
            close(net.backward(start="both")["data"], alone["both"])
        seen(net)
        for name in ("left", "right"):
            # An array that the program has had since before that pass is as good as a new one.
            held.get(name, net.blobs[name].diff)[...] = DIFFS[name]
        close(net.backward(start="right")["data"], alone["left"] + alone["right"])


def test_a_diff_that_is_only_looked_at_is_cleared(two):
    net, alone = two
    for _ in range(2):
        seen(net)
        net.blobs["both"].diff[...] = DIFFS["both"]
        net.backward(start="both")
        assert all(blob.diff.any() for blob in net.blobs.values())
        net.forward()
        net.blobs["right"].diff[...] = DIFFS["right"]
        close(net.backward(start="right")["data"], alone["right"])


def test_a_diff_that_a_pass_has_used_is_used_once(two):
    """A dream on `left` is not to be seen in the one on `right` that follows."""
    net, alone = two
    for name in ("left", "right", "left", "right"):
        seen(net)
        net.blobs[name].diff[...] = DIFFS[name]
        close(net.backward(start=name)["data"], alone[name])


def test_a_diff_that_is_no_number_does_not_stay(two):
    net, alone = two
    seen(net)
    net.blobs["both"].diff[...] = np.nan
    assert np.isnan(net.backward(["left", "right"], start="both")["data"]).all()
    seen(net)
    net.blobs["right"].diff[...] = DIFFS["right"]
    close(net.backward(start="right")["data"], alone["right"])


def test_what_pictures_of_other_sizes_have_left_is_cleared(two, tmp_path):
    used, _ = two
    for height, width in ((9, 8), (4, 5), (9, 8), (12, 3)):
        found = []
        for net in (used, load_net(str(tmp_path), ENGINE, "cpu")):
            net.blobs["data"].reshape(1, 3, height, width)
            seen(net)
            assert net.blobs["left"].diff.shape == (1, 2, height, width)  # looking changes nothing
            net.blobs["right"].diff[...] = np.random.RandomState(width).normal(size=(1, 3, height, width))
            found.append(net.backward(start="right")["data"].copy())
        np.testing.assert_array_equal(*found)
        used.blobs["both"].diff[...] = 1
        used.backward(start="both")


def test_a_pass_after_another_forward_pass_does_not_go_on(two):
    net, alone = two
    seen(net)
    net.blobs["both"].diff[...] = DIFFS["both"]
    net.backward(start="both", end="right")
    net.forward()
    net.blobs["right"].diff[...] = DIFFS["right"]
    close(net.backward(start="right")["data"], alone["right"])


def test_what_stands_in_the_inputs_diff_is_no_gradient(tmp_path):
    write_net(tmp_path, input_layer((1, 3, 4, 5), (1, 3, 4, 5)) + layer("end", "TanH", "data1"))
    net = load_net(str(tmp_path), ENGINE, "cpu")
    net.blobs["data"].diff[...] = 7
    seen(net)
    net.blobs["end"].diff[...] = 1
    assert not net.backward(start="end")["data"].any()


def test_a_clean_pass_after_leftovers_from_the_same_layer_is_clean(tmp_path):
    """What the program had set for the first pass is a leftover of it, though the second pass has read it."""
    write_net(tmp_path, inception(0))
    net, fresh = (load_net(str(tmp_path), ENGINE, "cpu") for _ in range(2))
    layers = [spec.name for spec in net.topology.layers if spec.type not in ("Input", "Split")]
    start = layers[layers.index("m0/output") - 1]
    for one in (net, fresh):
        seen(one)
    net.leftovers = True
    for name in layers:
        start_from(net, name, seed=5)
    net.backward(start=layers[-1])
    start_from(net, start)
    net.backward(start=start)
    net.leftovers = False
    for one in (net, fresh):
        start_from(one, start)
        one.backward(start=start)
    np.testing.assert_array_equal(net.blobs["data"].diff, fresh.blobs["data"].diff)
