"""A small GoogLeNet with random weights: everything that can go wrong between two layers is in it."""

import numpy as np

from tests.helpers.nets import input_layer, layer


def convolution(name, bottom, outputs, size):
    """A convolution and its in-place ReLU."""
    param = f"convolution_param {{ num_output: {outputs} kernel_size: {size} pad: {size // 2} }}"
    return layer(name, "Convolution", bottom, param=param) + layer(name + "/relu", "ReLU", name, name)


NET = (
    input_layer((2, 3, 9, 11))
    + convolution("conv", "data", 4, 3)
    + layer("norm", "LRN", "conv", param="lrn_param { alpha: 0.5 }")
    + convolution("right", "norm", 3, 3)
    + convolution("left", "norm", 2, 1)
    + layer("pool", "Pooling", "norm", param="pooling_param { kernel_size: 3 stride: 1 pad: 1 }")
    + convolution("pool_proj", "pool", 2, 1)
    + layer("mix", "Concat", "left right pool_proj")
    + layer("drop", "Dropout", "mix", "mix")
    + layer("halves", "Slice", "mix", "half1 half2", "slice_param { slice_point: 3 }")
    + layer("square", "Power", "half2", param="power_param { power: 2 }")
    + layer("fc", "InnerProduct", "square", param="inner_product_param { num_output: 5 }")
    + layer("prob", "Softmax", "fc")
)
ENDS = ["conv", "conv/relu", "norm", "left", "left/relu", "right", "pool", "mix", "drop", "halves", "square", "prob"]


def picture(net, height=9, width=11, seed=0):
    """Puts one random picture into the net, and returns it."""
    net.blobs["data"].reshape(1, net.blobs["data"].shape[1], height, width)
    net.blobs["data"].data[...] = np.random.RandomState(seed).normal(size=net.blobs["data"].shape)
    return net.blobs["data"].data


def gradient(net, end, seed=1):
    """Forward to a layer and back from random diffs of its tops: {top: data}, {top: diff}, the input's diff."""
    tops = {name: data.copy() for name, data in net.forward(end=end).items()}
    diffs = {name: np.random.RandomState(seed + i).normal(size=tops[name].shape) for i, name in enumerate(tops)}
    for name, diff in diffs.items():
        net.blobs[name].diff[...] = diff
    return tops, diffs, net.backward(start=end)["data"].copy()
