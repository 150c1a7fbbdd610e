"""Correlations with fewer multiplications beside the formula in float64; and where the engine uses them."""

import numpy as np
import pytest
import torch

from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.engines.torch import kernels, winograd
from deepdream.engines.torch.compiled.transforms import matrices
from tests.engines.torch.small_net import gradient, picture
from tests.helpers.nets import input_layer, layer

pytest.importorskip("numba")
needs_vectors = pytest.mark.skipif(
    not winograd.available(torch.device("cpu"), torch.float32), reason="needs a processor with AVX2"
)
# Channels, outputs, height, width, padding by rows and columns.
SHAPES = [
    (16, 64, 12, 14, (1, 1)),
    (7, 37, 11, 9, (0, 2)),
    (1, 1, 5, 17, (2, 0)),
    (40, 130, 5, 6, (4, 1)),
]


def blob(*shape, seed=0, dtype=torch.float32):
    random = torch.tensor(np.random.RandomState(seed).normal(size=shape), dtype=dtype)
    return random.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("taps", "outputs"), [*winograd.OUTPUTS.items(), (3, 4)])
def test_transforms_give_the_correlation(taps, outputs):
    into, of_weights, out = (np.array(matrix) for matrix in matrices(taps, outputs))
    x, w = np.random.RandomState(0).normal(size=len(into)), np.random.RandomState(1).normal(size=taps)
    direct = np.correlate(x, w, "valid")
    np.testing.assert_allclose(out @ ((of_weights @ w) * (into @ x)), direct, rtol=1e-12)


@needs_vectors
@pytest.mark.parametrize("cache", [winograd._CACHE, 1])  # all tiles at once, or as few as can be
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("taps", winograd.OUTPUTS)
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_correlations_are_those_of_the_formula(monkeypatch, dtype, rounding, taps, shape, cache):
    monkeypatch.setattr(winograd, "_CACHE", cache)
    channels, outputs, height, width, pad = shape
    x, weight = blob(2, channels, height, width, dtype=dtype), blob(outputs, channels, taps, taps, seed=1, dtype=dtype)
    bias = blob(1, outputs, 1, 1, dtype=dtype).flatten()
    y = winograd.correlate(x, winograd.transformed(weight), bias, pad)
    exact = torch.conv2d(x.double(), weight.double(), bias.double(), padding=pad)
    assert y.is_contiguous(memory_format=kernels.format_of(x))
    assert abs(y - exact).max() < rounding * abs(exact).mean()


@needs_vectors
def test_channels_of_a_larger_blob(one_thread):
    whole, weight = blob(1, 29, 7, 9), blob(5, 11, 3, 3, seed=1)
    weights = winograd.transformed(weight)
    for x in (whole[:, 18:], whole[:, 3:14], whole[:, 3:14].contiguous(), whole[:, 18:, 1:6, 2:]):
        exact = torch.conv2d(x.double(), weight.double(), padding=1)
        assert abs(winograd.correlate(x, weights, None, (1, 1)) - exact).max() < 1e-5 * abs(exact).mean()


@needs_vectors
@pytest.mark.parametrize("taps", winograd.OUTPUTS)
def test_the_same_bits_for_any_number_of_threads(taps):
    x, weights = blob(1, 9, 23, 17), winograd.transformed(blob(70, 9, taps, taps, seed=1))
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found.append(winograd.correlate(x, weights, None, (1, 1)))
    torch.set_num_threads(before)
    assert all(torch.equal(y, found[0]) for y in found)


@needs_vectors
@pytest.mark.parametrize("taps", winograd.EXACT)
def test_a_flat_area_stays_flat(one_thread, taps):
    x, weights = blob(1, 40, 1, 1).expand(1, 40, 9, 11), winograd.transformed(blob(20, 40, taps, taps, seed=1))
    inside = winograd.correlate(x, weights, None, (0, 0))[0].flatten(1)
    assert (inside == inside[:, :1]).all()


@needs_vectors
def test_what_is_not_a_number_is_not_lost(one_thread):
    for number in (float("nan"), float("inf")):
        x = blob(1, 5, 9, 9)
        x[0, 2, 4, 4] = number
        y = winograd.correlate(x, winograd.transformed(blob(6, 5, 3, 3)), None, (1, 1))
        assert not y[0, :, 3:6, 3:6].isfinite().any()
        assert y[0, :, :2].isfinite().all()


@needs_vectors
@pytest.mark.parametrize("x", [blob(1, 4, 5, 5), blob(1, 5, 2, 5), blob(1, 5, 5, 5).double()])
def test_what_does_not_fit_is_refused(x):
    with pytest.raises(ShapeError):
        winograd.correlate(x, winograd.transformed(blob(6, 5, 3, 3)), None, (0, 0))


CONVOLUTIONS = {
    "3x3": "kernel_size: 3 pad: 1",
    "1x1": "kernel_size: 1",
    "5x5": "kernel_size: 5 pad: 1",
    "7x7 of stride 2": "kernel_size: 7 stride: 2 pad: 3",
    "more padding than weights": "kernel_size: 1 pad: 2",
    "as many rows as columns": "kernel_h: 3 kernel_w: 1",
    "groups": "kernel_size: 3 group: 3",
    "dilation": "kernel_size: 3 dilation: 2",
}


def net_of(make, case, blobs):
    param = f"convolution_param {{ num_output: 6 {CONVOLUTIONS[case]} }}"
    return make(input_layer((1, 3, 9, 11)) + layer("y", "Convolution", "data", param=param), blobs)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_both_modes_give_the_same_even_for_weights_that_were_changed(make, case):
    nets = [net_of(make, case, blobs) for blobs in ("all", "needed")]
    for _ in range(2):
        found = []
        for net in nets:
            picture(net)
            tops, _, diff = gradient(net, "y")
            found.append((tops["y"], diff))
            net.params["y"][0].data[...] *= np.arange(1, 7)[:, None, None, None]
        for ours, direct in zip(found[1], found[0]):
            np.testing.assert_allclose(ours, direct, atol=1e-5 * abs(direct).max())


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_estimate_of_memory_knows_what_is_made_of_the_weights(make, case, precision):
    param = f"convolution_param {{ num_output: 6 {CONVOLUTIONS[case]} }}"
    net = make(input_layer((1, 3, 9, 11)) + layer("y", "Convolution", "data", param=param), "needed", precision)
    one = net.layers[1]
    expected = one.bytes_made_of_params()
    assert net.bytes_of_weights(["y"]) == expected + sum(blob.data.nbytes for blob in net.params["y"])
    picture(net)
    gradient(net, "y")
    made = one._weights._transformed.values() if one._weights else ()
    assert sum(weights.u.nbytes for weights in made) == expected


def test_only_the_fast_mode_rearranges_and_only_where_it_was_measured(make, monkeypatch):
    assert net_of(make, "3x3", "all").layers[1]._weights is None
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    winograd.available.cache_clear()
    assert net_of(make, "3x3", "needed").layers[1]._weights is None
    winograd.available.cache_clear()
