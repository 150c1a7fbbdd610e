"""Nets such as nobody writes, but a damaged file may be: each gave something else than numbers or a sentence once."""

import numpy as np
import pytest

from deepdream import load_net
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import tiny_net

INPUT = input_layer((1, 3, 12, 12))
RELU = layer("relu", "ReLU", "data")
NETS = {
    "two layers of one name": INPUT
    + layer("same", "Slice", "data", "a b", "slice_param { slice_point: 1 }")
    + layer("end", "ReLU", "a")
    + layer("same", "TanH", "b", "c"),
    "an axis where there is none": INPUT
    + layer("end", "ReLU", "data", param="concat_param { axis: -5 } slice_param { axis: 1000000000 }"),
    "a wide window of channels": INPUT + layer("end", "LRN", "data", param="lrn_param { local_size: 32767 }"),
    "a wide window of pixels": INPUT
    + layer("end", "LRN", "data", param="lrn_param { local_size: 32767 norm_region: WITHIN_CHANNEL }"),
}


@pytest.mark.parametrize("what", NETS)
def test_both_modes_agree(tmp_path, what):
    folder = tiny_net(tmp_path / "net", NETS[what])
    diffs = []
    for blobs in ("all", "needed"):
        net = load_net(folder, "torch", "cpu", blobs=blobs)
        net.blobs["data"].data[...] = np.random.RandomState(0).normal(size=(1, 3, 12, 12))
        net.forward(end="end")
        net.blobs["end"].diff[...] = 1
        net.backward(start="end")
        diffs.append(net.blobs["data"].diff.copy())
    assert np.isfinite(diffs[0]).all()
    np.testing.assert_allclose(diffs[0], diffs[1], rtol=1e-4, atol=1e-6)


def test_what_a_prototxt_declares_is_not_held_for_a_small_picture(tmp_path):
    """An input of four gigabytes, where only what a pass needs is made."""
    net = load_net(tiny_net(tmp_path / "net", input_layer((1, 3, 20, 16777217)) + RELU), "torch", "cpu", blobs="needed")
    net.blobs["data"].reshape(1, 3, 12, 12)
    assert net.blobs["data"].tensor("data").untyped_storage().nbytes() < 2**16
