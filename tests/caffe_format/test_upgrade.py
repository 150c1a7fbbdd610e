"""What Caffe makes of old and training prototxts, and what Caffe's branches write into them."""

import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.errors import DreamError
from tests.helpers.nets import input_layer, layer, write_prototxt

INPUT = input_layer((1, 3, 9, 9))
CONV = layer("conv", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 %s }")
POOL = layer("pool", "Pooling", "data", param="pooling_param { kernel_size: 2 stride: 2 %s }")


@pytest.fixture
def read(tmp_path):
    return lambda text: read_topology(write_prototxt(tmp_path, text))


@pytest.mark.parametrize(
    ("field", "size"), [("", 5), ("ceil_mode: true", 5), ("ceil_mode: false", 4), ("round_mode: FLOOR", 4)]
)
def test_rounding(read, field, size):
    assert read(INPUT + POOL % field).shapes["pool"] == (1, 3, size, size)


def test_roundings_that_contradict_each_other(read):
    with pytest.raises(DreamError, match=r"layer pool .*ceil_mode and a round_mode that contradict"):
        read(INPUT + POOL % "ceil_mode: true round_mode: FLOOR")


@pytest.mark.parametrize("field", ["hole: 2", "hole_h: 2 hole_w: 2", "dilation: 2"])
def test_the_hole_of_deeplab_is_a_dilation(read, field):
    assert read(INPUT + CONV % field).shapes["conv"] == (1, 2, 5, 5)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("strides: 2", r"unknown field convolution_param.strides: did you mean stride"),
        ("quantization_param { bits: 8 }", "unknown field convolution_param.quantization_param"),
        ("relu: true", "unknown field convolution_param.relu"),
    ],
)
def test_an_unknown_field_is_refused(read, field, says):
    with pytest.raises(DreamError, match=rf"layer conv \(Convolution\) has an {says}"):
        read(INPUT + CONV % field)


def test_an_unknown_field_of_the_layer_or_of_the_net(read):
    text = layer("pool", "Pooling", "data", param="poling_param { kernel_size: 2 }")
    with pytest.raises(DreamError, match=r"layer pool .*unknown field poling_param: did you mean pooling_param"):
        read(INPUT + text)
    with pytest.raises(DreamError, match=r"it has an unknown field layrs: did you mean layers or layer\?"):
        read(INPUT + "layrs { }")


def test_an_unknown_value_is_refused(read):
    with pytest.raises(DreamError, match=r"layer pool .*pooling_param.pool: MIN, which is not one of AVE, MAX"):
        read(INPUT + POOL % "pool: MIN")


def test_an_unknown_field_behind_does_not_matter(read):
    topology = read(INPUT + POOL % "" + layer("bad", "Pooling", "pool", param="pooling_param { size: 2 }"))
    assert list(topology.dreamable()) == ["pool"]
    with pytest.raises(DreamError, match=r"layer bad .*unknown field"):
        topology.check_end("bad")


def test_fields_without_effect_are_passed_over(read):
    text = (
        CONV % 'weight_filler { type: "xavier" odd: 1 } bias_filler { } engine: CUDNN cudnn_convolution_algo_seeker: 1'
    )
    text = text.replace(
        "convolution_param", "param { lr_mult: 1 decay_mult: 0 } forward_type: FLOAT16 convolution_param"
    )
    assert read('debug_info: false name: "x"' + INPUT + text).shapes["conv"] == (1, 2, 7, 7)


def test_the_last_of_two_values_counts_and_messages_are_merged(read):
    text = CONV % "stride: 2" + ""
    text = text.replace("convolution_param {", "convolution_param { pad_h: 1 pad_w: 1 } convolution_param { pad_h: 2")
    assert read("force_backward: true force_backward: false\n" + INPUT + text).shapes["conv"] == (1, 2, 6, 5)


TRAIN_VAL = (
    'layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } data_param { source: "a" } }\n'
    'layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }\n'
    '  transform_param { crop_size: 27 mirror: false mean_file: "x" } data_param { source: "b" batch_size: 50 } }\n'
    + CONV % ""
    + layer("fc", "InnerProduct", "conv", param="inner_product_param { num_output: 5 }")
    + layer("accuracy", "Accuracy", "fc label", param="include { phase: TEST }")
    + layer("loss", "SoftmaxWithLoss", "fc label")
)


def test_a_training_net(read):
    topology = read(TRAIN_VAL)
    assert topology.inputs == ["data"]
    assert topology.shapes["data"] == (1, 3, 27, 27)
    assert list(topology.dreamable()) == ["conv", "fc"]
    assert list(topology.left_out) == ["accuracy", "loss"]
    assert "reads blob label, but no earlier layer writes it" in topology.left_out["loss"]


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ('type: "ImageData" image_data_param { new_height: 30 new_width: 40 }', (1, 3, 30, 40)),
        ('type: "ImageData" image_data_param { is_color: false crop_size: 11 }', (1, 1, 11, 11)),
        ('type: "MemoryData" memory_data_param { batch_size: 1 channels: 3 height: 8 width: 12 }', (1, 3, 8, 12)),
        ('type: "Data"', (1, 3, 224, 224)),
    ],
)
def test_data_layers(read, data, shape):
    topology = read(f'layer {{ name: "data" top: "data" {data} }}' + layer("relu", "ReLU", "data"))
    assert topology.shapes["data"] == shape


def test_the_stages_that_a_net_names(read):
    text = 'state { stage: "deploy" }' + INPUT
    for name, rule in (("a", 'include { stage: "deploy" }'), ("b", 'include { not_stage: "deploy" }')):
        text += layer(name, "ReLU", "data", param=rule)
    assert list(read(text).dreamable()) == ["a"]


def test_the_format_of_2013(read):
    topology = read(
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9\n'
        'layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "pad" }\n'
        'layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 3 stride: 2 group: 1 biasterm: false\n'
        '  weight_filler { type: "gaussian" } blobs_lr: 1. } bottom: "pad" top: "conv" }\n'
        'layers { layer { name: "norm" type: "lrn" local_size: 3 alpha: 0.5 beta: 0.75 } bottom: "conv" top: "norm" }\n'
        'layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.5 } bottom: "norm" top: "norm" }\n'
        'layers { layer { name: "fc" type: "innerproduct" num_output: 7 } bottom: "norm" top: "fc" }\n'
        'layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }\n'
    )
    assert [spec.type for spec in topology.layers[1:]] == [
        *("Convolution", "LRN", "Dropout", "InnerProduct", "Softmax"),
    ]
    assert topology.shapes["conv"] == (1, 4, 6, 6)
    assert topology.param_shapes["conv"] == [(4, 3, 3, 3)]
    assert (topology.layers[2].param.lrn_param.local_size, topology.layers[2].param.lrn_param.alpha) == (3, 0.5)


def test_a_field_of_2013_that_does_not_belong_to_its_type(read):
    with pytest.raises(DreamError, match=r"layer relu \(ReLU\) has a field kernelsize"):
        read(
            'input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9\n'
            'layers { layer { name: "relu" type: "relu" kernelsize: 3 } bottom: "data" top: "relu" }\n'
        )


def test_the_picture_is_the_input_with_three_channels(read):
    topology = read(
        'input: "info" input_shape { dim: 1 dim: 3 } input: "data" '
        + "input_shape { dim: 1 dim: 3 dim: -1 dim: -1 }"
        + layer("relu", "ReLU", "data")
    )
    assert topology.inputs == ["data", "info"]
    assert topology.shapes["data"] == (1, 3, 224, 224)
