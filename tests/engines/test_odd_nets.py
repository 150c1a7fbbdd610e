"""The nets of ../shared/cases/nets, as people have them: each dreams as it should, or is refused in a sentence."""

import re

import numpy as np
import pytest
from PIL import Image

from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_usable
from deepdream.cli import main
from deepdream.modelzoo import zoo
from tests.engines.side_by_side import Pass, SideBySide
from tests.helpers.shared import SHARED, needs_cases
from tests.helpers.tiny import tiny_picture

pytestmark = needs_cases
NETS = SHARED / "cases" / "nets"
# The nets that are the same as another.
SAME = {
    "argmax_and_silence_behind": "plain",
    "byte_order_mark": "plain",
    "ceil_mode_false": "round_mode_floor",
    "comment_in_gbk": "plain",
    "field_twice": "plain",
    "format_of_2013": "plain",
    "input_line_and_input_layer": "plain",
    "names_in_capitals": "plain",
    "other_input_first": "plain",
    "prototxt_named_otherwise": "plain",
    "size_of_minus_one": "plain",
    "unknown_type_behind": "plain",
    "weights_missing_behind": "plain",
}
OTHER = ("blobs_named_otherwise", "elu_inside", "grey", "half_precision", "mean_binaryproto", "round_mode_floor")
REFUSED = {
    "misspelt_field": r"layer conv1 .*unknown field convolution_param.pading: did you mean pad\?",
    "misspelt_kernel": r"layer conv1 .*unknown field convolution_param.kernal_size: did you mean kernel_size",
}
# Those that BVLC's Caffe runs as they are; it refuses the fields, types and numbers of the others.
# Upgrading the format of 2013, it loses the input_shape.
CAFFE_RUNS = (
    *("plain", "round_mode_floor", "input_line_and_input_layer", "blobs_named_otherwise", "elu_inside", "grey"),
    *("names_in_capitals", "prototxt_named_otherwise", "other_input_first", "mean_binaryproto"),
)


def dream(folder, name, layer="conv2"):
    """The pixels of a dream on one of the nets."""
    source, target = tiny_picture(folder / "in.png"), folder / f"{name}.png"
    args = [source, str(target), layer, "2", "2", "--seed", "0", "--engine", "torch", "--model", str(NETS / name)]
    assert main(args) == 0
    with Image.open(target) as image:
        return np.array(image)


def test_every_net_is_here():
    assert {path.name for path in NETS.iterdir()} == {"plain", *SAME, *OTHER, *REFUSED}


@pytest.mark.parametrize("name", SAME)
def test_the_same_as_another(tmp_path, name):
    np.testing.assert_array_equal(dream(tmp_path, name), dream(tmp_path, SAME[name]))


@pytest.mark.parametrize("name", OTHER)
def test_another_dream_than_that_of_the_plain_net(tmp_path, name):
    assert (dream(tmp_path, name) != dream(tmp_path, "plain")).any()


def test_half_precision_is_nearly_the_plain_net(tmp_path):
    half, plain = (dream(tmp_path, name).astype(int) for name in ("half_precision", "plain"))
    assert abs(half - plain).max() <= 1


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, capsys, name):
    args = [tiny_picture(tmp_path / "in.png"), str(tmp_path / "out.png"), "conv2", "1", "1", "--model"]
    assert main([*args, str(NETS / name)]) == 1
    assert re.search(REFUSED[name], capsys.readouterr().err)


def test_a_blob_of_another_name(tmp_path, capsys):
    by_layer, by_blob = (dream(tmp_path, "blobs_named_otherwise", end) for end in ("conv2", "conv_blob2"))
    np.testing.assert_array_equal(by_layer, by_blob)
    capsys.readouterr()
    assert main(["keys", "--model", str(NETS / "blobs_named_otherwise")]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["conv1", "relu1", "conv2"]


def test_a_grey_dream_keeps_the_colours(tmp_path):
    dreamt = dream(tmp_path, "grey").astype(float)
    with Image.open(tiny_picture(tmp_path / "in.png")) as image:
        change = dreamt - np.array(image)
    inside = (dreamt > 1).all(2) & (dreamt < 254).all(2)
    assert abs(change[inside]).max() > 2
    assert np.ptp(change[inside], axis=1).max() <= 1  # the same for red, green and blue, but for rounding


def test_the_mean_is_told(tmp_path, capsys):
    dream(tmp_path, "mean_binaryproto")
    assert re.search(r"its mean is that of mean.binaryproto: [0-9.]+, ", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("name", "layer", "why"),
    [
        ("argmax_and_silence_behind", "most", r"layer most \(ArgMax\) passes no gradient"),
        ("weights_missing_behind", "conv_new", "layer conv_new needs 4x16x1x1 and 4, but small.caffemodel has nothing"),
    ],
)
def test_what_cannot_be_dreamt_on_is_told(tmp_path, capsys, name, layer, why):
    assert main(["keys", "--model", str(NETS / name)]) == 0
    printed = capsys.readouterr()
    assert layer not in printed.out
    assert re.search(why, printed.err)
    source = tiny_picture(tmp_path / "in.png")
    args = [source, str(tmp_path / "out.png"), layer, "1", "1", "--engine", "torch"]
    assert main([*args, "--model", str(NETS / name)]) > 0
    assert re.search(why, capsys.readouterr().err)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", CAFFE_RUNS)
def test_beside_caffe(caffe, name):
    model = zoo.find(str(NETS / name))
    nets = SideBySide(caffe, model, [("float32", "all"), ("float32", "needed")])
    topology, _ = read_usable(model.weights, read_topology(model.prototxt))
    picture = np.random.RandomState(0).normal(0, 50, topology.shapes[topology.inputs[0]]).astype(np.float32)
    one = Pass("conv2", {topology.inputs[0]: picture}, {topology.blob("conv2"): None}, clean=True)
    for mode, key, errors in nets.run(one):
        assert errors.max() <= 1e-4, (mode, key)
