"""The blobs of the stand-in where the net computes elsewhere: arrays are a mirror, as Caffe's on a GPU."""

import numpy as np
import pytest
import torch

from deepdream.errors import DreamError
from deepdream.pycaffe import mode
from deepdream.pycaffe.blob import Blob
from deepdream.pycaffe.net import Net
from tests.pycaffe import calls

CPU = torch.device("cpu")


@pytest.fixture
def elsewhere(monkeypatch):
    """As if the CPU's tensors were on a GPU: blobs do not share their memory with NumPy."""
    monkeypatch.setattr(Blob, "_is_shared", lambda self: False)


def blob(*shape):
    return Blob(shape, torch.float32, CPU)


@pytest.mark.usefixtures("elsewhere")
def test_what_either_side_writes_is_seen_by_the_other():
    mine = blob(2, 3)
    mine.data[...] = 5
    assert (mine.tensor("data") == 5).all()
    mine.tensor("data").fill_(6)
    assert (mine.data == 6).all()
    kept = mine.data
    mine.tensor("data").fill_(7)
    assert (kept == 6).all()  # until the program asks again
    assert (mine.data == 7).all()
    assert (kept == 7).all()


@pytest.mark.usefixtures("elsewhere")
def test_a_blob_that_shrinks_keeps_its_numbers():
    mine = blob(2, 2)
    mine.data[...] = [[1, 2], [3, 4]]
    mine.reshape(2)
    assert mine.data.tolist() == [1, 2]
    mine.reshape(4)
    assert mine.data.tolist() == [1, 2, 3, 4]
    mine.reshape(5)
    assert mine.data.tolist() == [0] * 5


@pytest.mark.usefixtures("elsewhere")
def test_moving_takes_what_was_written_along():
    mine = blob(3)
    mine.data[...], mine.diff[...] = 1, 2
    mine.move(CPU)
    assert (mine.tensor("data").tolist(), mine.tensor("diff").tolist()) == ([1] * 3, [2] * 3)


@pytest.mark.usefixtures("elsewhere")
def test_shared_data_is_shared_from_both_sides():
    mine, other = blob(2), blob(2)
    mine.share(other)
    other.data[...] = 3
    assert mine.data.tolist() == mine.tensor("data").tolist() == [3, 3]
    mine.tensor("data").fill_(4)
    assert other.data.tolist() == [4, 4]
    mine.diff[...] = 1
    assert not other.diff.any()
    with pytest.raises(DreamError, match="cannot share"):
        mine.share(blob(3))


@pytest.mark.usefixtures("one_thread")
def test_a_net_elsewhere_has_the_same_numbers(tmp_path, monkeypatch):
    path = tmp_path / "a.prototxt"
    path.write_text(calls.NETS["net"])
    x = np.random.RandomState(0).normal(size=(2, 3, 8, 8))
    tops = {"prob": np.ones((2, 3)), "pool": np.ones((2, 4, 3, 3))}

    def gradient():
        net = Net(str(path), 1)
        net.params["conv"][0].data[...] = np.random.RandomState(1).normal(size=(4, 3, 3, 3))
        net.forward(data=np.zeros_like(x))
        net.blobs["data"].data[0] = np.roll(x[0], 1, -1)
        net.forward()
        net.params["conv"][0].data[0] *= -2  # behind a pass: net surgery
        net.forward()
        net.params["conv"][0].data[1] *= -3  # and between the two ways
        return net.backward(**tops)["data"].copy()

    here = gradient()
    monkeypatch.setattr(Blob, "_is_shared", lambda self: False)
    there = gradient()
    assert np.array_equal(here, there)
    assert here.any()


def test_without_a_gpu_the_cpu_computes_and_that_is_said_once(capsys, monkeypatch):
    monkeypatch.setattr(mode, "_device", lambda: None)
    monkeypatch.setattr(mode._Mode, "gpu", False)
    monkeypatch.setattr(mode._Mode, "has_told", False)
    mode.set_device(0)
    mode.set_mode_gpu()
    mode.set_mode_gpu()
    assert capsys.readouterr().err == "caffe: PyTorch finds no GPU here, so nets compute on the CPU\n"
    assert mode.device() == CPU


def test_a_net_moves_when_the_mode_does(tmp_path, monkeypatch):
    path = tmp_path / "a.prototxt"
    path.write_text(calls.NETS["net"])
    net = Net(str(path), 1)
    before = net.forward()["pool"].copy()
    monkeypatch.setattr(mode._Mode, "gpu", True)
    monkeypatch.setattr(mode, "_device", lambda: torch.device("cpu", 0))
    assert np.array_equal(net.forward()["pool"], before)
    assert net._passes.device == torch.device("cpu", 0)
