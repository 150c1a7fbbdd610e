"""The PyTorch engine beside real Caffe: small random nets, every blob's data and diff, every parameter's diff.

Runs where $CAFFE_PYTHON is the command of a Python that has pycaffe, such as "python3". Nets, pictures and results go
through its standard input and output.
"""

import io
import os
import shlex
import subprocess

import numpy as np
import pytest

from deepdream.engines.torch import make_net

from ..nets import write_net
from .caffe_nets import NETS, PASSES, WITHOUT_TIES

CAFFE = os.environ.get("CAFFE_PYTHON")
pytestmark = pytest.mark.skipif(not CAFFE, reason="$CAFFE_PYTHON names no Python that has pycaffe")

# What runs on Caffe's side: for each net its passes, with the diffs that each starts from.
SCRIPT = """
import io, sys, tempfile
import numpy as np
import caffe
given, results = np.load(io.BytesIO(sys.stdin.buffer.read())), {}
for name in given["names"]:
    paths = []
    for part in ("prototxt", "caffemodel"):
        paths.append(tempfile.mktemp(part))
        given[name + "|" + part].tofile(paths[-1])
    net = caffe.Net(paths[0], paths[1], caffe.TEST)
    layers = list(net._layer_names)
    results[name + "|layers"] = np.array(layers)
    for number, end in enumerate(given[name + "|passes"]):
        def put(which):
            start = "|".join((name, str(number), which, ""))
            for key in given.files:
                if key.startswith(start):
                    blob = net.blobs[key[len(start):]]
                    if which == "data":
                        blob.reshape(*given[key].shape)
                    getattr(blob, which)[...] = given[key]
        put("data")
        net._forward(0, layers.index(end))
        put("diff")
        net._backward(layers.index(end), 0)
        for blob in net.blobs:
            results["|".join((name, str(number), "data", blob))] = net.blobs[blob].data.copy()
            results["|".join((name, str(number), "diff", blob))] = net.blobs[blob].diff.copy()
        for layer in net.params:
            for i, blob in enumerate(net.params[layer]):
                results["|".join((name, str(number), "param", layer, str(i)))] = blob.diff.copy()
np.savez(sys.stdout.buffer, **results)
"""


def inputs(net, name, number):
    """{blob: picture} for a pass over a net: whole numbers, among which there are ties, or any."""
    random = np.random.RandomState(number)
    pictures = {}
    for blob in net.inputs:
        shape = net.blobs[blob].shape
        pictures[blob] = random.normal(size=shape) if name in WITHOUT_TIES else random.randint(-3, 4, shape)
    return pictures


def run_ours(model, name, precision="float32"):
    """The results of the passes as SCRIPT has them, and what SCRIPT has to be given."""
    net = make_net(model, "cpu", precision, "all", True)
    passes = PASSES.get(name, [(net.topology.layers[-1].name, None)])
    results = {f"{name}|layers": np.array([layer.name for layer in net.topology.layers])}
    given = {f"{name}|passes": np.array([end for end, _ in passes])}
    for number, (end, size) in enumerate(passes):
        if size:
            net.blobs["data"].reshape(*net.blobs["data"].shape[:2], *size)
        for blob, picture in inputs(net, name, number).items():
            net.blobs[blob].data[...] = picture
            given[f"{name}|{number}|data|{blob}"] = picture
        net.forward(end=end)
        tops = net.topology.layers[net.topology.position(end)].tops
        # Where a net has several outputs, all of them get diffs in its first pass.
        for i, blob in enumerate(dict.fromkeys((*tops, *(() if number else net.outputs)))):
            diff = np.random.RandomState(100 + i).normal(size=net.blobs[blob].shape)
            net.blobs[blob].diff[...] = diff
            given[f"{name}|{number}|diff|{blob}"] = diff
        net.backward(start=end)
        for blob in net.blobs:
            results[f"{name}|{number}|data|{blob}"] = net.blobs[blob].data.copy()
            results[f"{name}|{number}|diff|{blob}"] = net.blobs[blob].diff.copy()
        for layer, blobs in net.params.items():
            for i, blob in enumerate(blobs):
                results[f"{name}|{number}|param|{layer}|{i}"] = blob.diff.copy()
    return results, given


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return {name: write_net(tmp_path_factory.mktemp("net"), text, seed=4) for name, text in NETS.items()}


@pytest.fixture(scope="module")
def caffes(models):
    """What real Caffe makes of all the nets, in one process."""
    given = {"names": np.array(list(models))}
    for name, model in models.items():
        given.update(run_ours(model, name)[1])
        given[f"{name}|prototxt"] = np.frombuffer(model.prototxt.read_bytes(), np.uint8)
        given[f"{name}|caffemodel"] = np.frombuffer(model.weights.read_bytes(), np.uint8)
    sent = io.BytesIO()
    np.savez(sent, **given)
    command = [*shlex.split(CAFFE), "-c", SCRIPT]
    done = subprocess.run(command, input=sent.getvalue(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return dict(np.load(io.BytesIO(done.stdout)))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_beside_caffe(models, caffes, name, precision):
    ours, _ = run_ours(models[name], name, precision)
    theirs = {key: value for key, value in caffes.items() if key.split("|")[0] == name}
    assert list(ours.pop(f"{name}|layers")) == list(theirs.pop(f"{name}|layers"))
    assert set(ours) == set(theirs)
    wrong = []
    for key, value in theirs.items():
        assert ours[key].shape == value.shape, key
        error = np.abs(ours[key] - value).max() / max(np.abs(value).mean(), 1e-30)
        if not error <= 1e-4:
            wrong.append(f"{key}: {error:.1e}")
    assert not wrong
