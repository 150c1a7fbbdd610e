"""The stand-in beside what real Caffe computed with real weights: single steps, and forward_backward_all."""

import json

import numpy as np
import pytest

from tests.helpers.shared import SHARED, needs_models, needs_reference
from tests.pycaffe.stand_in import caffe

pytestmark = [needs_models, needs_reference, pytest.mark.usefixtures("one_thread")]


def recorded(name, tmp_path):
    """A recording, its settings, and a net with force_backward."""
    record = np.load(str(SHARED / "reference" / f"{name}.npz"))
    case = json.loads(str(record["case"]))
    folder = SHARED / "models" / case["model"]
    text = (folder / "deploy.prototxt").read_text() + "\nforce_backward: true\n"
    (tmp_path / "tmp.prototxt").write_text(text)
    (weights,) = folder.glob("*.caffemodel")
    return record, case, caffe.Net(str(tmp_path / "tmp.prototxt"), str(weights), caffe.TEST)


def test_a_step(tmp_path):
    record, case, net = recorded("squeezenet_fire8", tmp_path)
    step = f"step{case['keep'][0]:02}"
    ox, oy = record[step + "_jitter"]
    src = net.blobs["data"]
    src.reshape(1, *record[step + "_before"].shape)
    src.data[0] = np.roll(np.roll(record[step + "_before"], ox, -1), oy, -2)
    net.forward(end=case["layer"])
    net.blobs[case["layer"]].diff[:] = net.blobs[case["layer"]].data
    net.backward(start=case["layer"])
    gradient = record[step + "_gradient"]
    error = abs(src.diff[0] - gradient) / abs(gradient).mean()
    assert np.median(error) < 2e-6
    assert error.mean() < 1e-3


def test_forward_backward_all(tmp_path):
    record, _, net = recorded("squeezenet_blobs_prob", tmp_path)
    net.blobs["data"].reshape(1, *record["input"].shape)
    pictures = np.repeat(record["input"][None], 2, 0)
    prob = net.forward_all(data=pictures)["prob"]
    assert prob.shape[0] == 2
    outs, diffs = net.forward_backward_all(blobs=["fire2/concat"], data=pictures, prob=prob)
    places, total = record["data@index"], record["data@norms"][1]
    for i in range(2):
        found, expected = diffs["data"][i].reshape(-1)[places], record["data@diff"]
        assert np.median(abs(found - expected)) < 1e-5 * total / diffs["data"][i].size
        concat = outs["fire2/concat"][i].reshape(-1)[record["fire2|concat@index"]]
        assert abs(concat - record["fire2|concat@data"]).max() < 1e-4 * abs(concat).max()
