"""blobs="needed": what `end` does not depend on neither runs nor matters."""

import subprocess
import sys

import pytest

from deepdream import load_net
from deepdream.errors import UsageError
from tests.engines.torch.small_net import gradient, picture
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.tiny import ROOT, tiny_net


def test_layers_beside_and_behind_the_end_do_not_run(make):
    net = make(blobs="needed")
    picture(net)
    *_, before = gradient(net, "left")

    def fail(*_):
        raise AssertionError("this layer is not needed")

    for name in ("right", "right/relu", "pool", "pool_proj", "mix", "fc"):
        layer = net.layers[net.topology.position(name)]
        layer.forward = layer.backward = fail
    *_, after = gradient(net, "left")
    assert (after == before).all()


def test_diffs_of_other_passes_do_not_matter(make):
    net = make(blobs="needed")
    picture(net)
    *_, before = gradient(net, "left")
    gradient(net, "mix")
    for blob in net.blobs.values():
        blob.diff[...] = 1e9
    *_, after = gradient(net, "left")
    assert (after == before).all()


def test_backward_follows_the_last_forward(make):
    net = make(blobs="needed")
    picture(net)
    with pytest.raises(UsageError, match="backward"):
        net.backward(start="mix")
    net.forward(end="left")
    net.forward(end="mix")
    with pytest.raises(UsageError, match="same layer"):
        net.backward(start="left")
    net.backward(start="mix")


def test_several_backward_passes_after_one_forward(make):
    net = make(blobs="needed", precision="float64")
    picture(net)
    net.forward(end="mix")
    net.blobs["mix"].diff[...] = 1
    first = net.backward(start="mix")["data"].copy()
    net.blobs["mix"].diff[...] = 3
    second = net.backward(start="mix")["data"]
    assert abs(second - 3 * first).max() < 1e-12 * abs(first).max()
    assert (net.blobs["mix"].diff == 3).all()  # which the layers only read


def test_without_an_end_the_last_layer_is_meant(make):
    net = make(blobs="needed")
    picture(net)
    assert list(net.forward()) == ["prob"]
    net.blobs["prob"].diff[0, 1] = 1
    assert net.backward()["data"].any()


def test_a_layer_without_tops_is_no_end(tmp_path):
    text = input_layer((1, 3, 8, 8)) + layer(
        "conv", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 }"
    )
    write_net(tmp_path, text + 'layer { name: "quiet" type: "Silence" bottom: "conv" }\n')
    net = load_net(str(tmp_path), "torch", "cpu", blobs="needed")
    for call in (net.forward, lambda: net.bytes_needed("quiet", (1, 3, 8, 8)), lambda: net.bytes_of_weights(["quiet"])):
        with pytest.raises(UsageError, match="layer quiet writes no blob"):
            call()


def test_a_step_does_not_load_sympy(tmp_path):
    """PyTorch does, for half a second, where it computes with a meta tensor in Python."""
    code = (
        "import sys; from deepdream import load_net, make_step; "
        "net = load_net(sys.argv[1], 'torch', 'cpu', blobs='needed'); net.blobs['data'].data[...] = 1; make_step(net); "
        "print('torch' in sys.modules, 'sympy' in sys.modules)"
    )
    command = [sys.executable, "-c", code, tiny_net(tmp_path / "tiny")]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "True False\n"
