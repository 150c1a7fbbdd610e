"""One layer of the PyTorch engine by itself, and its backward pass beside finite differences."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from deepdream.caffe_format.topology import read_topology
from deepdream.engines.torch.layers import LAYERS
from deepdream.engines.torch.layers.base import Saved
from tests.helpers.nets import input_layer, layer, write_prototxt

STEP = 1e-6


def build(kind, shapes, param="", params=(), tops="y", dtype=torch.float64):
    """The layer of this type between Input blobs of these shapes and `tops`; "data" as the top makes it in place.

    It comes from a prototxt, so that its parameters are parsed for real. `params` are arrays.
    """
    bottoms = " ".join(f"data{i or ''}" for i in range(len(shapes)))
    with tempfile.TemporaryDirectory() as folder:
        text = input_layer(*shapes) + layer("y", kind, bottoms, tops, param)
        topology = read_topology(write_prototxt(Path(folder), text))
    spec = topology.layers[topology.position("y")]
    assert [np.shape(array) for array in params] == topology.param_shapes["y"]
    return LAYERS[kind](spec, [torch.tensor(array, dtype=dtype) for array in params])


def normal(*shape, seed=0):
    """Random numbers with a distance of 0.01 from zero, so that no finite difference steps over a kink there."""
    x = np.random.RandomState(seed).normal(size=shape)
    return x + 0.01 * np.sign(x)


def forward(layer, *bottoms):
    """The tops as arrays; the bottoms given are not touched."""
    return [top.numpy().copy() for top in layer.forward([torch.tensor(bottom) for bottom in bottoms])]


def backward(layer, top_diffs, *bottoms):
    """The diffs of the bottoms and of the parameters, after a forward pass, as arrays.

    The layer is handed what the engine has: where it works in place, the bottom is what it has written; and of what it
    says that it does not read, nothing is left.
    """
    bottoms = [torch.tensor(bottom) for bottom in bottoms]
    tops = layer.forward(bottoms)
    bottoms = tops if layer.in_place else bottoms
    diffs = [torch.tensor(diff) for diff in top_diffs]
    handed = [
        [_as_far_as_read(layer, blob, reads) for blob in blobs]
        for blobs, reads in ((bottoms, layer.saved_bottoms), (tops, layer.saved_tops))
    ]
    params = [diff if diff is None else diff.numpy() for diff in layer.param_diffs(diffs, bottoms)]
    return [diff.numpy() for diff in layer.backward(diffs, *handed)], params


def _as_far_as_read(layer, blob, reads):
    if reads == Saved.RANGE:
        return layer.in_range(blob)
    stand_ins = {Saved.NOTHING: None, Saved.SHAPE: blob * torch.nan, Saved.SIGNS: blob > 0}
    return stand_ins.get(reads, blob)


def check_gradients(layer, *bottoms, trained=True):
    """Holds the backward pass against finite differences, number by number and along a random direction."""
    random = np.random.RandomState(7)
    top_diffs = [random.normal(size=top.shape) for top in forward(layer, *bottoms)]

    def loss():
        return sum((top * diff).sum() for top, diff in zip(forward(layer, *bottoms), top_diffs))

    diffs, param_diffs = backward(layer, top_diffs, *bottoms)
    pairs = list(zip(bottoms, diffs))
    if trained:
        pairs += zip([param.numpy() for param in layer.params], param_diffs)  # which share the layer's memory
    for array, diff in pairs:
        assert diff.shape == array.shape
        np.testing.assert_allclose(diff, _numeric(loss, array), rtol=1e-6, atol=1e-7)
        way = random.normal(size=array.shape)
        saved = array.copy()
        array[...] = saved + STEP * way
        above = loss()
        array[...] = saved - STEP * way
        slope = (above - loss()) / (2 * STEP)
        array[...] = saved
        np.testing.assert_allclose((diff * way).sum(), slope, rtol=1e-6, atol=1e-7)


def _numeric(loss, array):
    slopes = np.zeros(array.shape)
    for place in np.ndindex(*array.shape):
        saved = array[place]
        array[place] = saved + STEP
        above = loss()
        array[place] = saved - STEP
        slopes[place] = (above - loss()) / (2 * STEP)
        array[place] = saved
    return slopes
