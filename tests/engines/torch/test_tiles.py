"""Reach beside brute force, and tiles beside the whole."""

from itertools import product

import numpy as np
import pytest
import torch

from deepdream.engines.torch.plan import make_plan
from deepdream.engines.torch.segment import Segment
from deepdream.engines.torch.tiles import ReceptiveField, make_tiles, receptive_fields
from tests.helpers.nets import input_layer, layer

HEIGHT, WIDTH = 26, 29


def conv(name, bottom, param):
    return layer(name, "Convolution", bottom, param=f"convolution_param {{ num_output: 2 {param} }}")


def pool(name, bottom, param):
    return layer(name, "Pooling", bottom, param=f"pooling_param {{ pool: AVE {param} }}")


def within(name, bottom, size):
    param = f"lrn_param {{ norm_region: WITHIN_CHANNEL local_size: {size} alpha: 0.5 }}"
    return layer(name, "LRN", bottom, param=param)


NETS = {
    "a convolution": conv("end", "data", "kernel_size: 3 pad: 1"),
    "stride": conv("end", "data", "kernel_size: 5 pad: 2 stride: 3"),
    "stride beyond the kernel": conv("end", "data", "kernel_size: 2 stride: 4"),
    "dilation": conv("end", "data", "kernel_size: 3 dilation: 3 pad: 2"),
    "directions apart": conv("end", "data", "kernel_h: 1 kernel_w: 4 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 3"),
    "pooling that rounds up": pool("end", "data", "kernel_size: 3 stride: 2"),
    "padded pooling": pool("end", "data", "kernel_size: 4 stride: 3 pad: 2"),
    "pooling that rounds down": pool("end", "data", "kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR"),
    "lrn within a channel": within("end", "data", 5),
    "lrn across channels": layer("end", "LRN", "data", param="lrn_param { alpha: 0.5 }"),
    "a chain": conv("a", "data", "kernel_size: 5 pad: 2 stride: 2")
    + pool("b", "a", "kernel_size: 3 stride: 2")
    + layer("n", "LRN", "b", param="lrn_param { alpha: 0.5 }")
    + conv("end", "n", "kernel_size: 3 pad: 1"),
    "a chain of odd ones": pool("a", "data", "kernel_size: 2 stride: 2")
    + within("b", "a", 3)
    + conv("c", "b", "kernel_size: 2 stride: 3 pad: 1")
    + layer("end", "TanH", "c"),
    "branches": conv("a", "data", "kernel_size: 3 stride: 2")
    + conv("one", "a", "kernel_size: 1")
    + conv("five", "a", "kernel_size: 5 pad: 2")
    + pool("p", "a", "kernel_size: 3 stride: 1 pad: 1")
    + conv("three", "p", "kernel_size: 3 pad: 1")
    + layer("end", "Concat", "one five three"),
    "branches to one side each": conv("a", "data", "kernel_size: 5 pad: 4 stride: 2")
    + conv("b", "data", "kernel_size: 2 pad: 1 stride: 2")
    + conv("c", "b", "kernel_h: 2 kernel_w: 3 pad_h: 1 pad_w: 2")
    + layer("end", "Concat", "a c"),
    "strides by two ways": conv("a", "data", "kernel_size: 3 pad: 1 stride: 4")
    + pool("b", "data", "kernel_size: 2 stride: 2")
    + pool("c", "b", "kernel_size: 3 stride: 2 round_mode: FLOOR pad: 1")
    + layer("end", "Concat", "a c"),
}


def stretch_of(net, end):
    """The whole way to `end` as one stretch, with its reaches, and the shapes of source and top."""
    net.blobs["data"].reshape(1, 2, HEIGHT, WIDTH)
    shapes = net.topology.infer(net.topology.needed(end), {"data": (1, 2, HEIGHT, WIDTH)})
    plan = make_plan(net.topology, net.layers, end)
    found = receptive_fields(plan.steps, "data", plan.tops, shapes)
    return Segment(plan.steps, plan.tops), found, shapes["data"], shapes[plan.tops[0]]


@pytest.fixture
def net(make, request):
    return make(input_layer((1, 2, HEIGHT, WIDTH)) + NETS[request.param], blobs="needed", precision="float64")


every_net = pytest.mark.parametrize("net", NETS, indirect=True)


@every_net
def test_reach_is_what_a_place_of_the_tops_depends_on(net):
    """Which inputs get a diff from one place; at least one place should show the whole reach, none more."""
    stretch, found, source, top = stretch_of(net, "end")
    torch.manual_seed(0)
    for axis, reach in enumerate(found):
        met = set()
        for i in range(top[2 + axis]):
            tape = stretch.forward({"data": torch.randn(source, dtype=torch.float64)}, keep=True)[1]
            diff = torch.zeros(top, dtype=torch.float64)
            diff.select(2 + axis, i).normal_()
            got = stretch.backward(tape, {"end": diff})["data"]
            sizes = got.abs().amax([0, 1, 3 - axis])
            places = np.flatnonzero(sizes > 1e-12 * sizes.max())  # a tile of a convolution rounds its neighbours
            assert len(places)
            first, last = i * reach.stride - reach.before, i * reach.stride - reach.before + reach.extent - 1
            assert max(first, 0) <= places[0]
            assert places[-1] <= min(last, source[2 + axis] - 1)
            met.update({"first"} if places[0] == first else (), {"last"} if places[-1] == last else ())
        assert met == {"first", "last"}


@every_net
def test_a_pixel_changes_no_place_beyond_the_reach(net):
    stretch, found, source, top = stretch_of(net, "end")
    x = torch.tensor(np.random.RandomState(0).normal(size=source))
    before = stretch.forward({"data": x}, keep=False)[0]["end"]
    for pixel in [(0, 0), (7, 8), (12, 11), (13, 14), (HEIGHT - 1, WIDTH - 1)]:
        y = x.clone()
        y[..., pixel[0], pixel[1]] += 1
        changed = (stretch.forward({"data": y}, keep=False)[0]["end"] != before).numpy()
        for axis, reach in enumerate(found):
            expected = [0 <= pixel[axis] - i * reach.stride + reach.before < reach.extent for i in range(top[2 + axis])]
            found_there = changed.any((0, 1, 3 - axis))
            assert not (found_there & ~np.array(expected)).any()


@every_net
@pytest.mark.parametrize("grid", [(1, 2), (2, 1), (3, 2), (2, 5)])
def test_tiles_are_the_whole(net, grid):
    stretch, found, source, top = stretch_of(net, "end")
    x = torch.tensor(np.random.RandomState(0).normal(size=source))
    whole = stretch.forward({"data": x}, keep=False)[0]["end"]
    covered = torch.zeros(top[2:])
    grid = tuple(min(pair) for pair in zip(grid, top[2:]))
    tiles = make_tiles(found, source, top, grid)
    assert len(tiles) == grid[0] * grid[1]
    for tile in tiles:
        covered[tile.of("top")] += 1
        part = stretch.forward({"data": x[tile.of("source")].contiguous()}, keep=False)[0]["end"]
        torch.testing.assert_close(part[tile.of("inside")], whole[tile.of("top")], rtol=1e-12, atol=1e-13)
        for reach, axis in zip(found, (tile.rows, tile.columns)):
            assert axis.source.start % reach.stride == 0
            assert axis.source.stop - axis.source.start <= reach.length(axis.top.stop - axis.top.start)
    assert (covered == 1).all()


def test_a_tile_takes_no_more_of_the_source_than_its_strides_ask_for():
    """Windows of 5 at every second place, padded by 2."""
    rows = [tile.rows for tile in make_tiles([ReceptiveField(2, 2, 5)] * 2, (1, 1, 20, 20), (1, 1, 10, 10), (2, 1))]
    assert rows[0] == (slice(0, 5), slice(0, 12), slice(0, 5))  # the last window ends at 8 - 2 + 5
    assert rows[1] == (slice(5, 10), slice(8, 20), slice(1, 6))


def test_parts_differ_by_one_place_at_most():
    tiles = make_tiles([ReceptiveField(1, 0, 1)] * 2, (1, 1, 11, 7), (1, 1, 11, 7), (4, 3))
    assert {tile.rows.top.stop - tile.rows.top.start for tile in tiles} == {2, 3}
    assert {tile.columns.top.stop - tile.columns.top.start for tile in tiles} == {2, 3}


@pytest.mark.parametrize("chain", list(product([(1, 1, 0), (3, 1, 1), (4, 3, 2)], repeat=3)))
def test_behind_is_a_layer_more_in_front(chain):
    """What place 5 reads, window by window."""
    reach, places = ReceptiveField(1, 0, 1), {5}
    for kernel, stride, pad in chain:
        reach = reach.behind(kernel, stride, pad)
        places = {place * stride - pad + k for place in places for k in range(kernel)}
    assert (min(places), max(places)) == (5 * reach.stride - reach.before, min(places) + reach.extent - 1)


def test_joined_reaches_hold_both():
    assert ReceptiveField(2, 3, 5).joined(ReceptiveField(2, 1, 9)) == ReceptiveField(2, 3, 11)
    assert ReceptiveField(2, 1, 9).joined(ReceptiveField(2, 3, 5)) == ReceptiveField(2, 3, 11)
    assert ReceptiveField(2, 4, 9).joined(ReceptiveField(2, 3, 5)) == ReceptiveField(2, 4, 9)


@pytest.mark.parametrize(
    "text",
    [
        layer("end", "InnerProduct", "data", param="inner_product_param { num_output: 3 }"),
        layer("end", "Pooling", "data", param="pooling_param { global_pooling: true }"),
        layer("end", "Softmax", "data", param="softmax_param { axis: 2 }"),
        layer("end", "Concat", "data data", param="concat_param { axis: 3 }"),
        layer("end", "Slice", "data", "end other", "slice_param { axis: 2 }"),
        layer("end", "Scale", "data", param="scale_param { axis: 2 }"),
        layer("end", "Scale", "data", param="scale_param { axis: 1 num_axes: 2 }"),
        layer("end", "Flatten", "data"),
        layer("end", "Reshape", "data", param="reshape_param { shape { dim: 0 dim: 0 dim: 29 dim: 26 } }"),
        layer("end", "Deconvolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 stride: 2 }"),
        layer("end", "Crop", "data data", param="crop_param { axis: 2 }"),
        conv("a", "data", "kernel_h: 14 kernel_w: 15")
        + conv("b", "data", "kernel_size: 2 stride: 2 pad_h: 0 pad_w: 1")
        + layer("end", "Eltwise", "a b"),
        # windows that may lie in the padding altogether
        conv("end", "data", "kernel_size: 1 pad: 2"),
    ],
)
def test_what_has_no_tiles(make, text):
    net = make(input_layer((1, 2, HEIGHT, WIDTH)) + text, blobs="needed")
    assert stretch_of(net, "end")[1] is None


def test_two_sources_have_no_tiles(make):
    net = make(input_layer((1, 2, 9, 9), (1, 2, 9, 9)) + layer("end", "Eltwise", "data data1"))
    plan = make_plan(net.topology, net.layers, "end")
    assert receptive_fields(plan.steps, "data", plan.tops, net.topology.shapes) is None
