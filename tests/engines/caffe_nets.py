"""The nets of test_beside_caffe.py: between them every layer type, and the parameters that are easy to get wrong."""

from tests.engines.torch.small_net import NET
from tests.helpers.nets import input_layer, layer


def fan(kind, field, params, shape=(1, 4, 7, 8)):
    """One layer of a type for each of the parameters, all on the same input."""
    layers = (layer(f"{kind.lower()}{i}", kind, "data", param=f"{field} {{ {p} }}") for i, p in enumerate(params))
    return input_layer(shape) + "".join(layers)


POOLINGS = [
    "kernel_size: 3 stride: 2",
    "kernel_size: 3 stride: 1 pad: 1",
    "kernel_size: 2 stride: 2 pad: 1",
    "kernel_size: 3 stride: 2 pad: 2",
    "kernel_size: 4 stride: 3 pad: 3",
    "kernel_h: 2 kernel_w: 1 pad_h: 1 pad_w: 0 stride: 2",
    "kernel_h: 3 kernel_w: 5 stride_h: 2 stride_w: 3 pad_h: 0 pad_w: 4",
    "kernel_size: 3 stride: 2 round_mode: FLOOR",
    "kernel_size: 3 stride: 5 pad: 2 round_mode: FLOOR",
    "kernel_size: 9 stride: 3 pad: 1",
    "global_pooling: true",
]
CONVOLUTIONS = [
    "num_output: 6 kernel_size: 3 pad: 1 stride: 2",
    "num_output: 6 kernel_size: 3 dilation: 2 pad: 3 group: 2",
    "num_output: 4 kernel_h: 1 kernel_w: 4 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 2 group: 4",
    "num_output: 2 kernel_size: 2 kernel_size: 3 dilation: 1 dilation: 2 bias_term: false",
]
ELEMENTWISE = [
    ("ReLU", ""),
    ("ReLU", "relu_param { negative_slope: 0.25 }"),
    ("ReLU", "relu_param { negative_slope: -0.5 }"),
    ("PReLU", ""),
    ("PReLU", "prelu_param { channel_shared: true }"),
    ("Clip", "clip_param { min: -1 max: 2 }"),
    ("Sigmoid", ""),
    ("TanH", ""),
    ("Dropout", "dropout_param { dropout_ratio: 0.3 }"),
    ("BatchNorm", "batch_norm_param { eps: 0.01 }"),
    ("Scale", "scale_param { bias_term: true }"),
    ("Scale", "scale_param { axis: 2 num_axes: 1 }"),
    ("Scale", "scale_param { num_axes: 0 bias_term: true }"),
]
POWERS = [
    "",
    "power: 2 shift: 1",
    "power: 3 scale: 0.5 shift: 9",
    "power: 0",
    "scale: 0 power: 2 shift: 3",
    "scale: -2",
]


def elementwise(in_place):
    """A branch for each layer, its own behind a 1x1 convolution so that the layer can work in place."""
    text = input_layer((2, 4, 3, 5))
    for i, (kind, param) in enumerate(ELEMENTWISE):
        text += layer(f"conv{i}", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 1 }")
        text += layer(f"layer{i}", kind, f"conv{i}", f"conv{i}" if in_place else f"top{i}", param)
    return text


NETS = {
    "convolution": fan("Convolution", "convolution_param", CONVOLUTIONS, (2, 4, 7, 8)),
    "deconvolution": fan("Deconvolution", "convolution_param", CONVOLUTIONS, (2, 4, 5, 6)),
    "max pooling": fan("Pooling", "pooling_param", POOLINGS),
    "mean pooling": fan("Pooling", "pooling_param", ["pool: AVE " + p for p in POOLINGS]),
    "lrn": fan(
        *("LRN", "lrn_param"),
        ["", "alpha: 0.5 beta: 0.75 k: 2", "local_size: 3 alpha: 0.3 beta: 0.4", "local_size: 1 alpha: 1 beta: 1"]
        + [
            f"norm_region: WITHIN_CHANNEL local_size: {n} alpha: 0.5 beta: {b}"
            for n, b in ((3, 0.75), (5, 0.6), (1, 1))
        ],
        (2, 6, 7, 8),
    ),
    "elementwise": elementwise(in_place=False),
    "elementwise in place": elementwise(in_place=True),
    "overwritten top": input_layer((2, 4, 3, 5))
    + "".join(
        layer(f"relu{i}", "ReLU", "data") + layer(f"scale{i}", kind, f"relu{i}", f"relu{i}", param)
        for i, (kind, param) in enumerate(
            [("Scale", "scale_param { bias_term: true }"), ("Softmax", ""), ("BatchNorm", ""), ("PReLU", "")]
        )
    ),
    "power": fan("Power", "power_param", POWERS),
    "eltwise": input_layer((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5))
    + "".join(
        layer(f"eltwise{i}", "Eltwise", bottoms, param=f"eltwise_param {{ operation: {operation} }}")
        for i, (bottoms, operation) in enumerate(
            (bottoms, operation)
            for bottoms in ("data data1", "data data1 data2", "data2 data1 data")
            for operation in ("MAX", "SUM", "PROD")
        )
    )
    + layer("weighted", "Eltwise", "data data1", param="eltwise_param { coeff: 2 coeff: -0.5 }"),
    "unstable product": input_layer((2, 3, 4, 5), (2, 3, 4, 5))
    + layer("y", "Eltwise", "data data1", param="eltwise_param { operation: PROD stable_prod_grad: false }"),
    "arrangement": input_layer((2, 6, 4, 5), (1, 1, 3, 2))
    + layer("slice", "Slice", "data", "a b c", "slice_param { slice_point: 1 slice_point: 4 }")
    + layer("halves", "Slice", "data", "d e", "slice_param { axis: 2 }")
    + layer("concat", "Concat", "c a b a")
    + layer("stack", "Concat", "d e", param="concat_param { axis: 0 }")
    + layer("flat", "Flatten", "concat", param="flatten_param { axis: 2 }")
    + layer("anew", "Reshape", "flat", param="reshape_param { shape { dim: 0 dim: -1 dim: 1 } num_axes: 2 }")
    + layer("crop", "Crop", "data data1", param="crop_param { offset: 1 offset: 2 }")
    + layer("crop_channels", "Crop", "concat data1", param="crop_param { axis: 1 offset: 0 }"),
    "shared weights": input_layer((2, 3, 4, 5))
    + "".join(
        layer(
            name,
            "Convolution",
            bottom,
            param='convolution_param { num_output: 3 kernel_size: 1 } param { name: "w" } param { name: "b" }',
        )
        for name, bottom in (("one", "data"), ("two", "one"), ("three", "data"))
    )
    + layer("sum", "Eltwise", "two three"),
    "statistics": fan("Reduction", "reduction_param", ["", "axis: 2 operation: SUMSQ", "operation: ASUM axis: -1"]),
    "two bottoms": input_layer((2, 3, 4, 5), (2, 3, 4, 5))
    + layer("both", "Convolution", "data data1", "p q", "convolution_param { num_output: 3 kernel_size: 1 }")
    + layer("gate", "Reduction", "data", param="reduction_param { axis: 2 operation: MEAN }")
    + layer("scale", "Scale", "p gate", "p", "scale_param { axis: 0 }")
    + layer("bias", "Bias", "q gate", "q", "bias_param { axis: 0 }"),
    "fully connected": input_layer((3, 4, 2, 3))
    + layer("fc", "InnerProduct", "data", param="inner_product_param { num_output: 5 }")
    + layer("prelu", "PReLU", "fc", "fc")
    + layer("norm", "BatchNorm", "fc", "fc")
    + layer("scale", "Scale", "fc", "fc", "scale_param { bias_term: true }")
    + layer(
        "turned", "InnerProduct", "fc", param="inner_product_param { num_output: 4 transpose: true bias_term: false }"
    )
    + layer("prob", "Softmax", "turned")
    + layer("rows", "InnerProduct", "data", param="inner_product_param { num_output: 3 axis: 3 }")
    + layer("all", "InnerProduct", "data", param="inner_product_param { num_output: 3 axis: 0 }")
    + layer("softmax", "Softmax", "data")
    + layer("softmax_rows", "Softmax", "rows", param="softmax_param { axis: 3 }"),
    "small googlenet": NET,
    "old form": (
        'name: "old" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'
        'layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" blobs_lr: 1 blobs_lr: 2\n'
        "  convolution_param { num_output: 4 kernel_size: 3 } }\n"
        'layers { name: "relu" type: RELU bottom: "conv" top: "conv" }\n'
        'layers { name: "train" type: DROPOUT bottom: "conv" top: "conv" include { phase: TRAIN } }\n'
        'layers { name: "norm" type: LRN bottom: "conv" top: "norm" lrn_param { local_size: 3 } }\n'
        'layers { name: "pool" type: POOLING bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }\n'
        'layers { name: "fc" type: INNER_PRODUCT bottom: "pool" top: "fc" inner_product_param { num_output: 3 } }\n'
        'layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }\n'
    ),
}

# The pictures of these nets are no whole numbers: no two are alike, and nothing hangs on a tie.
WITHOUT_TIES = (
    "convolution",
    "deconvolution",
    "lrn",
    "unstable product",
    "fully connected",
    "small googlenet",
    "old form",
)

# One pass from the last layer, unless several follow each other here, by layer and size of the picture. Each finds the
# diffs that those before it have left, in blobs that shrink and grow, as the octaves of a dream make them.
PASSES = {
    "small googlenet": [
        ("prob", (9, 11)),
        ("left", (9, 11)),
        ("mix", (6, 7)),
        ("left", (5, 8)),
        ("right", (12, 13)),
        ("conv/relu", (10, 9)),
        ("pool_proj", (10, 14)),
        ("left", (10, 14)),
        ("prob", (9, 11)),
    ]
}
