"""A net's InnerProduct layers as convolutions: which of them become some, and what else stays as it was."""

import numpy as np
import pytest

from deepdream.caffe_format.convolutional import as_convolutional, reshaped
from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.caffe_format.topology import read_topology
from tests.helpers.nets import input_layer, layer, random_weights, write_prototxt

PRODUCT = "inner_product_param { num_output: 7 }"
HEAD = input_layer((2, 3, 8, 6)) + layer(
    "conv", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 3 }"
)


@pytest.fixture
def read(tmp_path):
    return lambda text: read_topology(write_prototxt(tmp_path, text))


def types(topology):
    return {spec.name: spec.type for spec in topology.layers}


def test_one_behind_the_other_and_what_is_between_them(read):
    text = (
        HEAD
        + layer("fc1", "InnerProduct", "conv", param=PRODUCT)
        + layer("relu", "ReLU", "fc1", "fc1")
        + layer("fc2", "InnerProduct", "fc1", param="inner_product_param { num_output: 5 bias_term: false }")
        + layer("prob", "Softmax", "fc2")
    )
    net = as_convolutional(read(text))
    assert types(net) == {**types(read(text)), "fc1": "Convolution", "fc2": "Convolution"}
    assert net.param_shapes["fc1"] == [(7, 4, 6, 4), (7,)]
    assert net.param_shapes["fc2"] == [(5, 7, 1, 1)]
    assert net.shapes["prob"] == (2, 5, 1, 1)
    assert net.shapes_at(11, 6, "prob")["prob"] == (1, 5, 4, 1)
    with pytest.raises(ShapeError):
        net.shapes_at(7, 6, "prob")


@pytest.mark.parametrize(
    "text",
    [
        layer("flat", "Flatten", "conv") + layer("fc", "InnerProduct", "flat", param=PRODUCT),
        layer("fc", "InnerProduct", "conv", param="inner_product_param { num_output: 7 axis: 2 }"),
        layer("fc", "InnerProduct", "conv", param="inner_product_param { num_output: 7 transpose: true }"),
    ],
)
def test_what_reads_no_planes_stays(read, text):
    assert types(as_convolutional(read(HEAD + text)))["fc"] == "InnerProduct"


def test_the_weights_are_the_same_numbers_in_the_same_memory(read):
    topology = read(HEAD + layer("fc", "InnerProduct", "conv", param=PRODUCT))
    weights = random_weights(topology)
    changed = reshaped(weights, as_convolutional(topology))
    assert [array.shape for array in changed["fc"]] == [(7, 4, 6, 4), (7,)]
    for name, arrays in weights.items():
        for before, after in zip(arrays, changed[name]):
            assert np.shares_memory(before, after)
            assert before.tobytes() == after.tobytes()
