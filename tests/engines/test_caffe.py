"""Real Caffe as the engine: run where it can be imported, `$CAFFE_PYTHON -m pytest tests/engines/test_caffe.py`."""

import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("caffe", reason="needs real Caffe")

import caffe

from deepdream import deepdream, load_net
from deepdream.engines.caffe import set_threads
from deepdream.errors import DreamError, UsageError
from tests.engines import caffe_nets, in_place_nets
from tests.helpers.nets import input_layer, layer, write_net, write_prototxt
from tests.helpers.shared import model, needs_models

# What could go wrong in a net that is cut out of another: layers in place, tops of which one is used, parameters
# that must not be learnt, layers as they were written before 2014.
NETS = {
    "inception": caffe_nets.NETS["small googlenet"],
    "old form": caffe_nets.NETS["old form"],
    "many types": (
        input_layer((2, 3, 9, 8))
        + layer("norm", "BatchNorm", "data")
        + layer("scale", "Scale", "norm", "norm", "scale_param { bias_term: true }")
        + layer("conv", "Convolution", "norm", param="convolution_param { num_output: 6 kernel_size: 3 group: 3 }")
        + layer("relu", "ReLU", "conv", "conv")
        + layer("slice", "Slice", "conv", "one two")
        + layer("prelu", "PReLU", "one")
        + layer("sum", "Eltwise", "prelu two", param="eltwise_param { coeff: 2 coeff: -0.5 }")
        + layer("up", "Deconvolution", "sum", param="convolution_param { num_output: 2 kernel_size: 2 stride: 2 }")
        + layer("lrn", "LRN", "up")
        + layer("fc", "InnerProduct", "lrn", param="inner_product_param { num_output: 4 }")
        + layer("drop", "Dropout", "fc", "fc")
        + layer("prob", "Softmax", "fc")
    ),
}

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
    with pytest.raises(DreamError, match=r"layer wide needs 5x3x1x1 and 5, but net\.caffemodel has"):
        load_net(folder).forward(end="wide")


@pytest.mark.parametrize(
    "wrong",
    [
        {"precision": "float64"},
        {"precision": "tf32"},
        {"precision": "bfloat16", "blobs": "needed"},
        {"device": "cuda"},
        {"device": "mps"},
        {"device": "tpu"},
    ],
)
def test_what_this_engine_has_not_is_refused(folder, wrong):
    with pytest.raises(UsageError):
        load_net(folder, **wrong)


@pytest.mark.parametrize("end", ["wide", "narrow", "both"])
def test_the_pruned_net_gives_the_same_bytes(folder, end):
    """Caffe does the same additions in the same order, whatever runs beside."""
    everything, needed = load_net(folder), load_net(folder, blobs="needed")
    assert gradient(needed, end).tobytes() == gradient(everything, end).tobytes()
    assert needed.blobs[end].data.tobytes() == everything.blobs[end].data.tobytes()


def test_the_pruned_net_changes_with_the_end(folder):
    needed = load_net(folder, blobs="needed")
    for end in ("narrow", "both", "narrow"):
        assert gradient(needed, end).tobytes() == gradient(load_net(folder), end).tobytes()
    with pytest.raises(UsageError, match=r"backward.*both.*forward.*narrow.*: use the same layer"):
        needed.backward(start="both")


@pytest.mark.parametrize("name", sorted(NETS))
def test_the_pruned_net_gives_the_same_bytes_from_every_layer(tmp_path, name):
    write_net(tmp_path, NETS[name], seed=3)
    everything = load_net(str(tmp_path))
    for end in everything.topology.dreamable():
        nets = [load_net(str(tmp_path)), load_net(str(tmp_path), blobs="needed")]
        for net in nets:
            for i, source in enumerate(net.inputs):
                net.blobs[source].data[...] = np.random.RandomState(i).normal(size=net.blobs[source].shape)
            net.forward(end=end)
            net.blobs[end].diff[...] = np.random.RandomState(9).normal(size=net.blobs[end].shape)
            net.backward(start=end)
        data, diff = nets[0].blobs["data"].data, nets[0].blobs["data"].diff
        assert nets[1].blobs["data"].data.tobytes() == data.tobytes()
        np.testing.assert_array_equal(nets[1].blobs["data"].diff, diff, err_msg=end)


@needs_models
@pytest.mark.parametrize("end", ["inception_3b/5x5_reduce", "inception_4c/output"])
def test_the_pruned_googlenet_gives_the_same_bytes(end):
    gradients = []
    for blobs in ("all", "needed"):
        net = load_net(model("bvlc_googlenet"), blobs=blobs)
        net.blobs["data"].reshape(1, 3, 97, 131)
        net.blobs["data"].data[...] = np.random.RandomState(0).normal(0, 60, (1, 3, 97, 131))
        net.forward(end=end)
        net.blobs[end].diff[...] = net.blobs[end].data
        net.backward(start=end)
        gradients.append(net.blobs["data"].diff.tobytes())
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_a_picture_of_a_size_that_caffe_aborts_over_is_refused(tmp_path, blobs):
    text = NET + layer("last", "Convolution", "both", param="convolution_param { num_output: 2 kernel_size: 5 }")
    write_net(tmp_path, text)
    net = load_net(str(tmp_path), blobs=blobs)
    net.blobs["data"].reshape(1, 3, 9, 4)
    with pytest.raises(DreamError, match=r"layer last \(Convolution\) .* empty"):
        net.forward(end="last")
    assert net.forward(end="both")["both"].shape == (1, 7, 9, 4)
    # Three colours of nine neighbours each: the columns of `narrow` are more than an int can count.
    net.blobs["data"].reshape(1, 3, 10000, 9000)
    with pytest.raises(DreamError, match=r"layer narrow .*too large.*: use a smaller picture"):
        net.forward(end="narrow")


def test_a_name_that_is_none_is_refused(folder):
    for blobs in ("all", "needed"):
        with pytest.raises(UsageError, match="there is no layer 'wiide' in this net: did you mean wide"):
            load_net(folder, blobs=blobs).forward(end="wiide")


@pytest.mark.parametrize(("kind", "since"), [("Clip", "August 2018"), ("TanH", "")])
def test_a_layer_type_that_an_old_caffe_lacks_is_refused_before_it_aborts(tmp_path, monkeypatch, kind, since):
    write_net(tmp_path, NET + layer("both/bounded", kind, "both"))
    there = [name for name in caffe.layer_type_list() if name != kind]
    monkeypatch.setattr(caffe, "layer_type_list", lambda: there)
    with pytest.raises(DreamError) as caught:
        load_net(str(tmp_path)).forward(end="both/bounded")
    assert f"layer both/bounded is of type {kind}, which this Caffe lacks" in str(caught.value)
    assert since in str(caught.value)
    assert str(caught.value).endswith("use --engine torch or a newer Caffe")


def test_a_field_that_caffe_does_not_know_is_refused_before_it_aborts(folder):
    prototxt = Path(folder) / "deploy.prototxt"
    prototxt.write_text(prototxt.read_text() + "tea: true\n")
    with pytest.raises(DreamError, match=r"deploy.prototxt is not a Caffe net in text form: .*unknown field tea"):
        load_net(folder)


def test_a_prototxt_that_forces_backward_or_wants_cudnn_is_taken(folder):
    before = gradient(load_net(folder), "both")
    prototxt = Path(folder) / "deploy.prototxt"
    text = prototxt.read_text().replace("kernel_size: 1", "kernel_size: 1 engine: CUDNN")
    prototxt.write_text(text + "force_backward: true\n")
    assert gradient(load_net(folder), "both").tobytes() == before.tobytes()


def test_a_net_for_grey_pictures_dreams(tmp_path):
    text = input_layer((1, 1, 8, 8)) + layer(
        "conv", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 }"
    )
    write_net(tmp_path, text)
    picture = np.random.RandomState(0).uniform(80, 160, (20, 24, 3)).astype(np.float32)
    for blobs in ("all", "needed"):
        dreamt = deepdream(load_net(str(tmp_path), blobs=blobs), picture, 2, 2, end="conv", seed=0)
        change = dreamt - picture
        assert abs(change).mean() > 0.5
        np.testing.assert_allclose(change[..., 0], change[..., 2], atol=1e-3)


@pytest.mark.parametrize(("kind", "param"), in_place_nets.cases(in_place_nets.CHANGE))
def test_a_layer_in_place_that_caffe_would_abort_over_or_write_out_of_bounds_is_refused(tmp_path, kind, param):
    write_net(tmp_path, in_place_nets.net(kind, param, in_place=False))
    write_prototxt(tmp_path, in_place_nets.net(kind, param, in_place=True))
    with pytest.raises(DreamError, match=r"cannot work in place on blob a.*: give its top a name"):
        load_net(str(tmp_path)).forward(end="it")


def test_an_eltwise_of_one_blob_is_refused_as_caffe_does_before_it_aborts(tmp_path):
    write_net(tmp_path, NET)
    write_prototxt(tmp_path, NET + layer("one", "Eltwise", "both"))
    with pytest.raises(DreamError, match=r"reads 1 blob, .*at least 2"):
        load_net(str(tmp_path)).forward(end="one")


def test_the_number_of_threads_is_set_and_told(folder):
    net = load_net(folder)
    before = net.threads
    try:
        set_threads(1)
        assert net.threads == 1
    finally:
        set_threads(before)


def test_a_net_computes_in_another_thread(folder):
    results = []
    net = load_net(folder)
    thread = threading.Thread(target=lambda: results.append(gradient(net, "both")))
    thread.start()
    thread.join()
    assert results[0].tobytes() == gradient(load_net(folder), "both").tobytes()
