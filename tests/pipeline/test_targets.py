"""What a dream can be asked to maximize, and what is said if it does not exist."""

import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.errors import UsageError
from deepdream.pipeline.targets import find_target
from deepdream.settings import DREAM, DreamSettings, ObjectiveSettings
from tests.helpers.nets import input_layer, layer, write_prototxt

MODULE = (
    input_layer((1, 3, 8, 8))
    + layer("a", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 1 }")
    + layer("relu_a", "ReLU", "a", "a")
    + layer("b", "Convolution", "data", param="convolution_param { num_output: 6 kernel_size: 1 }")
    + layer("relu_b", "ReLU", "b", "b")
    + layer("a/output", "Concat", "a b")
)
PLACES = layer("fc", "Convolution", "a/output", param="convolution_param { num_output: 205 kernel_size: 8 }")
NAMELESS = PLACES.replace("205", "11")


def target(folder, text=MODULE, listing=None, dream=DREAM, **settings):
    topology = read_topology(write_prototxt(folder, text + layer("prob", "Softmax", "fc") * ("fc" in text)))
    return find_target(ObjectiveSettings(**settings), dream, topology, listing)


def terms(found):
    return [(term.end, term.weight, term.channels) for term in found.terms]


def test_a_layer(tmp_path):
    found = target(tmp_path, dream=DreamSettings("b"))
    assert terms(found) == [("b", 1.0, ())]
    assert (found.text, found.recipe) == ("layer b", {"layer": "b"})
    with pytest.raises(UsageError, match="there is no layer 'c' in this net"):
        target(tmp_path, dream=DreamSettings("c"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:3", [("a", 1.0, (3,))]),
        ("a/output:3", [("a", 1.0, (3,))]),
        ("a/output:9,4,4", [("b", 1.0, (5, 0))]),
        ("a/output:0,4,1", [("a", 1.0, (0, 1)), ("b", 1.0, (0,))]),
    ],
)
def test_channels_are_taken_where_they_are_not_rectified_yet(tmp_path, text, wanted):
    found = target(tmp_path, channel=text)
    assert terms(found) == wanted
    assert found.recipe == {"channel": text}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a/output", "channel must be LAYER:N or LAYER:N,N, such as inception_4c/output:61, not 'a/output'"),
        ("a:", "channel must be LAYER:N"),
        (":3", "channel must be LAYER:N"),
        ("a:1,x", "channel must be LAYER:N"),
        ("a/output:10", "layer a/output has no channel 10: its channels are 0 to 9"),
        ("a:-1", "layer a has no channel -1: its channels are 0 to 3"),
        ("outputt:1", "there is no layer 'outputt' in this net: did you mean a/output"),
        ("relu_a:1", "layer relu_a has no blob of its own name to dream on: use a"),
    ],
)
def test_channels_that_are_not_there(tmp_path, text, says):
    with pytest.raises(UsageError) as refusal:
        target(tmp_path, channel=text)
    assert str(refusal.value).startswith(says)


def test_a_class_by_name_and_by_number(tmp_path):
    for word in ("abbey", "Abbey", "0"):
        found = target(tmp_path, MODULE + PLACES, class_=word)
        assert terms(found) == [("fc", 1.0, (0,))]
        assert found.text == "class 0 abbey"
        assert found.recipe == {"class": "0", "class_name": "abbey"}


def test_the_models_own_listing_counts(tmp_path):
    """205 classes are Places205's, unless the model says whose they are."""
    assert target(tmp_path, MODULE + PLACES, listing="imagenet", class_="tench").recipe["class"] == "0"


def test_classes_that_nobody_named(tmp_path):
    found = target(tmp_path, MODULE + NAMELESS, class_="10")
    assert (terms(found), found.recipe) == ([("fc", 1.0, (10,))], {"class": "10"})
    with pytest.raises(UsageError, match="give a number, 0 to 10"):
        target(tmp_path, MODULE + NAMELESS, class_="abbey")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:1,b:0.5", [("a", 1.0, ()), ("b", 0.5, ())]),
        ("a/output:1, b:-2e-1", [("a/output", 1.0, ()), ("b", -0.2, ())]),
        ("a,b", [("a", 1.0, ()), ("b", 1.0, ())]),
    ],
)
def test_several_layers(tmp_path, text, wanted):
    found = target(tmp_path, layers=text)
    assert terms(found) == wanted
    assert found.recipe == {"layers": text.replace(" ", "")}


@pytest.mark.parametrize("text", ["a:x", "a:nan", "a:inf", "a:", "", ",", "a:1,,b:1", ":1"])
def test_weights_that_are_none(tmp_path, text):
    with pytest.raises(UsageError, match="layers must be LAYER:WEIGHT,LAYER:WEIGHT"):
        target(tmp_path, layers=text)


def test_layers_that_are_not_there(tmp_path):
    with pytest.raises(UsageError, match="there is no layer 'c'"):
        target(tmp_path, layers="a:1,c:1")


@pytest.mark.parametrize(
    ("settings", "recipe"),
    [
        ({}, {"layer": "b", "asked_layer": "inception_4c/output"}),
        ({"channel": "inception_4c/output:5"}, {"channel": "b:5", "asked_channel": "inception_4c/output:5"}),
        ({"layers": "a:1,x:-2"}, {"layers": "a:1,b:-2", "asked_layers": "a:1,x:-2"}),
        ({"layers": "a,b"}, {"layers": "a,b"}),
    ],
)
def test_layers_of_another_net_are_translated_and_both_are_said(tmp_path, settings, recipe):
    topology = read_topology(write_prototxt(tmp_path, MODULE))
    found = find_target(ObjectiveSettings(**settings), DREAM, topology, None, lambda asked: "b")
    assert {**found.recipe, **found.asked} == recipe
    assert {term.end for term in found.terms} <= {"a", "b"}
