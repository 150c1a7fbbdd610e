"""Prototxts of every age, and what Caffe makes of them before a net runs."""

import pytest

from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.caffe_format.topology import read_topology
from deepdream.errors import UsageError
from tests.helpers.nets import input_layer, layer, write_prototxt

CONVOLUTION = "convolution_param { num_output: 2 kernel_size: 1 }"


@pytest.fixture
def read(tmp_path):
    return lambda text: read_topology(write_prototxt(tmp_path, text))


def names(topology):
    return [spec.name for spec in topology.layers]


def described(topology):
    """Each layer as NAME(bottoms>tops)."""
    return [f"{s.name}({' '.join(s.bottoms)}>{' '.join(s.tops)})" for s in topology.layers]


HEADERS = {
    "layer": input_layer((1, 3, 4, 5)),
    "input_dim": 'name: "old"  # a comment\ninput: "data"\ninput_dim: 1 input_dim: 3 input_dim: 4 input_dim: 5\n',
    "input_shape": 'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }\n',
}
MIXED = ("layer", "layers")  # in one file Caffe has no order for them
LAYERS = {
    "layer": layer("conv", "Convolution", "data", param=CONVOLUTION) + layer("relu", "ReLU", "conv", "conv"),
    "layers": (
        'layers { bottom: "data" top: "conv" name: "conv" type: CONVOLUTION blobs_lr: 1 weight_decay: 0\n'
        '  convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" std: 0.1 } } }\n'
        'layers { bottom: "conv" top: "conv" name: "relu" type: RELU }\n'
    ),
}


@pytest.mark.parametrize(
    ("header", "layers"), [(header, layers) for header in HEADERS for layers in LAYERS if (header, layers) != MIXED]
)
def test_old_and_new_forms(read, header, layers):
    topology = read(HEADERS[header] + LAYERS[layers])
    first = "data" if header == "layer" else "input"
    assert described(topology) == [f"{first}(>data)", "conv(data>conv)", "relu(conv>conv)"]
    assert [spec.type for spec in topology.layers] == ["Input", "Convolution", "ReLU"]
    assert topology.shapes == {"data": (1, 3, 4, 5), "conv": (1, 2, 4, 5)}
    assert topology.param_shapes["conv"] == [(2, 3, 1, 1), (2,)]
    assert (topology.inputs, topology.outputs) == (["data"], ["conv"])


@pytest.mark.parametrize(
    "header",
    [
        'input: "a" input: "b" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 '
        "input_dim: 5 input_dim: 6 input_dim: 7 input_dim: 8",
        'input: "a" input_shape { dim: 1 dim: 2 dim: 3 dim: 4 } input: "b" input_shape { dim: 5 dim: 6 dim: 7 dim: 8 }',
    ],
)
def test_two_inputs(read, header):
    topology = read(header)
    assert topology.inputs == ["a", "b"]
    assert topology.shapes == {"a": (1, 2, 3, 4), "b": (5, 6, 7, 8)}


@pytest.mark.parametrize(
    ("kind", "param", "modern"),
    [
        ("CONCAT", "concat_param { concat_dim: 1 }", "Concat"),
        ("DROPOUT", "dropout_param { dropout_ratio: 0.5 }", "Dropout"),
        ("INNER_PRODUCT", "inner_product_param { num_output: 2 }", "InnerProduct"),
        ("LRN", "lrn_param { local_size: 3 }", "LRN"),
        ("POOLING", "pooling_param { kernel_size: 2 pool: AVE }", "Pooling"),
        ("POWER", "power_param { scale: 2.5 }", "Power"),
        ("ELTWISE", "eltwise_param { operation: SUM }", "Eltwise"),
        ("SOFTMAX", "", "Softmax"),
        ("TANH", "", "TanH"),
    ],
)
def test_old_types(read, kind, param, modern):
    bottoms = 'bottom: "data" bottom: "data"' if kind == "ELTWISE" else 'bottom: "data"'
    spec = read(f'{HEADERS["input_dim"]} layers {{ name: "x" type: {kind} {bottoms} top: "x" {param} }}').layers[-1]
    assert spec.type == modern
    field, _, value = param.partition(" {")
    if value and kind != "DROPOUT":  # whose ratio changes nothing in a net that does not train
        assert sorted(str(getattr(spec.param, field)).split()) == sorted(value.replace("}", "").split())


@pytest.mark.parametrize(
    ("rule", "there"),
    [
        ("include { phase: TEST }", True),
        ("include { phase: TRAIN }", False),
        ("exclude { phase: TRAIN }", True),
        ("exclude { phase: TEST }", False),
        ("include { phase: TRAIN } include { phase: TEST }", True),
        ('include { phase: TEST stage: "deploy" }', False),  # pycaffe runs a net in no stage
        ('exclude { stage: "deploy" }', True),
        ('include { not_stage: "deploy" }', True),
        ('exclude { phase: TEST not_stage: "deploy" }', False),
        ("include { min_level: 1 }", False),
        ("include { max_level: 0 }", True),
        ("exclude { max_level: -1 }", True),
    ],
)
@pytest.mark.parametrize("form", ['layer { name: "x" type: "ReLU"', 'layers { name: "x" type: RELU'])
def test_phases_stages_and_levels(read, form, rule, there):
    topology = read(f'{HEADERS["input_dim"]} {form} bottom: "data" top: "x" {rule} }}')
    assert ("x" in names(topology)) == there


def test_splits_have_caffes_names_and_places(read):
    topology = read(
        input_layer((1, 2, 4, 4))
        + layer("conv", "Convolution", "data", "c", CONVOLUTION)
        + layer("relu", "ReLU", "c", "c")
        + layer("cut", "Slice", "data", "one two")
        + layer("sum", "Eltwise", "c c")
        + layer("join", "Concat", "two c one two")
    )
    assert described(topology) == [
        "data(>data)",
        "data_data_0_split(data>data_data_0_split_0 data_data_0_split_1)",
        "conv(data_data_0_split_0>c)",
        "relu(c>c)",  # the last to write c: the split is behind it and has its name
        "c_relu_0_split(c>c_relu_0_split_0 c_relu_0_split_1 c_relu_0_split_2)",
        "cut(data_data_0_split_1>one two)",
        "two_cut_1_split(two>two_cut_1_split_0 two_cut_1_split_1)",
        "sum(c_relu_0_split_0 c_relu_0_split_1>sum)",
        "join(two_cut_1_split_0 c_relu_0_split_2 one two_cut_1_split_1>join)",
    ]
    assert topology.outputs == ["sum", "join"]
    assert {topology.shapes[f"c_relu_0_split_{i}"] for i in range(3)} == {(1, 2, 4, 4)}


def test_input_field_that_feeds_two_layers(read):
    text = HEADERS["input_dim"] + layer("a", "ReLU", "data") + layer("b", "TanH", "data")
    assert names(read(text)) == ["input", "data_input_0_split", "a", "b"]


def inception(read):
    """Two branches with in-place ReLUs, joined, and a classifier."""
    return read(
        input_layer((1, 3, 8, 8))
        + layer("left/1x1", "Convolution", "data", param=CONVOLUTION)
        + layer("left/relu", "ReLU", "left/1x1", "left/1x1")
        + layer("right/1x1", "Convolution", "data", param=CONVOLUTION)
        + layer("right/relu", "ReLU", "right/1x1", "right/1x1")
        + layer("output", "Concat", "left/1x1 right/1x1")
        + layer("halves", "Slice", "output", "half1 half2")
        + layer("loss", "InnerProduct", "half1", param="inner_product_param { num_output: 5 }")
        + layer("prob", "Softmax", "loss")
    )


@pytest.mark.parametrize(
    ("end", "needed"),
    [
        ("data", ["data"]),
        ("left/1x1", ["data", "data_data_0_split", "left/1x1"]),
        ("right/relu", ["data", "data_data_0_split", "right/1x1", "right/relu"]),
        ("output", ["data", "data_data_0_split", "left/1x1", "left/relu", "right/1x1", "right/relu", "output"]),
    ],
)
def test_needed(read, end, needed):
    assert [spec.name for spec in inception(read).needed(end)] == needed


def test_needed_by_all(read):
    topology = inception(read)
    assert topology.needed("prob") == topology.layers


def test_dreamable(read):
    # Neither the input nor a split, nor a layer whose tops have other names; a fully connected layer, yes.
    assert inception(read).dreamable() == {"left/1x1": 2, "right/1x1": 2, "output": 4, "loss": 5, "prob": 5}


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("left/1x", "there is no layer 'left/1x' in this net: did you mean left/1x1"),
        ("outptu", "did you mean output"),
        ("zzzzzzzz", "`dreamify keys` lists the layers"),
        ("left/relu", "layer left/relu has no blob of its own name to dream on: use left/1x1"),
        ("halves", "layer halves: `dreamify keys` lists"),
        ("data_data_0_split", "cannot dream on layer data_data_0_split"),
    ],
)
def test_check_end_refuses(read, end, says):
    with pytest.raises(UsageError, match=says):
        inception(read).check_end(end)


def test_check_end_accepts_what_is_dreamable(read):
    topology = inception(read)
    for end in topology.dreamable():
        topology.check_end(end)


def test_shapes_at_another_size(read):
    topology = inception(read)
    shapes = topology.shapes_at(5, 7, "output")
    assert (shapes["data"], shapes["left/1x1"], shapes["output"]) == ((1, 3, 5, 7), (1, 2, 5, 7), (1, 4, 5, 7))
    with pytest.raises(ShapeError, match="loss works only at the picture size"):
        topology.shapes_at(5, 7, "prob")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("4c", "4c/output, 4c/pool"), ("4c_output", "4c/output"), ("4d/output", "4c/output"), ("", "keys")],
)
def test_the_nearest_names_are_layers_to_dream_on_and_a_modules_output_comes_first(read, typed, meant):
    text = input_layer((1, 3, 8, 8)) + "".join(
        layer(name, "ReLU", bottom)
        for name, bottom in (("4c/pool", "data"), ("4c/output", "4c/pool"), ("x", "4c/pool"))
    )
    with pytest.raises(UsageError, match=f"there is no layer '{typed}' in this net: .*{meant}"):
        read(text).check_end(typed)


def joined(*more):
    """Two convolutions, one rectified and dropped out in place and one aside, and what is joined of them."""
    return (
        input_layer((1, 3, 4, 4))
        + layer("one", "Convolution", "data", param=CONVOLUTION)
        + layer("relu_one", "ReLU", "one", "one")
        + layer("drop", "Dropout", "one", "one")
        + layer("two", "Convolution", "data", param=CONVOLUTION.replace("2", "3"))
        + layer("relu_two", "PReLU", "two")
        + layer("both", "Concat", "one relu_two")
        + "".join(more)
    )


@pytest.mark.parametrize(
    ("layer_name", "channel", "source"),
    [
        ("both", 0, ("one", 0)),
        ("both", 1, ("one", 1)),
        ("both", 2, ("two", 0)),
        ("both", 4, ("two", 2)),
        ("relu_two", 1, ("two", 1)),
        ("one", 1, ("one", 1)),
        ("again", 6, ("two", 1)),  # a join of joins, one of which is read twice
        ("pool", 3, ("pool", 3)),
        ("deep", 5, ("deep", 5)),
    ],
)
def test_the_source_of_a_channel(read, layer_name, channel, source):
    text = joined(
        layer("again", "Concat", "relu_two both"),
        layer("pool", "Pooling", "both", param="pooling_param { kernel_size: 2 stride: 2 }"),
        layer("deep", "Concat", "both one", param="concat_param { axis: 2 }").replace("one", "both"),
    )
    assert read(text).channel_source(layer_name, channel) == source


@pytest.mark.parametrize(
    ("end", "classifier"),
    [
        (layer("fc", "InnerProduct", "both", param="inner_product_param { num_output: 9 }"), "fc"),
        (
            layer("fc", "InnerProduct", "both", param="inner_product_param { num_output: 9 }")
            + layer("drop_fc", "Dropout", "fc")
            + layer("relu", "ReLU", "drop_fc", "drop_fc"),
            "fc",
        ),
        (layer("pool", "Pooling", "both", param="pooling_param { pool: AVE global_pooling: true }"), "pool"),
    ],
)
def test_the_classifier_is_what_the_softmax_reads(read, end, classifier):
    last = read(joined(end)).outputs[-1]
    more = layer("prob", "Softmax", last) + layer("copy", "Power", last)  # which puts a Split before it
    assert read(joined(end, more)).classifier() == classifier


def test_a_net_without_a_softmax_tells_no_classes(read):
    with pytest.raises(UsageError, match=r"Softmax.* no classes: .*--channel LAYER:N"):
        read(joined()).classifier()
