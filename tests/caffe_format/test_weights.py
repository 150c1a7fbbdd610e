"""Caffemodels of every age, those of another net, and damaged ones."""

import os
import sys

import numpy as np
import pytest

from deepdream.caffe_format import schema
from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.errors import DreamError
from deepdream.modelzoo.caffemodel import net_parameter
from tests.helpers.nets import input_layer, layer, random_weights, write_prototxt

NET = (
    input_layer((1, 3, 4, 4))
    + layer("conv", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 }")
    + layer("relu", "PReLU", "conv", "conv", "prelu_param { channel_shared: true }")
    + layer("norm", "BatchNorm", "conv", "conv")
    + layer("fc", "InnerProduct", "conv", param="inner_product_param { num_output: 5 }")
)


@pytest.fixture
def topology(tmp_path):
    return read_topology(write_prototxt(tmp_path, NET))


@pytest.fixture
def weights(topology):
    return random_weights(topology)


@pytest.fixture
def read(tmp_path, topology):
    """Writes a message, or bytes, as a .caffemodel and reads it again."""

    def read(model):
        path = tmp_path / "net.caffemodel"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return read_weights(path, topology)

    return read


def same(read, weights):
    assert list(read) == list(weights)
    for name, arrays in weights.items():
        for got, array in zip(read[name], arrays):
            assert got.shape == array.shape
            np.testing.assert_array_equal(got, array)


def old_caffemodel(weights, legacy_shape=True, double=False):
    """V1 layers, whose blobs have four numbers in place of a shape: the ones in front (bias 1x1x1xN)."""
    net = schema.NetParameter()
    for name, arrays in weights.items():
        old = net.layers.add(name=name)
        for array in arrays:
            blob = old.blobs.add(
                **{"double_data" if double else "data": array.astype("<f8" if double else "<f4").tobytes()}
            )
            if legacy_shape:
                blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
            else:
                blob.shape.dim.extend(array.shape)
    return net


def test_todays_form(read, weights):
    same(read(net_parameter(weights)), weights)


@pytest.mark.parametrize("legacy_shape", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_form_before_2014(read, weights, legacy_shape, double):
    got = read(old_caffemodel(weights, legacy_shape, double))
    same(got, weights)
    assert got["conv"][0].dtype == (np.float64 if double else np.float32)


def test_double_data_keeps_its_digits(read, weights):
    weights["fc"][1] = np.full(5, 1 / 3)
    assert read(old_caffemodel(weights, double=True))["fc"][1][0] == 1 / 3


def test_layers_of_the_training_net_are_passed_over(read, weights):
    more = {"loss": [np.ones((2, 2), np.float32)], **weights, "aux": [np.ones(1, np.float32)]}
    same(read(net_parameter(more)), weights)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda w: w.update(conv=[w["conv"][0][:, :, :2], w["conv"][1]]),
            "conv needs 2x3x3x3 and 2, but the file has 2x3x2x3",
        ),
        (lambda w: w.update(fc=w["fc"][:1]), "fc needs 5x8 and 5, but the file has 5x8$"),
        (lambda w: w.update(fc=[w["fc"][0].T, w["fc"][1]]), "fc needs 5x8 and 5, but the file has 8x5 and 5"),
        (lambda w: w.update(relu=[np.ones(2, np.float32)]), "relu needs one number, but the file has 2"),
        (lambda w: w.update(data=[np.ones(2, np.float32)]), "data needs nothing, but the file has 2"),
        (lambda w: w.pop("norm"), "norm needs 2 and 2 and 1, but the file has nothing"),
        (lambda w: [w.pop("conv"), w.pop("fc")], "conv needs"),  # the first of both
    ],
)
def test_weights_of_another_net(read, weights, change, says):
    change(weights)
    with pytest.raises(DreamError, match=rf"net\.caffemodel holds the weights of another net: layer {says}"):
        read(net_parameter(weights))


def test_old_shape_that_only_looks_alike(read, weights):
    model = old_caffemodel(weights)
    bias = model.layers[0].blobs[1]
    bias.num, bias.width = 2, 1  # 2x1x1x1: as many numbers, but no bias
    with pytest.raises(DreamError, match="layer conv needs 2x3x3x3 and 2, but the file has 2x3x3x3 and 2x1x1x1"):
        read(model)


def test_a_file_larger_than_protobuf_allows_is_not_read(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.touch()
    os.truncate(path, 2**40)
    with pytest.raises(DreamError, match=r"is damaged or not a \.caffemodel"):
        read_weights(path, None)


def test_huge_declared_shape(tmp_path, read, weights):
    # The net wants as much, so that only the amount of data tells.
    text = input_layer((1, 3, 4, 4)) + layer(
        "fc", "InnerProduct", "data", param="inner_product_param { num_output: 2000000000 }"
    )
    model = net_parameter({"fc": [np.ones((1, 1), np.float32), np.ones(1, np.float32)]})
    model.layer[0].blobs[0].shape.dim[:] = [2000000000, 48]
    model.layer[0].blobs[1].shape.dim[:] = [2000000000]
    path = tmp_path / "huge.caffemodel"
    path.write_bytes(model.SerializeToString())
    topology = read_topology(write_prototxt(tmp_path, text))
    with pytest.raises(DreamError, match=r"huge\.caffemodel is damaged at layer fc: download it again"):
        read_weights(path, topology)


@pytest.mark.parametrize("count", [0, 1, 53, 55])
def test_too_few_or_too_many_numbers(read, weights, count):
    model = net_parameter(weights)
    model.layer[0].blobs[0].data = bytes(4 * count)
    with pytest.raises(DreamError, match="damaged at layer conv"):
        read(model)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_truncated(read, weights, part):
    body = net_parameter(weights).SerializeToString()
    with pytest.raises(DreamError, match=r"download it again|another net"):
        read(body[: int(part * len(body))])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(1000),
        b"\xa2\x06\x03\x0a\x01\xff",
    ],
)
def test_no_caffemodel(read, body):
    with pytest.raises(DreamError, match=r"net\.caffemodel (is damaged or not a \.caffemodel|holds no weights)"):
        read(body)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
        (b'name: "net"', "is a net in text form"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "is a Git LFS pointer.*git lfs pull"),
        (b"PK\x03\x04" + bytes(30), "is a ZIP archive or a PyTorch file"),
        (b"\x1f\x8b\x08" + bytes(30), "is a gzip archive"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", r"is a pickled PyTorch file \(.pth\)"),
        (bytes(257) + b"ustar" + bytes(250), "is a tar archive"),
    ],
)
def test_what_lies_in_the_place_of_a_caffemodel_is_named(read, body, says):
    with pytest.raises(DreamError, match=rf"net\.caffemodel {says}"):
        read(body)


SHARED = input_layer((1, 3, 4, 4)) + "".join(
    layer(
        name,
        "Convolution",
        bottom,
        param='convolution_param { num_output: 3 kernel_size: 1 } param { name: "w" } param { name: "b" }',
    )
    for name, bottom in (("one", "data"), ("two", "one"))
)


def test_parameters_of_one_name_are_one_array(tmp_path):
    topology = read_topology(write_prototxt(tmp_path, SHARED))
    path = tmp_path / "net.caffemodel"
    given = random_weights(topology)
    path.write_bytes(net_parameter(given).SerializeToString())
    weights = read_weights(path, topology)
    for i in range(2):
        assert weights["one"][i] is weights["two"][i]
        np.testing.assert_array_equal(weights["one"][i], given["two"][i])  # the last in the file, as in Caffe
    path.write_bytes(net_parameter({"one": given["one"]}).SerializeToString())
    np.testing.assert_array_equal(read_weights(path, topology)["two"][0], given["one"][0])


def test_what_shares_must_have_the_same_shape(tmp_path):
    text = SHARED.replace("num_output: 3", "num_output: 2", 1)
    topology = read_topology(write_prototxt(tmp_path, text))
    path = tmp_path / "net.caffemodel"
    path.write_bytes(net_parameter(random_weights(topology)).SerializeToString())
    with pytest.raises(DreamError, match="layer one shares its parameter w with layer two, whose shape differs"):
        read_weights(path, topology)


def test_half_precision(read, weights):
    model = net_parameter(weights)
    for stored in model.layer:
        for blob, array in zip(stored.blobs, weights[stored.name]):
            blob.ClearField("data")
            blob.raw_data_type, blob.raw_data = 2, array.astype("<f2").tobytes()
    same(read(model), {name: [a.astype("<f2").astype("<f4") for a in arrays] for name, arrays in weights.items()})


def test_hdf5(tmp_path, topology, weights):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "net.caffemodel.h5"
    with h5py.File(path, "w") as file:
        for name, arrays in weights.items():
            for i, array in enumerate(arrays):
                file[f"data/{name}/{i}"] = array
    same(read_weights(path, topology), weights)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DreamError, match="is damaged or not a Caffe file in HDF5"):
        read_weights(path, topology)


def test_hdf5_without_h5py(tmp_path, topology, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "net.caffemodel.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" * 9)
    with pytest.raises(DreamError, match="holds weights as HDF5: install h5py"):
        read_weights(path, topology)


def test_missing_file(tmp_path, topology):
    with pytest.raises(DreamError, match=r"none\.caffemodel cannot be read: No such file"):
        read_weights(tmp_path / "none.caffemodel", topology)
