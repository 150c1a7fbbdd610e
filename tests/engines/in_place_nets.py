"""Nets of which one layer works in place, of every type: those that keep the shape, and those that would change it."""

from tests.helpers.nets import input_layer, layer

# Layer types and parameters by which a blob of 1x3x5x6 keeps its shape.
KEEP = {
    "Convolution": ["convolution_param { num_output: 3 kernel_size: 3 pad: 1 }"],
    "Deconvolution": ["convolution_param { num_output: 3 kernel_size: 1 }"],
    "InnerProduct": ["inner_product_param { num_output: 6 axis: 3 }"],
    "Pooling": [f"pooling_param {{ pool: {pool} kernel_size: 3 stride: 1 pad: 1 }}" for pool in ("MAX", "AVE")],
    "LRN": [
        "lrn_param { alpha: 0.5 }",
        "lrn_param { alpha: 0.5 beta: 0.6 }",
        "lrn_param { alpha: 0.5 local_size: 3 norm_region: WITHIN_CHANNEL }",
    ],
    "Concat": [""],
    "Slice": [""],
    "ReLU": ["", "relu_param { negative_slope: 0.25 }"],
    "PReLU": [""],
    "Sigmoid": [""],
    "TanH": [""],
    "Power": ["power_param { power: 2 scale: 0.5 shift: 1 }"],
    "Dropout": [""],
    "BatchNorm": [""],
    "Scale": ["scale_param { bias_term: true }"],
    "Softmax": [""],
    "Eltwise": [
        "eltwise_param { operation: SUM coeff: 2 coeff: -0.5 }",
        "eltwise_param { operation: PROD }",
        "eltwise_param { operation: PROD stable_prod_grad: false }",
        "eltwise_param { operation: MAX }",
    ],
    "Crop": ["crop_param { axis: 2 offset: 0 }"],
    "AbsVal": [],
    "ArgMax": ["argmax_param { axis: 1 top_k: 3 }"],
    "Axpy": [],
    "BNLL": [""],
    "Bias": ["", "bias_param { axis: 0 } two bottoms"],
    "ELU": ["elu_param { alpha: 0.5 }"],
    "Exp": ["exp_param { scale: 0.5 }"],
    "Log": ["log_param { shift: 1000 }"],
    "MVN": ["mvn_param { eps: 0.1 }"],
    "Normalize": ["norm_param { across_spatial: false channel_shared: false }"],
    "Permute": ["permute_param { order: 0 order: 1 }"],
    "ShuffleChannel": ["shuffle_channel_param { group: 3 }"],
    "Swish": ["swish_param { beta: 2 }"],
    "Threshold": [""],
    "Clip": ["clip_param { min: -1000 max: 1000 }"],  # in place its diff is by what it has written, in Caffe as here
}
# Those by which it does not, and those that Caffe allows in no case.
CHANGE = {
    "Convolution": [
        "convolution_param { num_output: 3 kernel_size: 3 }",
        "convolution_param { num_output: 4 kernel_size: 1 }",
    ],
    "Deconvolution": ["convolution_param { num_output: 3 kernel_size: 2 stride: 2 }"],
    "InnerProduct": ["inner_product_param { num_output: 90 }"],
    "Pooling": [
        *(f"pooling_param {{ pool: {pool} kernel_size: 2 stride: 2 }}" for pool in ("MAX", "AVE")),
        "pooling_param { global_pooling: true }",
    ],
    "Concat": ["two bottoms"],
    "Slice": ["slice_param { axis: 3 } two tops"],
    "Crop": ["crop_param { axis: 1 offset: 0 }"],
    "Flatten": ["", "flatten_param { axis: 1 end_axis: 1 }"],
    "Reshape": ["reshape_param { shape { dim: 0 dim: -1 } }", "reshape_param { shape { dim: 0 } num_axes: 1 }"],
    "Split": ["", "two tops"],
    "AbsVal": [""],
    "ArgMax": ["argmax_param { axis: 1 }"],
    "Permute": ["permute_param { order: 0 order: 2 }"],
    "Reduction": ["reduction_param { axis: 1 }"],
    "Tile": ["tile_param { tiles: 2 }", "tile_param { tiles: 1 }"],
    "SoftmaxWithLoss": [""],
}
LABELS = layer("labels", "Convolution", "data", param="convolution_param { num_output: 1 kernel_size: 1 }")
START = input_layer((1, 3, 5, 6)) + "".join(
    layer(name, "Convolution", "data", param=f"convolution_param {{ num_output: {channels} kernel_size: 1 }}")
    for name, channels in (("a", 3), ("b", 3), ("c", 2))
)


def cases(table):
    """(layer type, parameters) each."""
    return [(kind, param) for kind, params in table.items() for param in params]


def net(kind, param, in_place):
    """The prototxt of a net that ends in the layer `end`, with one of this type before it, `it`."""
    bottoms = "a b" if kind == "Eltwise" or "two bottoms" in param else "a"
    if kind == "Crop":
        bottoms = "a c" if "axis: 1" in param else "a b"
    if kind == "SoftmaxWithLoss":
        bottoms = "a labels"
    tops = ("a" if in_place else "y") + (" z" if "two tops" in param else "")
    param = param.replace("two tops", "").replace("two bottoms", "")
    labels = LABELS if kind == "SoftmaxWithLoss" else ""
    return START + labels + layer("it", kind, bottoms, tops, param) + layer("end", "TanH", tops.split()[0])
