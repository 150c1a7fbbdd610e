"""Short forms of layer names: what each stands for, what stands for nothing, and what may have been meant."""

import pytest

from deepdream.caffe_format.layer_names import find, from_tensorflow, has_module_of, is_ambiguous, near, of_googlenet

PARTS = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool", "pool_proj", "output")
GOOGLENET = [
    *("conv1/7x7_s2", "pool1/3x3_s2", "pool1/norm1", "conv2/3x3_reduce", "conv2/3x3", "conv2/norm2", "pool2/3x3_s2"),
    *(f"inception_{module}/{part}" for module in ("3a", "3b") for part in PARTS),
    "pool3/3x3_s2",
    *(f"inception_{module}/{part}" for module in ("4c", "4d") for part in PARTS),
    *("loss3/classifier", "prob"),
]
VGG = ["conv1_1", "conv1_2", "pool1", "conv4_3", "pool4", "conv5_3", "fc6", "fc7", "prob"]
SQUEEZENET = ["conv1", "pool1", "fire4/squeeze1x1", "fire4/expand3x3", "fire4/concat", "conv10", "pool10", "prob"]
STAND_IN = ["stem", "block1/depthwise", "block1/output", "block10/depthwise", "block10/output", "pool", "prob"]


@pytest.mark.parametrize(
    ("asked", "names", "wanted"),
    [
        ("4c", GOOGLENET, "inception_4c/output"),
        (" 4C ", GOOGLENET, "inception_4c/output"),
        ("inception_4c", GOOGLENET, "inception_4c/output"),
        ("INCEPTION_4C/OUTPUT", GOOGLENET, "inception_4c/output"),
        ("inception4c", GOOGLENET, "inception_4c/output"),
        ("inception-4c.output", GOOGLENET, "inception_4c/output"),
        ("4c/out", GOOGLENET, "inception_4c/output"),
        ("4c/3x3", GOOGLENET, "inception_4c/3x3"),
        ("4c/3x3_r", GOOGLENET, "inception_4c/3x3_reduce"),
        ("4c_pool", GOOGLENET, "inception_4c/pool"),
        ("mixed4c", GOOGLENET, "inception_4c/output"),
        ("Mixed4d_3x3_bottleneck_pre_relu:0", GOOGLENET, "inception_4d/3x3_reduce"),
        ("conv2d0", GOOGLENET, "conv1/7x7_s2"),
        ("conv1", GOOGLENET, "conv1/7x7_s2"),
        ("pool3", GOOGLENET, "pool3/3x3_s2"),
        ("loss3", GOOGLENET, "loss3/classifier"),
        ("4_3", VGG, "conv4_3"),
        ("conv4-3", VGG, "conv4_3"),
        ("FC6", VGG, "fc6"),
        ("fire4", SQUEEZENET, "fire4/concat"),
        ("conv1", SQUEEZENET, "conv1"),
        ("block1", STAND_IN, "block1/output"),
        ("Block10", STAND_IN, "block10/output"),
    ],
)
def test_what_stands_for_one_layer(asked, names, wanted):
    assert find(asked, names) == wanted


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", GOOGLENET),
        ("/", GOOGLENET),
        ("output", GOOGLENET),
        ("3x3", GOOGLENET),
        ("pool1", GOOGLENET),
        ("inception", GOOGLENET),
        ("inception_4c/outptu", GOOGLENET),
        ("mixed5b", GOOGLENET),
        ("mixed4c_9x9", GOOGLENET),
        ("4", VGG),  # a number of steps
        ("conv1", VGG),
        ("4c", SQUEEZENET),  # fire4/concat has it only across its parts
        ("fire", [*SQUEEZENET, "fire5/concat"]),
        ("block", STAND_IN),
        ("block2", STAND_IN),
    ],
)
def test_what_stands_for_none_or_several(asked, names):
    assert find(asked, names) is None


@pytest.mark.parametrize("names", [GOOGLENET, VGG, SQUEEZENET, STAND_IN])
def test_every_name_stands_for_itself(names):
    assert [find(name, names) for name in names] == names
    assert [find(name.upper(), names) for name in names] == names


def test_part_of_a_name_counts_only_where_that_is_wanted():
    assert find("classifier", GOOGLENET, within=False) == "loss3/classifier"
    assert find("classif", GOOGLENET) == "loss3/classifier"
    assert find("classif", GOOGLENET, within=False) is None


def test_what_may_have_been_meant():
    assert near("3x3", GOOGLENET)[0] == "conv2/3x3"
    assert near("pool1", GOOGLENET) == ["pool1/norm1", "pool1/3x3_s2"]
    assert near("inception_4c/outptu", GOOGLENET)[0] == "inception_4c/output"
    assert near("xyz", GOOGLENET) == []
    assert near("", GOOGLENET) == []


def test_names_of_googlenet_without_the_net():
    assert [of_googlenet(name) for name in ("4c", "mixed4c", "Inception_4C", "inception4c/3x3", "CONV2/3X3")] == [
        *["inception_4c/output"] * 3,
        "inception_4c/3x3",
        "conv2/3x3",
    ]
    assert from_tensorflow("inception_4c/output") is None


def test_whether_only_the_rest_of_a_name_is_wrong():
    assert is_ambiguous("pool1", GOOGLENET)
    assert not is_ambiguous("4c", GOOGLENET)
    assert not is_ambiguous("conv5_3", GOOGLENET)
    assert has_module_of("inception_4c/outptu", GOOGLENET)
    assert not has_module_of("conv5_3", GOOGLENET)
    assert not has_module_of("res4f", GOOGLENET)
