"""What a layer sees of the picture: against what changes in it, and by hand for GoogLeNet."""

import numpy as np
import pytest

from deepdream import load_net
from deepdream.caffe_format.receptive_field import ReceptiveField, in_the_picture
from deepdream.caffe_format.topology import read_topology
from tests.helpers.nets import input_layer, layer, write_net, write_prototxt
from tests.helpers.shared import ENGINE

CONV = "convolution_param {{ num_output: 2 kernel_size: {} stride: {} pad: {} dilation: {} }}"
TEXT = (
    input_layer((1, 3, 40, 40))
    + layer("a", "Convolution", "data", param=CONV.format(5, 2, 1, 1))
    + layer("pool", "Pooling", "a", param="pooling_param { pool: AVE kernel_size: 3 stride: 2 }")
    + layer("b", "Convolution", "pool", param=CONV.format(3, 1, 2, 2))
    + layer("c", "Convolution", "pool", param=CONV.format(1, 1, 0, 1))
    + layer("both", "Concat", "b c")
    + layer("mvn", "MVN", "both")
    + layer("all", "Pooling", "both", param="pooling_param { pool: AVE global_pooling: true }")
    + layer("fc", "InnerProduct", "both", param="inner_product_param { num_output: 2 }")
    + layer("flat", "Flatten", "both")
)


@pytest.mark.parametrize("end", ["a", "pool", "b", "c", "both"])
def test_it_is_where_the_gradient_of_a_position_is(tmp_path, end):
    """Of a position in the middle, which depends on no padding; every layer of this net is linear."""
    net = load_net(str(write_net(tmp_path, TEXT).prototxt.parent), ENGINE, "cpu")
    rows, columns = in_the_picture(net.topology, end)
    assert rows == columns
    net.blobs["data"].reshape(1, 3, 40, 40)
    net.forward(end=end)
    middle = net.blobs[end].shape[2] // 2
    net.blobs[end].diff[:] = 0
    net.blobs[end].diff[0, :, middle, middle] = [3, 5, 7, 11][: net.blobs[end].shape[1]]
    net.backward(start=end)
    seen = np.nonzero(abs(net.blobs["data"].diff[0]).sum((0, 1)))[0]
    first = middle * rows.stride - rows.before
    assert (seen[0], seen[-1] + 1) == (first, first + rows.extent)


@pytest.mark.parametrize("end", ["mvn", "all", "fc", "flat"])
def test_what_sees_everything_has_none(tmp_path, end):
    assert in_the_picture(read_topology(write_prototxt(tmp_path, TEXT)), end) is None


def test_what_the_first_layers_of_googlenet_see(tmp_path):
    """7x7 by 2, pooled 3x3 by 2, 3x3, pooled 3x3 by 2: 7, 11, 19 and 27 pixels."""
    text = (
        input_layer((1, 3, 224, 224))
        + layer("conv1", "Convolution", "data", param=CONV.format(7, 2, 3, 1))
        + layer("pool1", "Pooling", "conv1", param="pooling_param { kernel_size: 3 stride: 2 }")
        + layer("conv2", "Convolution", "pool1", param=CONV.format(3, 1, 1, 1))
        + layer("pool2", "Pooling", "conv2", param="pooling_param { kernel_size: 3 stride: 2 }")
    )
    topology = read_topology(write_prototxt(tmp_path, text))
    found = [in_the_picture(topology, end)[0] for end in ("conv1", "pool1", "conv2", "pool2")]
    assert found == [ReceptiveField(*numbers) for numbers in ((2, 3, 7), (4, 3, 11), (4, 7, 19), (8, 7, 27))]
