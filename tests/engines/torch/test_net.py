"""pycaffe's Net on PyTorch: its blobs, and what both of its modes have in common."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.engines.torch import make_net
from deepdream.engines.torch.net import Blob
from deepdream.errors import UsageError
from tests.engines.torch.small_net import ENDS, gradient, picture
from tests.helpers.nets import input_layer, layer


def test_blob_memory():
    blob = Blob((1, 2, 3, 4), torch.float32, torch.device("cpu"))
    assert blob.data.shape == blob.diff.shape == blob.shape == (1, 2, 3, 4)
    assert blob.data.dtype == np.float32
    assert not blob.data.any()
    assert not blob.diff.any()
    blob.data[0, 1, 2, 3] = 5
    assert blob.tensor("data")[0, 1, 2, 3] == 5
    blob.tensor("diff")[0, 0, 0, 0] = 8
    assert blob.diff[0, 0, 0, 0] == 8
    assert np.shares_memory(blob.data[0].reshape(2, -1), blob.data)  # as the notebook's objectives want it


def test_blob_reshape_as_caffe_does_it():
    blob = Blob((1, 2, 2, 3), torch.float64, torch.device("cpu"))
    blob.data[...], blob.diff[...] = np.arange(12).reshape(1, 2, 2, 3), 1
    blob.reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(blob.data.ravel(), range(4))
    blob.reshape(3, 4)  # grows, but not beyond what it has held
    np.testing.assert_array_equal(blob.data.ravel(), range(12))
    assert blob.diff.all()
    blob.reshape(13)
    assert not blob.data.any()
    assert not blob.diff.any()


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_a_parameter_keeps_its_shape(make, blobs):
    """Its layer would go on with the numbers of before, without a word."""
    param = make(blobs=blobs).params["right"][0]
    param.reshape(3, 4, 3, 3)
    for shape in ((3, 4, 5, 5), (3, 36), (3, 4, 1, 1)):
        with pytest.raises(UsageError, match="3x4x3x3, and cannot become"):
            param.reshape(*shape)
    assert param.data.shape == (3, 4, 3, 3)


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_what_a_net_shows(make, blobs):
    net = make(blobs=blobs)
    assert list(net.blobs)[:3] == ["data", "conv", "norm"]
    assert (net.inputs, net.outputs) == (["data"], ["half1", "prob"])
    assert net.blobs["mix"].data.shape == (2, 7, 9, 11)
    assert [param.data.shape for param in net.params["right"]] == [(3, 4, 3, 3), (3,)]
    assert list(net.params) == ["conv", "right", "left", "pool_proj", "fc"]
    mean = net.transformer.mean["data"]
    assert (mean.shape, mean.dtype, mean.ravel().tolist()) == ((3, 1, 1), np.float32, [104, 116, 122])
    assert (net.engine, net.precision) == ("torch", "float32")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_both_modes_give_the_same(make, precision, tolerance, end):
    every, needed = make(precision=precision), make(precision=precision, blobs="needed")
    for size in ((9, 11), (9, 11), (9, 11) if end == "prob" else (6, 7)):
        np.testing.assert_array_equal(picture(every, *size), picture(needed, *size))
        (every_tops, _, every_diff), (tops, _, diff) = gradient(every, end), gradient(needed, end)
        assert diff.any()
        assert list(tops) == list(every_tops)
        for name, data in every_tops.items():
            np.testing.assert_allclose(tops[name], data, atol=tolerance * np.abs(data).max(), rtol=0)
        np.testing.assert_allclose(diff, every_diff, atol=tolerance * np.abs(every_diff).max(), rtol=0)


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("end", ENDS)
def test_the_whole_net_beside_finite_differences(make, blobs, end):
    net = make(blobs=blobs, precision="float64")
    x = picture(net)
    _, diffs, diff = gradient(net, end)
    start, way = x.copy(), np.random.RandomState(9).normal(size=x.shape)
    values = []
    for step in (1e-6, -1e-6):
        x[...] = start + step * way
        values.append(sum((data * diffs[name]).sum() for name, data in net.forward(end=end).items()))
    np.testing.assert_allclose((diff * way).sum(), (values[0] - values[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_forward_stops_behind_a_layer_not_a_blob(make, blobs):
    net = make(blobs=blobs)
    picture(net)
    before = net.forward(end="conv")["conv"].copy()
    assert before.min() < 0  # the in-place ReLU behind it has not run
    assert list(net.forward(end="conv/relu")) == ["conv"]
    np.testing.assert_array_equal(net.blobs["conv"].data, np.maximum(before, 0))


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_the_input_as_the_end(make, blobs):
    net = make(blobs=blobs)
    x = picture(net).copy()
    tops, diffs, diff = gradient(net, "data")
    np.testing.assert_array_equal(tops["data"], x)
    np.testing.assert_array_equal(diff, diffs["data"].astype(np.float32))


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_a_second_input(make, blobs):
    net = make(input_layer((1, 2, 3, 3), (1, 2, 3, 3)) + layer("sum", "Eltwise", "data data1"), blobs)
    net.blobs["data"].data[...], net.blobs["data1"].data[...] = 1, 2
    assert (net.forward(end="sum")["sum"] == 3).all()
    net.blobs["sum"].diff[...] = 5
    assert (net.backward(start="sum")["data"] == 5).all()


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_parameters_can_be_written(make, blobs, precision):
    net = make(blobs=blobs, precision=precision)
    picture(net)
    first = net.forward(end="right")["right"].copy()
    weight, bias = net.params["right"]
    bias.data[...] += 1
    np.testing.assert_allclose(net.forward(end="right")["right"], first + 1, rtol=1e-4, atol=1e-5)
    weight.data[...] *= 2
    bias.data[...] = 0
    second = net.forward(end="right")["right"].copy()
    assert np.abs(second).max() > 0.1
    weight.data[...] *= -1
    np.testing.assert_allclose(net.forward(end="right")["right"], -second, rtol=1e-4, atol=1e-5)
    *_, diff = gradient(net, "right")
    weight.data[...] *= 0.5
    np.testing.assert_allclose(gradient(net, "right")[2], diff / 2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_what_will_not_fit_is_refused_before_anything_runs(make, blobs):
    net = make(blobs=blobs)
    picture(net, 6, 7)
    assert net.forward(end="mix")["mix"].shape == (1, 7, 6, 7)  # the classifier behind it does not matter
    net.blobs["mix"].data[...] = 3
    with pytest.raises(ShapeError, match="layer fc works only at the picture size"):
        net.forward(end="prob")
    assert (net.blobs["mix"].data == 3).all()


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_unknown_layers(make, blobs):
    net = make(blobs=blobs)
    with pytest.raises(UsageError, match="no layer 'mixx' in this net: did you mean mix"):
        net.forward(end="mixx")
    with pytest.raises(UsageError):
        net.backward(start="mixx")


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "cpu:1", ""])
def test_devices_that_are_not_there(device):
    nothing = SimpleNamespace(prototxt=None, weights=None, mean=None)  # refused before any file is looked at
    with pytest.raises(UsageError, match=f"no device {device} .*auto, cpu"):
        make_net(nothing, device, "float32", "all", False)


def test_mps_has_no_float64(monkeypatch):
    nothing = SimpleNamespace(prototxt=None, weights=None, mean=None)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(UsageError, match=r"mps has no float64.*--device cpu.*--precision float32"):
        make_net(nothing, "mps", "float64", "all", False)


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize(
    ("said", "meant"), [("DefaultCPUAllocator: can't allocate memory", MemoryError), ("x", RuntimeError)]
)
def test_memory_that_runs_out_is_a_memory_error(make, monkeypatch, blobs, said, meant):
    def fail(bottoms):
        raise RuntimeError(said)

    net = make(blobs=blobs)
    monkeypatch.setattr(net.layers[1], "forward", fail)
    with pytest.raises(meant):
        net.forward(end="mix")
