"""Real Caffe as the engine: run where it can be imported, `$CAFFE_PYTHON -m pytest tests/engines/test_caffe.py`."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("caffe", reason="needs real Caffe")

from deepdream import load_net
from deepdream.errors import DreamError, UsageError
from tests.nets import input_layer, layer, write_net

# Two branches: a dream on `narrow`, after one on `both`, meets what that left in the diff of `wide`.
NET = (
    input_layer((1, 3, 16, 16))
    + layer("wide", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 1 }")
    + layer("narrow", "Convolution", "data", param="convolution_param { num_output: 3 kernel_size: 3 pad: 1 }")
    + layer("both", "Concat", "wide narrow")
)


def gradient(net, end):
    net.blobs["data"].data[...] = np.random.RandomState(0).normal(size=(1, 3, 16, 16))
    net.forward(end=end)
    net.blobs[end].diff[...] = net.blobs[end].data
    net.backward(start=end)
    return net.blobs["data"].diff.copy()


@pytest.fixture
def folder(tmp_path):
    write_net(tmp_path, NET)
    return str(tmp_path)


def test_auto_takes_caffe_where_it_can_be_imported(folder):
    net = load_net(folder)
    assert (net.engine, net.device, net.precision) == ("caffe", "cpu", "float32")
    assert net.transformer.mean["data"].ravel().tolist() == [104, 116, 122]


def test_leftovers_are_kept_only_on_request(folder):
    fresh = gradient(load_net(folder), "narrow")
    clean, kept = load_net(folder), load_net(folder, leftovers=True)
    gradient(clean, "both")
    gradient(kept, "both")
    np.testing.assert_array_equal(gradient(clean, "narrow"), fresh)
    assert abs(gradient(kept, "narrow") - fresh).max() > 0.01


def test_nothing_is_written_into_the_current_folder(folder, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    gradient(load_net(folder), "both")
    assert not list(empty.iterdir())


def test_weights_of_another_net_are_refused_before_caffe_aborts(folder):
    prototxt = Path(folder) / "deploy.prototxt"
    prototxt.write_text(prototxt.read_text().replace("num_output: 4", "num_output: 5"))
    with pytest.raises(DreamError, match="another net: layer wide needs 5x3x1x1 and 5"):
        load_net(folder)


@pytest.mark.parametrize("wrong", [{"precision": "float64"}, {"device": "cuda"}])
def test_what_this_engine_has_not_is_refused(folder, wrong):
    with pytest.raises(UsageError):
        load_net(folder, **wrong)
