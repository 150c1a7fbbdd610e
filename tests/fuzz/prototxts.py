"""Damaged prototxts, with weights that fit where they declare a net after all: the damage is to reach the layers."""

from math import prod

import numpy as np
from google.protobuf import text_format

from deepdream.caffe_format import schema
from deepdream.caffe_format.topology import read_topology
from deepdream.errors import DreamError
from deepdream.modelzoo.caffemodel import net_parameter
from tests.engines.random_nets import random_net
from tests.fuzz import damage
from tests.helpers.nets import input_layer, layer, random_weights, write_net
from tests.helpers.tiny import TEXT, tiny_picture

MOST_WEIGHTS = 10**6  # numbers, beyond which the weights stay those of the undamaged net

# Every layer type between them, on colour pictures.
SEEDS = [
    TEXT,
    input_layer((1, 3, 20, 20))
    + layer("conv", "Convolution", "data", param="convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 }")
    + layer("bn", "BatchNorm", "conv", "conv", "batch_norm_param { use_global_stats: true eps: 0.01 }")
    + layer("scale", "Scale", "conv", "conv", "scale_param { bias_term: true }")
    + layer("relu", "ReLU", "conv", "conv", "relu_param { negative_slope: 0.1 }")
    + layer("norm", "LRN", "conv", param="lrn_param { local_size: 5 alpha: 0.01 beta: 0.75 k: 2 }")
    + layer("within", "LRN", "norm", param="lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }")
    + layer("cut", "Slice", "within", "a b", "slice_param { axis: 1 slice_point: 2 }")
    + layer("prelu", "PReLU", "a", "a")
    + layer("tanh", "TanH", "b")
    + layer("join", "Concat", "a tanh")
    + layer("sum", "Eltwise", "join within", param="eltwise_param { operation: SUM coeff: 1 coeff: -0.5 }")
    + layer("max", "Eltwise", "sum join", param="eltwise_param { operation: MAX }"),
    input_layer((1, 3, 16, 16))
    + layer(
        "depth", "Convolution", "data", param="convolution_param { num_output: 6 group: 3 kernel_size: 3 dilation: 2 }"
    )
    + layer("clip", "Clip", "depth", "depth", "clip_param { min: 0 max: 6 }")
    + layer("up", "Deconvolution", "depth", param="convolution_param { num_output: 4 kernel_size: 2 stride: 2 }")
    + layer("pool", "Pooling", "up", param="pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }")
    + layer("small", "Crop", "pool depth", param="crop_param { axis: 2 offset: 1 offset: 1 }")
    + layer("power", "Power", "small", param="power_param { power: 2 scale: 0.5 shift: 1 }")
    + layer("sigmoid", "Sigmoid", "power")
    + layer("split", "Split", "sigmoid", "s t")
    + layer("product", "Eltwise", "s t", param="eltwise_param { operation: PROD }")
    + layer("drop", "Dropout", "product", "product", "dropout_param { dropout_ratio: 0.5 }"),
    input_layer((1, 3, 12, 12))
    + layer("pool", "Pooling", "data", param="pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }")
    + layer("turn", "Reshape", "pool", param="reshape_param { shape { dim: 0 dim: -1 } axis: 1 }")
    + layer("back", "Reshape", "turn", param="reshape_param { shape { dim: 0 dim: 3 dim: 7 dim: -1 } }")
    + layer("flat", "Flatten", "back", param="flatten_param { axis: 1 }")
    + layer("fc", "InnerProduct", "flat", param="inner_product_param { num_output: 7 axis: 1 }")
    + layer("prob", "Softmax", "fc", param="softmax_param { axis: 1 }"),
    'name: "old" input: "data" input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16\n'
    'layers { bottom: "data" top: "c" name: "c" type: CONVOLUTION convolution_param { num_output: 4 kernel_size: 3 }}\n'
    'layers { bottom: "c" top: "c" name: "r" type: RELU }\n'
    'layers { bottom: "c" top: "n" name: "n" type: LRN lrn_param { local_size: 3 } include { phase: TEST } }\n'
    'layers { bottom: "n" top: "p" name: "p" type: POOLING pooling_param { kernel_size: 2 stride: 2 pool: MAX } }\n',
]


def make(random, folder):
    """Writes a case into an empty folder, and returns what is run on it: (name, arguments) each."""
    text = random.choice(SEEDS) if random.random() < 0.75 else random_net(random.randrange(300))
    model = folder / "model"
    model.mkdir()
    write_net(model, text)
    (model / "deploy.prototxt").write_bytes(_damaged(random, text))
    _fit_weights(model)
    tiny_picture(folder / "in.png", 24, 20)
    return commands(random, model)


def _damaged(random, text):
    way = random.random()
    if way < 0.45:
        return damage.in_text(random, text, SEEDS)
    net = text_format.Parse(text, schema.NetParameter(), allow_unknown_field=True)
    if way > 0.85:
        _work_in_place(random, net.layer or net.layers)
    if way < 0.9:
        damage.in_message(random, net)
    return text_format.MessageToString(net).encode()


def _work_in_place(random, layers):
    """Has one to three layers write over what they read, and those behind read it from there."""
    for _ in range(random.choice((1, 1, 2, 3))):
        number = random.randrange(len(layers))
        layer = layers[number]
        if not (layer.bottom and layer.top):
            continue
        bottom, top = random.choice(layer.bottom), random.randrange(len(layer.top))
        before, layer.top[top] = layer.top[top], bottom
        for later in layers[number + 1 :]:
            for names in (later.bottom, later.top):
                names[:] = [bottom if name == before else name for name in names]


def commands(random, model):
    """A dream on one of the model's layers and, where it has few numbers, all of them there and back."""
    try:
        topology = read_topology(model / "deploy.prototxt")
    except DreamError:
        return [("dreamify", ["keys", "--model", str(model)])]
    names = list(topology.dreamable())
    end = random.choice(names) if names else "inception_4c/output"
    more = random.choice([[]] * 4 + [["--precision", "float64"]] * 2 + [["--class", "1"], ["--channel", f"{end}:1"]])
    short = ["--iterations", "2", "--octaves", "1", "--seed", "1", "--memory", "700M", "--model", str(model)]
    layer_named = [] if more[:1] in (["--class"], ["--channel"]) else ["--layer", end]
    return [
        ("dreamify", ["in.png", "out.png", *layer_named, *more, *short]),
        ("there_and_back", [str(model), random.choice(("all", "needed")), random.choice(("float32", "float64"))]),
    ]


def _fit_weights(model):
    """Weights for the net that a prototxt declares, where it does and they are not too many."""
    try:
        topology = read_topology(model / "deploy.prototxt")
    except DreamError:
        return
    shapes = [shape for shapes in topology.param_shapes.values() for shape in shapes]
    if sum(map(prod, shapes)) <= MOST_WEIGHTS:
        weights = {**random_weights(topology), "of the training net": [np.zeros(1, np.float32)]}
        (model / "net.caffemodel").write_bytes(net_parameter(weights).SerializeToString())
