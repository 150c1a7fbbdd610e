"""A stretch's memory: what is predicted, kept and given back, beside what PyTorch really has alive."""

import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from deepdream.engines.torch.plan import make_plan
from deepdream.engines.torch.segment import Segment
from deepdream.engines.torch.tiled_segment import TiledSegment
from deepdream.engines.torch.tiling import _SLACK
from tests.engines.torch.small_net import ENDS
from tests.helpers.nets import input_layer, layer

SHAPE = (1, 3, 24, 32)
PARAM = "convolution_param { num_output: 2 kernel_size: 3 pad: 1 }"


class Alive(TorchDispatchMode):
    """The most bytes at once of what operations have made under it and has not been given back yet.

    What a layer is handed for its shape alone does not count: nothing writes to it, so it takes no memory.
    """

    def __init__(self, outside):
        super().__init__()
        self.now = self.most = 0
        self.seen = dict.fromkeys(memory_of(outside), 0)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor) and "empty_strided" not in str(func):
                self._see(tensor)
        return result

    def _see(self, tensor):
        for key, size in memory_of([tensor]).items():
            if key not in self.seen:
                self.seen[key] = size
                self.now += size
                self.most = max(self.most, self.now)
                weakref.finalize(tensor.untyped_storage(), self._gone, key)

    def _gone(self, key):
        self.now -= self.seen.pop(key, 0)


def memory_of(tensors):
    """{address: bytes} of these tensors, memory that several share counted once."""
    blocks = (tensor.untyped_storage() for tensor in tensors if isinstance(tensor, torch.Tensor) and not tensor.is_meta)
    return {block.data_ptr(): block.nbytes() for block in blocks}


def stretch_of(net, end, shape=SHAPE):
    """The whole way to `end`, and the shapes of all blobs there."""
    shapes = {name: net.blobs[name].shape for name in net.inputs}
    shapes = net.topology.infer(net.topology.needed(end), {**shapes, "data": shape})
    plan = make_plan(net.topology, net.layers, end)
    return Segment(plan.steps, plan.tops), shapes


def there(net, stretch):
    """A forward pass: the tops and the tape."""
    tops, (tape,) = TiledSegment(stretch, "data", [], True).forward({"data": torch.randn(SHAPE, dtype=net.dtype)})
    return tops, tape


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("end", ENDS[:-1])
def test_the_bytes_of_a_tape_are_those_predicted(make, end, precision):
    net = make(blobs="needed", precision=precision)
    stretch, shapes = stretch_of(net, end)
    tape = there(net, stretch)[1]
    kept = memory_of([*tape.blobs.values(), *(value for layer in tape.layers for value in vars(layer).values())])
    assert sum(kept.values()) == stretch.memory(shapes, net.dtype, net.device)[1]


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("end", ENDS[:-1])
def test_the_bytes_of_a_pass_are_no_more_than_a_layout_allows_for(make, end, precision):
    """And float32 takes no less than half of them. In float64 the columns of convolutions do not show here."""
    net = make(blobs="needed", precision=precision)
    stretch, shapes = stretch_of(net, end)
    source = {"data": torch.randn(SHAPE, dtype=net.dtype)}
    diffs = {name: torch.randn(shapes[name], dtype=net.dtype) for name in stretch.tops}
    segment = TiledSegment(stretch, "data", [], True)
    params = [param for layer in net.layers for param in layer.params]
    for _ in range(2):  # what layers keep for good is made in the first pass
        with Alive([*source.values(), *diffs.values(), *params]) as alive:
            tapes = segment.forward(source)[1]
            segment.backward(source, tapes, diffs, None)
    predicted = stretch.memory(shapes, net.dtype, net.device)[0]
    assert alive.most <= _SLACK * predicted
    assert precision == "float64" or alive.most >= predicted / 2


def test_the_bytes_of_a_pass_by_hand(make):
    """The most is on the way back, in the last layer: what is kept, and the diffs of its bottom and top."""
    text = input_layer((1, 3, 9, 9)) + layer("a", "TanH", "data") + layer("conv", "Convolution", "a", param=PARAM)
    net = make(text + layer("end", "TanH", "conv"), blobs="needed")
    stretch, shapes = stretch_of(net, "end")
    plane = 4 * SHAPE[2] * SHAPE[3]
    tape = (3 + 2) * plane  # the tops of both TanH
    assert stretch.memory(shapes, net.dtype, net.device) == (tape + (2 + 2) * plane, tape)


def test_blobs_are_kept_as_far_as_they_are_read(make):
    text = input_layer((1, 3, 9, 9)) + layer("conv", "Convolution", "data", param=PARAM)
    text += layer("relu", "ReLU", "conv", "conv") + layer("norm", "LRN", "conv") + layer("wide", "ReLU", "norm")
    text += layer("pool", "Pooling", "wide", param="pooling_param { pool: AVE kernel_size: 2 }")
    text += layer("end", "Sigmoid", "pool") + layer("unread", "Dropout", "end")
    net = make(text, blobs="needed")
    stretch, _ = stretch_of(net, "unread")
    tops, tape = there(net, stretch)
    assert {name: (blob.is_meta, blob.dtype) for name, blob in tape.blobs.items()} == {
        "data": (True, torch.float32),  # shapes only
        "conv": (False, torch.float32),
        "norm": (False, torch.bool),  # signs only
        "wide": (True, torch.float32),
        "end": (False, torch.float32),
    }
    assert tape.tops == {"unread": tuple(tops["unread"].shape)}
    assert tape.blobs["norm"].shape == (1, 2, *SHAPE[2:])


def test_signs_are_right_and_the_tape_is_used_up(make):
    net = make(input_layer((1, 3, 9, 9)) + layer("relu", "ReLU", "data"), blobs="needed", precision="float64")
    stretch, _ = stretch_of(net, "relu")
    x = torch.randn(SHAPE, dtype=torch.float64)
    tape = stretch.forward({"data": x}, keep=True)[1]
    assert tape.blobs["data"].equal(x > 0)
    diff = torch.randn(SHAPE, dtype=torch.float64)
    assert stretch.backward(tape, {"relu": diff})["data"].equal(diff * (x > 0))
    assert not tape.layers
    assert not tape.blobs


@pytest.mark.parametrize(
    ("others", "kept"),
    [
        ("", torch.bool),
        (layer("conv", "Convolution", "a", param=PARAM), torch.bool),
        (layer("conv", "ReLU", "a"), torch.float64),
        (layer("conv", "Clip", "a", param="clip_param { min: -2 max: 2 }"), torch.float64),
        (layer("conv", "Power", "a", param="power_param { power: 2 }"), torch.float64),
    ],
    ids=["alone", "beside a shape", "beside signs", "beside another range", "beside values"],
)
def test_of_what_a_range_is_read_no_more_is_kept(make, others, kept):
    text = input_layer((1, 2, 9, 9)) + layer("a", "Power", "data", param="power_param { scale: 2 }")
    text += layer("clip", "Clip", "a", param="clip_param { min: -1 max: 0.5 }") + others
    text += layer("sum", "Eltwise", "clip conv" if others else "clip clip")
    net = make(text, blobs="needed", precision="float64")
    stretch, shapes = stretch_of(net, "sum", (1, 2, 24, 32))
    x = torch.randn(shapes["data"], dtype=torch.float64)
    tape = stretch.forward({"data": x}, keep=True)[1]
    assert tape.blobs["a"].dtype == kept
    assert memory_of(tape.blobs.values())
    assert sum(memory_of(tape.blobs.values()).values()) == stretch.memory(shapes, net.dtype, net.device)[1]
    if not others:
        diff = torch.randn_like(x)
        assert stretch.backward(tape, {"sum": diff})["data"].equal(4 * diff * ((2 * x >= -1) & (2 * x <= 0.5)))


def test_a_pass_that_is_not_kept_leaves_nothing(make):
    net = make(blobs="needed")
    stretch, _ = stretch_of(net, "mix")
    for _ in range(2):  # what layers keep for all passes is made in the first one
        with Alive(param for layer in net.layers for param in layer.params) as alive:
            tops, tape = stretch.forward({"data": torch.randn(SHAPE)}, keep=False)
    assert tape is None
    assert sum(memory_of(tops.values()).values()) == alive.now
    for step in stretch.steps:
        assert not {"indices", "scale", "_kept", "winner"} & set(vars(step.layer))


def test_a_splits_tops_are_one_memory(make):
    net = make(input_layer((1, 3, 9, 9)) + layer("a", "TanH", "data") + layer("sum", "Eltwise", "a a"), blobs="needed")
    stretch, shapes = stretch_of(net, "a_a_0_split")
    tops, _ = there(net, stretch)
    assert len(tops) == 2
    assert len(memory_of(tops.values())) == 1
    assert stretch.memory(shapes, net.dtype, net.device)[1] == sum(memory_of(tops.values()).values())


def test_tops_that_nothing_brings_a_diff_for_count_as_zero(make):
    """Of a Slice's, only one is needed."""
    text = input_layer((1, 3, 9, 9)) + layer("cut", "Slice", "data", "x y z") + layer("end", "Power", "y")
    net = make(text, blobs="needed", precision="float64")
    stretch, _ = stretch_of(net, "end")
    tape = stretch.forward({"data": torch.randn(SHAPE, dtype=torch.float64)}, keep=True)[1]
    diff = torch.ones(1, 1, *SHAPE[2:], dtype=torch.float64)
    assert stretch.backward(tape, {"end": diff})["data"].amax((0, 2, 3)).tolist() == [0, 1, 0]


def test_what_a_stretch_starts_from_is_not_written_to(make):
    text = input_layer((1, 3, 9, 9)) + layer("clamp", "ReLU", "data", "data") + layer("end", "Power", "data")
    net = make(text, blobs="needed", precision="float64")
    stretch, _ = stretch_of(net, "end")
    x = torch.randn(SHAPE, dtype=torch.float64)
    before = x.clone()
    stretch.forward({"data": x}, keep=True)
    assert x.equal(before)
