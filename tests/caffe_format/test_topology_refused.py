"""Prototxts that are no net, or none that can run: an error in a sentence, whatever the file."""

import pytest

from deepdream.caffe_format import shapes
from deepdream.caffe_format.topology import read_topology
from deepdream.errors import DreamError
from tests.engines import in_place_nets
from tests.helpers.nets import input_layer, layer, write_prototxt

INPUT = input_layer((1, 3, 4, 5))
OLD_INPUT = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 5\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (INPUT + layer("odd", "Bogus", "data"), "layer odd is of type Bogus, which is not supported"),
        (
            OLD_INPUT + 'layers { name: "odd" type: IM2COL bottom: "data" top: "odd" }',
            "layer odd is of type Im2col.*BVLC",
        ),
        (
            OLD_INPUT + 'layers { name: "odd" type: FOO bottom: "data" top: "odd" }',
            "layer odd .* is of type FOO, which is not supported",
        ),
        (INPUT + layer("relu", "ReLU", "dta"), "layer relu reads blob dta"),
        (
            INPUT + layer("a", "ReLU", "data", "x") + layer("b", "ReLU", "x", "y") + layer("c", "ReLU", "y", "x"),
            "layer c writes blob x",
        ),
        (INPUT + layer("cut", "Slice", "data", "a b a"), "layer cut writes blob a"),
        (INPUT + INPUT.replace('name: "data"', 'name: "again"'), "layer again writes blob data"),
        # The top of an in-place layer must be the only reader of its bottom: Caffe splits the blob and then refuses.
        (INPUT + layer("a", "TanH", "data") + layer("b", "ReLU", "data", "data"), "layer b writes blob data"),
        (INPUT + layer("sum", "Eltwise", "data data", "data"), "layer sum writes blob data"),
        (INPUT + layer("one", "Eltwise", "data"), r"layer one \(Eltwise\) reads 1 blob, .*at least 2"),
        (INPUT + layer("relu", "ReLU", "data", "a b"), "layer relu should have 1 tops.* 2"),
        (INPUT + layer("sum", "Crop", "data"), r"layer sum \(Crop\) does not fit blobs of shape 1x3x4x5"),
        ('input: "data"' + layer("a", "ReLU", "data"), "deploy.prototxt declares no size for its input data"),
        (input_layer((1, 3, 0, 5)), r"layer .* \(Input\) would have an empty top"),
        (input_layer((1, -3, 4, 5)), r"layer .* \(Input\) would have an empty top"),
        (layer("a", "ReLU", "data"), "declares no input: .*deploy.prototxt"),
        ("", "declares no input"),
        ("layer { name: 5", "is not a Caffe net in text form"),
        ("this is no net at all { ( ] %", "is not a Caffe net in text form"),
        ('name: "\\377\\376"', "is not a Caffe net in text form"),
        ("input_dim: 99999999999999999999999", "is not a Caffe net in text form"),
        ("unknown {" * 100000, "is not a Caffe net in text form"),
        ("layer { unknown { a {" + "b { " * 20000 + "} " * 20003, "declares no input"),
        (INPUT + layer("c", "Convolution", "data", param="convolution_param { num_output: 2 }"), "does not fit"),
        (
            INPUT + layer("p", "Pooling", "data", param="pooling_param { pool: STOCHASTIC kernel_size: 2 }"),
            "stochastic",
        ),
    ],
)
def test_refused(tmp_path, text, says):
    with pytest.raises(DreamError, match=says) as caught:
        read_topology(write_prototxt(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "body", [bytes(range(256)), b"\x0a\x03net\xa2\x06\x04\x0a\x02ab", b"\0" * 100, b"\xff\xfe\0\0"]
)
def test_binary_file(tmp_path, body):
    path = tmp_path / "deploy.prototxt"
    path.write_bytes(body)
    with pytest.raises(DreamError, match=r"deploy\.prototxt is not a Caffe net in text form"):
        read_topology(path)


def test_no_file(tmp_path):
    with pytest.raises(DreamError, match=r"none\.prototxt cannot be read: No such file"):
        read_topology(tmp_path / "none.prototxt")
    with pytest.raises(DreamError, match="cannot be read"):
        read_topology(tmp_path)


@pytest.mark.parametrize(("kind", "param"), in_place_nets.cases(in_place_nets.CHANGE))
def test_a_layer_that_changes_the_shape_cannot_work_in_place(tmp_path, kind, param):
    topology = read_topology(write_prototxt(tmp_path, in_place_nets.net(kind, param, in_place=True)))
    for end in ("it", "end"):
        with pytest.raises(DreamError, match=rf"layer it \({kind}\) cannot work in place on blob a.*top a name"):
            topology.check_end(end)
    read_topology(write_prototxt(tmp_path, in_place_nets.net(kind, param, in_place=False)))


def test_every_layer_type_has_been_tried_in_place():
    """But those that read nothing or write nothing."""
    assert {"Input", "DummyData", "Silence", *in_place_nets.KEEP, *in_place_nets.CHANGE} == set(shapes._RULES)


def test_what_keeps_the_shape_of_the_prototxts_picture_alone_is_refused_at_another(tmp_path):
    text = input_layer((1, 3, 1, 1)) + layer("all", "Pooling", "data", "data", "pooling_param { global_pooling: true }")
    topology = read_topology(write_prototxt(tmp_path, text))
    with pytest.raises(shapes.ShapeError, match=r"blob data, .* from 1x3x4x5 to 1x3x1x1: give"):
        topology.shapes_at(4, 5, "all")
