"""Arrays as a .caffemodel, and what is folded into a convolution."""

import hashlib

import numpy as np
import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.errors import DreamError
from deepdream.modelzoo.caffemodel import caffemodel, fold_batch_norm, fold_input
from tests.helpers.nets import input_layer, layer, random_weights, write_prototxt

NET = (
    input_layer((1, 3, 4, 4))
    + layer("conv", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 }")
    + layer("relu", "PReLU", "conv", "conv", "prelu_param { channel_shared: true }")
    + layer("pool", "Pooling", "conv", param="pooling_param { pool: AVE global_pooling: true }")
    + layer("fc", "InnerProduct", "pool", param="inner_product_param { num_output: 5 }")
)


@pytest.fixture
def topology(tmp_path):
    return read_topology(write_prototxt(tmp_path, NET))


def test_what_is_written_is_read(topology, tmp_path):
    weights = {name: [array.astype(float) / 3 for array in arrays] for name, arrays in random_weights(topology).items()}
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffemodel(topology, weights))
    got = read_weights(path, topology)
    assert list(got) == ["conv", "relu", "fc"]
    for name, arrays in weights.items():
        for ours, array in zip(got[name], arrays):
            assert (ours.shape, ours.tobytes()) == (array.shape, array.astype("<f4").tobytes())


def test_the_bytes_are_the_same_everywhere_and_in_the_nets_order(topology):
    weights = {
        name: [np.arange(np.prod(shape)).reshape(shape) for shape in shapes]
        for name, shapes in reversed(list(topology.param_shapes.items()))
        if shapes
    }
    plain, typed = (
        hashlib.sha256(caffemodel(topology, weights, with_types)).hexdigest() for with_types in (False, True)
    )
    assert plain == "9f5b1addba6c6700251880ebdc1ce3ab3b6f310c94ce07745cbdb10dfe506fcd"
    assert typed == "334a0fe04270419d2bf2179975f96991f308d1f7c32d0d7d898f3cda70b7018a"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda weights: weights.pop("fc"), r"layer fc needs arrays of the shapes .*\(5, 2\), \(5,\).* not \[\]"),
        (lambda weights: weights["fc"].pop(), r"layer fc needs arrays .* not \[\(5, 2\)\]"),
        (
            lambda weights: weights["conv"].reverse(),
            r"layer conv needs arrays .* not \[\(2,\), \(2, 3, 3, 3\)\]",
        ),
        (lambda weights: weights.update(pool=[np.ones(1)]), r"layer pool needs .*\[\], not \[\(1,\)\]"),
        (lambda weights: weights.update(more=[np.ones(1)]), "arrays for layer more, which is not in the net"),
    ],
)
def test_other_arrays_than_the_net_wants_are_refused(topology, change, complaint):
    weights = random_weights(topology)
    change(weights)
    with pytest.raises(DreamError, match=complaint):
        caffemodel(topology, weights)


def test_a_batch_norm_is_folded():
    random = np.random.RandomState(0)
    weight, x = random.normal(size=(4, 3, 1, 1)), random.normal(size=(3, 50))
    gamma, beta, mean = random.normal(size=(3, 4))
    variance = random.uniform(0.1, 2, 4)
    columns = [part[:, None] for part in (gamma, beta, mean, variance)]
    wanted = columns[0] * (weight[..., 0, 0] @ x - columns[2]) / np.sqrt(columns[3] + 1e-3) + columns[1]
    folded, bias = fold_batch_norm(weight, gamma, beta, mean, variance, 1e-3)
    np.testing.assert_allclose(folded[..., 0, 0] @ x + bias[:, None], wanted, rtol=1e-12)


def test_what_is_folded_is_computed_in_float64():
    parts = np.random.RandomState(0).uniform(0.5, 2, (4, 3)).astype(np.float32)
    weight = np.ones((3, 1, 2, 2), np.float32)
    single, double = fold_batch_norm(weight, *parts, 1e-3), fold_batch_norm(weight, *parts.astype(float), 1e-3)
    for ours, wanted in zip(single, double):
        assert ours.dtype == wanted.dtype == np.float64
        np.testing.assert_array_equal(ours, wanted)
        assert (ours != ours.astype(np.float32)).any()
    assert fold_input(np.ones((1, 3, 1, 1), np.float32), 3).ravel().tolist() == [1 / 3] * 3


def test_a_first_convolution_reads_bgr_and_its_scale():
    rgb = np.float64([[200], [100], [50]])
    weight = np.float64([[1, 2, 3], [4, 5, 6]]).reshape(2, 3, 1, 1)
    folded = fold_input(weight, 128)[..., 0, 0]
    np.testing.assert_allclose(folded @ (rgb[::-1] - 127), weight[..., 0, 0] @ ((rgb - 127) / 128))
