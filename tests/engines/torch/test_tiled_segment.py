"""Tiles against the whole: the same tops and the same gradient, whatever the net, the grid and the picture's size."""

from itertools import combinations
from random import Random

import numpy as np
import pytest
import torch

from deepdream import load_net
from deepdream.engines.torch import make_net
from deepdream.engines.torch.plan import cuts, make_plan
from deepdream.engines.torch.segment import Segment
from deepdream.engines.torch.tiled_segment import TiledSegment
from deepdream.engines.torch.tiles import make_tiles, receptive_fields
from deepdream.errors import DreamError
from tests.engines.random_nets import random_model
from tests.engines.torch.small_net import ENDS, gradient, picture
from tests.helpers.nets import input_layer, layer
from tests.helpers.shared import model, needs_models

GRIDS = [(1, 2), (2, 1), (2, 3), (5, 1), (4, 4)]


def segments(net, end, more):
    """(the blob that it starts from, make) of all stretches between two cuts that have tiles.

    The inputs are higher and wider by `more` than the prototxt has them. make(grid, keep) is a Segment.
    """
    random, shapes = np.random.RandomState(0), {}
    for name in net.inputs:
        *others, height, width = net.blobs[name].shape
        shapes[name] = (*others, height + more[0], width + more[1])
    inputs = {name: torch.tensor(random.normal(size=shape)) for name, shape in shapes.items()}
    shapes = net.topology.infer(net.topology.needed(end), shapes)
    plan = make_plan(net.topology, net.layers, end)
    places = {0: "data", **cuts(plan), len(plan.steps): plan.tops[0]}
    for first, last in combinations(places, 2):
        steps, tops = plan.steps[first:last], plan.tops if last == len(plan.steps) else (places[last],)
        found = receptive_fields(steps, places[first], tops, shapes)
        if found:
            before = Segment(plan.steps[:first], [places[first]])
            source = before.forward({name: x.clone() for name, x in inputs.items()}, keep=False)[0]
            yield source, _maker(steps, places[first], tops, found, shapes)


def _maker(steps, source, tops, found, shapes):
    def make(grid, keep):
        grid = tuple(min(pair) for pair in zip(grid, shapes[tops[0]][2:]))
        tiles = make_tiles(found, shapes[source], shapes[tops[0]], grid) if grid != (1, 1) else []
        return TiledSegment(Segment(steps, tops), source, tiles, keep)

    return make


def passes(segment, sources):
    """The tops, and the source's diffs of two ways back after one way there."""
    random = np.random.RandomState(1)
    tops, tapes = segment.forward(sources)
    results = list(tops.values())
    assert len(tapes) == (max(len(segment.tiles), 1) if segment.keep else 0)
    for _ in range(2):
        diffs = {name: torch.tensor(random.normal(size=top.shape)) for name, top in tops.items()}
        results.append(segment.backward(sources, tapes, diffs, None)[segment.source])
        assert not tapes
    return results


def check(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.shape == other.shape
        assert abs(one - other).max() <= 1e-12 * abs(other).max() + 1e-300


def check_all(net, end, more, grids=GRIDS, random=None):
    """The number of segments checked; with `random`, at one of the grids each."""
    count = 0
    for source, make in segments(net, end, more):
        whole = passes(make((1, 1), True), source)
        for grid in [random.choice(grids)] if random else grids:
            for keep in (True, False):
                check(passes(make(grid, keep), source), whole)
                count += 1
        check(passes(make((1, 1), False), source), whole)
    return count


@pytest.mark.parametrize("end", [end for end in ENDS if end != "prob"])
@pytest.mark.parametrize(("more", "grids"), [((0, 0), [(2, 3), (5, 1)]), ((14, 6), GRIDS)])
def test_all_stretches_of_the_small_net(make, end, more, grids):
    assert check_all(make(blobs="needed", precision="float64"), end, more, grids) >= 2 * len(grids)


@pytest.mark.usefixtures("one_thread")
def test_random_nets(tmp_path):
    """Every layer of twenty nets as the end, on larger pictures where the net allows it."""
    count, kinds = 0, set()
    for seed in range(0, 300, 15):
        random = Random(seed)
        net = make_net(random_model(tmp_path, seed), "cpu", "float64", "needed", False)
        for spec in filter(lambda spec: spec.tops, net.topology.layers):
            try:
                done = check_all(net, spec.name, (random.randint(3, 12), random.randint(3, 12)), random=random)
            except DreamError:  # a layer that fits only the size that the net was made for
                done = check_all(net, spec.name, (0, 0), random=random)
            count += done
            kinds.update({spec.type} if done else ())
    assert count > 100
    assert kinds >= {
        "Convolution",
        "Pooling",
        "LRN",
        "Eltwise",
        "Concat",
        "Slice",
        "Split",
        "Scale",
        "BatchNorm",
        "ReLU",
    }


INPUT = input_layer((1, 2, 12, 14))
CONV = layer("conv", "Convolution", "data", param="convolution_param { num_output: 3 kernel_size: 3 pad: 1 }")


def build(make, text):
    """What keeps every blob, and two that keep the needed ones: one without a limit, one in the least memory."""
    nets = [make(text, precision="float64", blobs=blobs) for blobs in ("all", "needed", "needed")]
    for net in nets:
        picture(net, *net.blobs["data"].shape[2:])
    return nets


def squeeze(net, end):
    """Gives the net the least memory that works, found by trying; the bytes."""
    layouts, low = net._search(end, net.blobs["data"].shape), 0
    high = layouts.within().max_bytes
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if layouts.within(middle) else (middle, high)
    net.memory = high
    return high


def compare(nets, end):
    (tops, _, diff), *others = [gradient(net, end) for net in nets]
    for net, (other_tops, _, other_diff) in zip(nets[1:], others):
        assert list(tops) == list(other_tops)
        again = net.backward(start=end)["data"]
        for one, other in [*((tops[name], other_tops[name]) for name in tops), (diff, other_diff), (diff, again)]:
            np.testing.assert_allclose(other, one, rtol=0, atol=1e-12 * abs(one).max())
    assert diff.any()


@pytest.mark.parametrize("end", [end for end in ENDS if end != "prob"])
def test_a_net_in_little_memory(make, end):
    nets = [make(precision="float64", blobs=blobs) for blobs in ("all", "needed", "needed")]
    for net in nets:
        picture(net, 17, 22)
    least = squeeze(nets[2], end)
    most = nets[1]._search(end, (1, 3, 17, 22)).within().max_bytes
    assert any(segment.tiles for segment in nets[2].tiling(end, (1, 3, 17, 22)).segments)
    for memory in (least, (least + most) // 2, most):
        nets[2].memory = memory
        compare(nets, end)


ENDS_OF_ALL_KINDS = {
    "several tops": (CONV + layer("end", "Slice", "conv", "x end", "slice_param { slice_point: 1 }"), True),
    "in place": (CONV + layer("end", "TanH", "conv", "conv"), True),
    "global pooling": (CONV + layer("end", "Pooling", "conv", param="pooling_param { global_pooling: true }"), False),
    "an inner product": (
        CONV + layer("end", "InnerProduct", "conv", param="inner_product_param { num_output: 4 }"),
        False,
    ),
}


@pytest.mark.parametrize(("text", "has_tiles"), ENDS_OF_ALL_KINDS.values(), ids=ENDS_OF_ALL_KINDS)
def test_ends_of_all_kinds(make, text, has_tiles):
    nets = build(make, INPUT + text)
    least = squeeze(nets[2], "end")
    compare(nets, "end")
    assert bool(nets[2].tiling("end", (1, 2, 12, 14)).segments[-1].tiles) == has_tiles
    nets[2].memory = least - 1
    with pytest.raises(DreamError, match=f"{least - 1} bytes are too few for a pass to end"):
        nets[2].forward(end="end")


def test_what_cannot_be_cut_can_still_follow_tiles(make):
    text = CONV + layer("small", "Pooling", "conv", param="pooling_param { kernel_size: 3 stride: 3 }")
    nets = build(
        make, INPUT + text + layer("end", "InnerProduct", "small", param="inner_product_param { num_output: 4 }")
    )
    squeeze(nets[2], "end")
    first, *_, last = nets[2].tiling("end", (1, 2, 12, 14)).segments
    assert first.tiles
    assert not last.tiles
    compare(nets, "end")


def test_an_end_that_does_not_depend_on_the_picture(make):
    text = input_layer((1, 2, 12, 14), (1, 2, 15, 13)) + CONV.replace('bottom: "data"', 'bottom: "data1"')
    text += layer("end", "LRN", "conv")
    nets = [make(text, precision="float64", blobs=blobs) for blobs in ("all", "needed", "needed")]
    for net in nets:
        picture(net, 12, 14)
        net.blobs["data1"].data[...] = np.random.RandomState(5).normal(size=(1, 2, 15, 13))
        net.blobs["data"].diff[...] = 7
    squeeze(nets[2], "end")
    (tops, _, diff), *others = [gradient(net, "end") for net in nets]
    assert not diff.any()
    for other_tops, _, other_diff in others:
        np.testing.assert_allclose(other_tops["end"], tops["end"], rtol=1e-12)
        assert not other_diff.any()


def test_another_size_of_a_second_input(make):
    """Of the same picture; what was laid out for the one does not do for the other."""
    text = input_layer((1, 2, 12, 14), (1, 2, 15, 13)) + CONV.replace('bottom: "data"', 'bottom: "data1"')
    text += layer("wide", "Convolution", "conv", param="convolution_param { num_output: 90 kernel_size: 1 }")
    text += layer("end", "Pooling", "wide", param="pooling_param { kernel_size: 3 stride: 3 }")
    every, needed = (make(text, precision="float64", blobs=blobs) for blobs in ("all", "needed"))
    for size in ((1, 2, 15, 13), (1, 2, 21, 24)):
        for net in (every, needed):
            net.blobs["data1"].reshape(*size)
            net.blobs["data1"].data[...] = np.random.RandomState(5).normal(size=size)
        needed.memory = None
        squeeze(needed, "end")
        assert needed.tiling("end", (1, 2, 12, 14)).segments[-1].tiles
        np.testing.assert_allclose(
            needed.forward(end="end")["end"], every.forward(end="end")["end"], rtol=1e-12, atol=1e-14
        )


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 2, 2)])
def test_tiles_beside_an_input_that_is_not_read(make, shape):
    nets = build(make, input_layer((1, 2, 12, 14), shape) + CONV)
    squeeze(nets[2], "conv")
    compare(nets, "conv")


@pytest.mark.parametrize("little", [False, True])
def test_a_first_layer_in_place_runs_once_on_the_picture(make, little):
    """Even where the way back has to go there once more."""
    text = (
        INPUT
        + layer("bend", "ReLU", "data", "data", "relu_param { negative_slope: 0.1 }")
        + CONV
        + layer("end", "TanH", "conv")
    )
    every, net = make(text, precision="float64"), make(text, precision="float64", blobs="needed")
    for one in (every, net):
        picture(one, 12, 14)
        one.blobs["data"].data[...] *= 2
    if little:
        squeeze(net, "end")
    compare([every, net], "end")


@pytest.mark.usefixtures("one_thread")
def test_branches_that_only_rounding_makes_alike(make):
    """A convolution's number of windows rounds down and a pooling's up, as in the Inception of batch normalization."""
    text = input_layer((1, 2, 28, 28)) + CONV.replace("pad: 1", "pad: 1 stride: 2")
    text += layer("pool", "Pooling", "data", param="pooling_param { kernel_size: 3 stride: 2 }")
    nets = build(make, text + layer("end", "Concat", "conv pool"))
    for grid in GRIDS:
        ((source, make_segment),) = (one for one in segments(nets[1], "end", (0, 0)))
        check(passes(make_segment(grid, True), source), passes(make_segment((1, 1), True), source))
    squeeze(nets[2], "end")
    compare(nets, "end")


@pytest.fixture(scope="module")
def googlenet():
    return load_net(model("bvlc_googlenet"), "torch", "cpu", blobs="needed")


@needs_models
@pytest.mark.parametrize("end", ["inception_4c/output", "conv2/3x3"])
def test_real_weights_in_little_memory(googlenet, end):
    """float32's rounding is another in a tile: PyTorch adds up in another order.

    Halfway to the least, where hundreds of tiles would take ten seconds.
    """
    net, shape = googlenet, (1, 3, 300, 420)
    net.blobs["data"].reshape(*shape)
    net.blobs["data"].data[...] = np.random.RandomState(0).normal(0, 50, shape)
    diffs = []
    net.memory = None
    for memory in (None, (net.min_memory(end, shape) + net.bytes_needed(end, shape)) // 2):
        net.memory = memory
        top = net.forward(end=end)[end]
        net.blobs[end].diff[...] = top
        diffs.append(net.backward(start=end)["data"].copy())
        assert any(segment.tiles for segment in net.tiling(end, shape).segments) == (memory is not None)
    net.memory = None
    assert np.median(abs(diffs[1] - diffs[0])) <= 2e-6 * abs(diffs[0]).mean()
