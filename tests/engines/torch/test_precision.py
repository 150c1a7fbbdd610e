"""The precisions that trade digits for speed: bfloat16, and TF32 as far as it can be tested without a GPU."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deepdream import make_step
from deepdream.caffe_format.topology import read_topology
from deepdream.engines import torch as engine
from deepdream.engines.torch import FullNet, PrunedNet, make_net
from deepdream.errors import UsageError
from tests.engines.torch.small_net import ENDS, gradient, picture
from tests.helpers.nets import input_layer, layer, write_prototxt

TEXT = input_layer((1, 2, 3, 3)) + layer("sum", "Eltwise", "data data")
NOTHING = SimpleNamespace(prototxt=None, weights=None, mean=None)  # refused before any file is looked at


@pytest.mark.parametrize("memory", [None, 10_000])
@pytest.mark.parametrize("end", [end for end in ENDS if end != "prob"])
def test_bfloat16_agrees_with_float32_to_its_eight_bits(make, end, memory):
    coarse, fine = make(blobs="needed", precision="bfloat16"), make(blobs="needed")
    for net in (coarse, fine):
        picture(net, 32, 40)
    coarse.memory = memory and coarse.min_memory(end, (1, 3, 32, 40))
    (tops, _, diff), (fine_tops, _, fine_diff) = gradient(coarse, end), gradient(fine, end)
    for name, data in fine_tops.items():
        assert tops[name].dtype == np.float32
        assert 0 < abs(tops[name] - data).mean() < 0.01 * abs(data).mean()  # above 0: it was bfloat16
    assert isinstance(diff, np.ndarray)
    assert diff.dtype == np.float32
    assert 0 < abs(diff - fine_diff).mean() < 0.05 * abs(fine_diff).mean()
    assert (diff * fine_diff).sum() > 0.99 * np.linalg.norm(diff) * np.linalg.norm(fine_diff)


@pytest.mark.parametrize("end", ["pool", "mix"])
def test_a_bfloat16_picture_is_float32(make, end):
    """A step of a hundredth of a level would be lost among bfloat16's half levels."""
    net = make(blobs="needed", precision="bfloat16")
    x = picture(net, 32, 40)
    x *= 100
    before = x.copy()
    make_step(net, 0.01, end, jitter=0, clip=False)
    g = net.blobs["data"].diff
    np.testing.assert_allclose(x - before, 0.01 * g / abs(g).mean(), atol=1e-4)


def test_what_a_bfloat16_net_shows(make):
    net = make(blobs="needed", precision="bfloat16")
    assert (net.precision, net.dtype) == ("bfloat16", torch.bfloat16)
    assert net.params["conv"][0].data.dtype == torch.bfloat16  # which NumPy does not know
    assert net.blobs["data"].data.dtype == net.blobs["mix"].diff.dtype == np.float32


def test_bfloat16_does_not_keep_every_blob():
    with pytest.raises(UsageError, match='bfloat16 needs blobs="needed"'):
        make_net(NOTHING, "cpu", "bfloat16", "all", False)


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("cpu", "cpu has no tf32.*--device cuda.*--precision float32"),
        ("mps", "mps has no tf32.*--device cuda.*--precision float32"),
        ("auto", "no device .*tf32.*--precision float32"),
    ],
)
def test_tf32_is_only_on_cuda(monkeypatch, device, sentence):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(UsageError, match=sentence):
        make_net(NOTHING, device, "tf32", "needed", False)


@pytest.mark.parametrize(
    ("gpus", "mps", "precision", "device"),
    [
        (2, False, "tf32", "cuda:0"),
        (1, True, "bfloat16", "cuda:0"),
        (0, True, "bfloat16", "mps"),
        (0, False, "bfloat16", "cpu"),
        (0, True, "float32", "mps"),
        (0, True, "float64", "cpu"),
    ],
)
def test_auto_takes_a_gpu_that_has_the_precision(monkeypatch, gpus, mps, precision, device):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert engine._device("auto", precision) == torch.device(device)


@pytest.fixture
def cuda_settings():
    """The settings of CUDA's matrix products and convolutions, put back behind the test."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = matmul.fp32_precision, cudnn.conv.fp32_precision, cudnn.deterministic
    yield matmul, cudnn.conv
    matmul.fp32_precision, cudnn.conv.fp32_precision, cudnn.deterministic = before


def test_tf32_is_set_for_it_alone_and_set_back(make, monkeypatch, cuda_settings):
    """Where there seems to be a GPU; what a real one makes of the settings is untested."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(engine, "PrunedNet", lambda *args: args[-2:])
    seen = []
    for precision in ("tf32", "float32", "tf32", "bfloat16", "tf32", "float64"):
        made = make(blobs="needed", precision=precision, device="cuda")
        assert made == (torch.device("cuda:0"), precision)
        seen.append(tuple(setting.fp32_precision for setting in cuda_settings))
    assert seen == [("tf32", "tf32"), ("ieee", "ieee")] * 3


@pytest.mark.parametrize("kind", [FullNet, PrunedNet])
def test_a_tf32_net_holds_float32(tmp_path, kind):
    net = kind(read_topology(write_prototxt(tmp_path, TEXT)), {}, (0, 0, 0), torch.device("cpu"), "tf32")
    assert (net.precision, net.dtype, net.blobs["sum"].data.dtype) == ("tf32", torch.float32, np.float32)
