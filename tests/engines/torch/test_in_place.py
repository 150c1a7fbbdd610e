"""A layer in place gives what it gives with a top of its own, forward and back."""

import numpy as np
import pytest

from deepdream import load_net
from deepdream.caffe_format.shapes import WITHOUT_GRADIENT
from tests.engines import in_place_nets
from tests.helpers.nets import write_net, write_prototxt


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "param"), in_place_nets.cases(in_place_nets.KEEP))
def test_the_same_as_beside(tmp_path, kind, param, precision, blobs):
    results = []
    write_net(tmp_path, in_place_nets.net(kind, param, in_place=False))
    for in_place in (False, True):
        write_prototxt(tmp_path, in_place_nets.net(kind, param, in_place))
        net = load_net(str(tmp_path), "torch", "cpu", precision, blobs)
        net.blobs["data"].data[...] = np.random.RandomState(0).normal(size=(1, 3, 5, 6))
        net.forward(end="end")
        net.blobs["end"].diff[...] = np.random.RandomState(1).normal(size=net.blobs["end"].shape)
        net.backward(start="end")
        results.append((net.blobs["end"].data.copy(), net.blobs["data"].diff.copy()))
    assert results[0][1].any() or kind in WITHOUT_GRADIENT
    np.testing.assert_array_equal(results[0], results[1])
