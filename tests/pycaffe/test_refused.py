"""Where real Caffe would end the process, or what is not there: an exception with a sentence."""

import numpy as np
import pytest

import deepdream.pycaffe as caffe
from deepdream.errors import DreamError
from tests.helpers.nets import input_layer, layer
from tests.pycaffe import calls

INPUT = input_layer((1, 3, 8, 8))
CASES = {
    "an unknown type": (INPUT + layer("a", "Nonsense", "data"), "is of type Nonsense"),
    "a layer in Python": (INPUT + layer("a", "Python", "data"), "is of type Python"),
    "a data layer": (layer("data", "Data", "", "data label"), r"layer data \(Data\) reads a data set"),
    "a missing blob": (INPUT + layer("a", "ReLU", "nowhere"), "reads blob nowhere"),
    "an unknown field": (INPUT + layer("a", "ReLU", "data", param="relu_param { slope: 1 }"), "unknown field"),
    "no text of a net": ("layer {", "not a Caffe net in text form"),
    "dropout in training": ("TRAIN" + INPUT + layer("a", "Dropout", "data"), r"layer a \(Dropout\) computes something"),
}


@pytest.mark.parametrize("case", CASES)
def test_nets(tmp_path, case):
    text, reason = CASES[case]
    phase, text = (caffe.TRAIN, text[5:]) if text.startswith("TRAIN") else (caffe.TEST, text)
    path = tmp_path / "a.prototxt"
    path.write_text(text)
    with pytest.raises(DreamError, match=reason):
        caffe.Net(str(path), phase)


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(calls.NETS["net"])
    return caffe.Net(str(path), caffe.TEST)


def test_weights_of_another_net(net, tmp_path):
    other = tmp_path / "other.prototxt"
    other.write_text(calls.NETS["net"].replace("num_output: 3", "num_output: 2"))
    file = str(tmp_path / "a.caffemodel")
    caffe.Net(str(other), caffe.TEST).save(file)
    for call in (lambda: net.copy_from(file), lambda: caffe.Net(str(tmp_path / "net.prototxt"), file, caffe.TEST)):
        with pytest.raises(DreamError, match="weights of another net: layer fc needs 3x144, 3, not 2x144, 2"):
            call()
    (tmp_path / "bad").write_bytes(b"x" * 99)
    with pytest.raises(DreamError, match="damaged"):
        net.copy_from(str(tmp_path / "bad"))
    with pytest.raises(DreamError, match="cannot share"):
        net.share_with(caffe.Net(str(other), caffe.TEST))


def test_sizes(net):
    net.blobs["data"].reshape(1, 3, 2, 2)
    for call in (net.forward, net.reshape):
        with pytest.raises(DreamError, match="conv"):
            call()
    with pytest.raises(ValueError, match="0 or more"):
        net.blobs["data"].reshape(-1, 3, 8, 8)
    net.blobs["data"].reshape(1, 2, 3, 4, 5)
    with pytest.raises(DreamError, match="5 axes"):
        net.blobs["data"].num  # noqa: B018


def test_training_is_not_there(net):
    for name in ("get_solver", "SGDSolver", "AdamSolver", "NesterovSolver"):
        with pytest.raises(DreamError, match="training is not supported"):
            getattr(caffe, name)("solver.prototxt")

    class Mine(caffe.Layer):
        """A program may declare one."""

    with pytest.raises(DreamError, match="layers written in Python"):
        Mine()
    with pytest.raises(DreamError, match="MemoryData"):
        net.set_input_arrays(np.zeros(1), np.zeros(1))
    with pytest.raises(DreamError, match="MATLAB"):
        caffe.Detector.detect_selective_search(net, [])


def test_phases_and_stages(tmp_path):
    path = tmp_path / "a.prototxt"
    rules = [
        ("phase: TRAIN", "train"),
        ("phase: TEST", "test"),
        ('stage: "deploy"', "deploy"),
        ("min_level: 2", "high"),
    ]
    layers = (layer(name, "ReLU", "data", param=f"include {{ {rule} }}") for rule, name in rules)
    path.write_text("state { phase: TRAIN level: 9 }" + INPUT + "".join(layers))
    for args, outputs in (
        ((caffe.TEST,), ["test"]),
        ((caffe.TRAIN,), ["train"]),
        ((caffe.TEST, 2), ["high", "test"]),
        ((caffe.TEST, 0, ["deploy"]), ["deploy", "test"]),
    ):
        assert caffe.Net(str(path), *args).outputs == outputs
