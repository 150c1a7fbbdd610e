"""Layouts: within their bytes, as fast as these allow."""

import numpy as np
import pytest
import torch

from deepdream.caffe_format.topology import read_topology
from deepdream.engines.torch.layers import LAYERS
from deepdream.engines.torch.plan import make_plan
from deepdream.engines.torch.tiling import TilingSearch
from tests.engines.torch.small_net import NET
from tests.helpers.nets import input_layer, layer, random_weights, write_prototxt

MIB = 2**20
SMALL = (1, 3, 30, 40)
LARGE = (1, 3, 500, 700)


def convolution(name, bottom, outputs, size, stride=1):
    param = f"num_output: {outputs} kernel_size: {size} pad: {size // 2} stride: {stride}"
    text = layer(name, "Convolution", bottom, param=f"convolution_param {{ {param} }}")
    return text + layer(name + "/relu", "ReLU", name, name)


def pooling(name, bottom):
    return layer(name, "Pooling", bottom, param="pooling_param { kernel_size: 3 stride: 2 }")


DEEP = (
    input_layer(SMALL)
    + convolution("one", "data", 16, 7, 2)
    + pooling("pool1", "one")
    + convolution("two", "pool1", 32, 3)
    + pooling("pool2", "two")
    + convolution("three", "pool2", 24, 3)
    + convolution("four", "three", 48, 5)
)
NETS = {"deep": (DEEP, "four"), "small": (NET, "mix")}


@pytest.fixture
def layouts(tmp_path):
    def layouts(text, end, shape, dtype=torch.float32):
        topology = read_topology(write_prototxt(tmp_path, text))
        weights = {name: [torch.tensor(a) for a in arrays] for name, arrays in random_weights(topology).items()}
        layers = [LAYERS[spec.type](spec, weights.get(spec.name, [])) for spec in topology.layers]
        shapes = topology.infer(topology.needed(end), {topology.inputs[0]: shape})
        return TilingSearch(make_plan(topology, layers, end), shapes, topology.inputs, dtype, torch.device("cpu"))

    return layouts


def figures(layout):
    """What a layout is, without the objects that it is made of."""
    return layout.max_bytes, [(s.source, s.segment.tops, s.tiles, s.keep) for s in layout.segments]


def limits(layouts, count):
    return np.linspace(layouts.min_bytes(), 1.1 * layouts.within().max_bytes, count).astype(int).tolist()


every_net = pytest.mark.parametrize(("text", "end"), NETS.values(), ids=NETS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@every_net
def test_within_its_bytes(layouts, text, end, dtype):
    found = layouts(text, end, LARGE, dtype)
    for limit in limits(found, 15):
        assert found.within(limit).max_bytes <= limit


@every_net
def test_a_small_picture_runs_as_a_whole_where_there_is_room(layouts, text, end):
    found = layouts(text, end, SMALL)
    assert [(s.source, s.tiles, s.keep) for s in found.within().segments] == [("data", [], True)]
    assert figures(found.within(found.within().max_bytes)) == figures(found.within())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@every_net
def test_the_least(layouts, text, end, dtype):
    found = layouts(text, end, LARGE, dtype)
    least = found.min_bytes()
    assert found.within(least)
    assert found.within(least - MIB) is None
    assert found.within(0) is None
    assert least < found.within().max_bytes / 2
    assert any(segment.tiles for segment in found.within(least).segments)


@every_net
def test_the_segments_are_the_whole_way(layouts, text, end):
    found = layouts(text, end, LARGE)
    whole = [step.layer.spec.name for step in layouts(text, end, LARGE)._plan.steps]
    for limit in limits(found, 7):
        segments = found.within(limit).segments
        assert [step.layer.spec.name for segment in segments for step in segment.segment.steps] == whole
        assert segments[0].source == "data"
        assert [segment.source for segment in segments[1:]] == [s.segment.tops[0] for s in segments[:-1]]


@every_net
def test_the_same_again(layouts, text, end):
    one, other = layouts(text, end, LARGE), layouts(text, end, LARGE)
    for limit in limits(one, 5):
        assert one.within(limit) is one.within(limit)
        assert figures(one.within(limit)) == figures(other.within(limit))


@pytest.mark.parametrize("shape", [LARGE, (1, 3, 90, 900), (1, 3, 900, 90)])
@every_net
def test_more_memory_is_never_more_work(layouts, text, end, shape):
    found = layouts(text, end, shape)
    work = [min(one[0] for one in found._all(limit)) for limit in limits(found, 20)]
    assert work == sorted(work, reverse=True)


@pytest.mark.parametrize("shape", [(1, 3, 40, 2000), (1, 3, 2000, 40)])
def test_a_narrow_picture_is_cut_across(layouts, shape):
    found = layouts(DEEP, "four", shape)
    for segment in found.within(found.min_bytes()).segments:
        for tile in segment.tiles:
            assert (tile.rows if shape[2] < shape[3] else tile.columns).top.start == 0


def test_a_higher_picture_takes_more(layouts):
    least = [layouts(DEEP, "four", (1, 3, height, 400)).min_bytes() for height in (200, 400, 800, 1600)]
    assert least == sorted(least)
    assert least[-1] > least[0]


@pytest.mark.parametrize("end", ["pool", "end"])
def test_what_cannot_be_cut_into_tiles(layouts, end):
    text = input_layer(SMALL) + layer("pool", "Pooling", "data", param="pooling_param { global_pooling: true }")
    found = layouts(text + layer("end", "Softmax", "pool"), end, LARGE)
    for memory in (None, found.min_bytes()):
        assert not any(segment.tiles for segment in found.within(memory).segments)
    assert found.within(found.min_bytes() - MIB) is None


def test_a_search_is_not_repeated(layouts, monkeypatch):
    found = layouts(DEEP, "four", LARGE)
    limit = (found.min_bytes() + found.within().max_bytes) // 2
    before = found.min_bytes(), figures(found.within(limit)), figures(found.within())
    monkeypatch.setattr(found, "_all", lambda _: pytest.fail("searches again"))
    assert (found.min_bytes(), figures(found.within(limit)), figures(found.within())) == before
