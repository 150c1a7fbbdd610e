"""Each Caffe layer's rule for shapes, the numbers worked by hand."""

import math

import pytest

from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.caffe_format.topology import read_topology
from deepdream.errors import DreamError
from tests.helpers.nets import input_layer, layer, write_prototxt


@pytest.fixture
def infer(tmp_path):
    """(tops, parameters) of one layer of a type, on bottoms of these shapes, with tops named a, b, ..."""

    def infer(kind, bottoms, param="", tops=1):
        names = " ".join(f"data{i or ''}" for i in range(len(bottoms)))
        text = input_layer(*bottoms) + layer("layer", kind, names, " ".join("abcd"[:tops]), param)
        topology = read_topology(write_prototxt(tmp_path, text))
        return [topology.shapes[name] for name in "abcd"[:tops]], topology.param_shapes["layer"]

    return infer


@pytest.mark.parametrize(
    ("param", "top"),
    [
        ("kernel_size: 3 stride: 2", (112, 112)),  # 224: 221/2 up to 111, + 1; 225: 222/2 is 111, + 1
        ("kernel_size: 3 stride: 2 round_mode: FLOOR", (111, 112)),
        ("kernel_size: 3 stride: 1 pad: 1", (224, 225)),
        ("kernel_size: 2 stride: 2 pad: 1", (113, 113)),  # 225: 225/2 up to 113, + 1, less that at 226 = 225 + 1
        ("kernel_h: 5 kernel_w: 4 stride: 3", (74, 75)),
        (
            "kernel_size: 3 stride_h: 1 stride_w: 4 pad_h: 0 pad_w: 2",
            (222, 57),
        ),  # 226/4 up to 57, + 1, less that at 228
        # Only the height is padded, but Caffe then looks at both: the 16th window would start at column 225.
        ("kernel_h: 3 kernel_w: 1 stride_h: 1 stride_w: 15 pad_h: 1 pad_w: 0", (224, 15)),
        ("global_pooling: true pool: AVE", (1, 1)),
    ],
)
def test_pooling(infer, param, top):
    assert infer("Pooling", [(1, 3, 224, 225)], f"pooling_param {{ {param} }}") == ([(1, 3, *top)], [])


@pytest.mark.parametrize(
    ("kernel", "stride", "pad"),
    [(1, 1, 0), (2, 1, 0), (2, 1, 1), (2, 2, 0), (2, 2, 1), (3, 2, 0), (3, 2, 1), (3, 3, 1), (5, 2, 2), (5, 3, 4)],
)
def test_every_number_is_in_a_window_and_every_window_has_a_number(infer, kernel, stride, pad):
    for size in range(kernel, kernel + 9):
        param = f"pooling_param {{ kernel_size: {kernel} stride: {stride} pad: {pad} }}"
        (((_, _, count, _),), _) = infer("Pooling", [(1, 1, size, size)], param)
        starts = [i * stride - pad for i in range(count)]
        covered = {place for start in starts for place in range(start, start + kernel)}
        assert covered.issuperset(range(size))
        assert starts[-1] < size


CONVOLUTIONS = [
    ("kernel_size: 7 stride: 2 pad: 3", (112, 113), (7, 7)),  # (224 + 6 - 7) / 2 down to 111, + 1
    ("kernel_size: 3", (222, 223), (3, 3)),
    ("kernel_size: 3 dilation: 4", (216, 217), (3, 3)),  # a span of 4 * 2 + 1 = 9
    ("kernel_size: 3 kernel_size: 1 pad: 0 pad: 2 stride: 2 stride: 3 dilation: 2 dilation: 5", (110, 77), (3, 1)),
    ("kernel_h: 1 kernel_w: 2 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 0", (226, 112), (1, 2)),
]


@pytest.mark.parametrize(("param", "top", "kernel"), CONVOLUTIONS)
def test_convolution(infer, param, top, kernel):
    shapes = infer("Convolution", [(2, 6, 224, 225)], f"convolution_param {{ num_output: 4 {param} }}")
    assert shapes == ([(2, 4, *top)], [(4, 6, *kernel), (4,)])


def test_convolution_in_groups_without_bias(infer):
    param = "convolution_param { num_output: 4 kernel_size: 1 group: 2 bias_term: false }"
    assert infer("Convolution", [(1, 6, 3, 5)], param) == ([(1, 4, 3, 5)], [(4, 3, 1, 1)])


@pytest.mark.parametrize(
    ("param", "top", "weight"),
    [
        ("kernel_size: 4 stride: 2 pad: 1", (6, 10), (6, 4, 4, 4)),  # 2 * 2 + 4 - 2; 2 * 4 + 4 - 2
        ("kernel_size: 3 dilation: 2 group: 2", (7, 9), (6, 2, 3, 3)),  # 2 + 5; 4 + 5
        ("kernel_h: 1 kernel_w: 2 stride_h: 3 stride_w: 1", (7, 6), (6, 4, 1, 2)),
    ],
)
def test_deconvolution(infer, param, top, weight):
    shapes = infer("Deconvolution", [(1, 6, 3, 5)], f"convolution_param {{ num_output: 4 {param} }}")
    assert shapes == ([(1, 4, *top)], [weight, (4,)])


@pytest.mark.parametrize(
    ("kind", "bottoms", "param", "tops"),
    [
        ("Concat", [(2, 1, 4, 5), (2, 3, 4, 5)], "", [(2, 4, 4, 5)]),
        ("Concat", [(2, 3, 4, 5), (2, 3, 4, 1)], "concat_param { axis: -1 }", [(2, 3, 4, 6)]),
        ("Concat", [(2, 3), (5, 3)], "concat_param { concat_dim: 0 }", [(7, 3)]),
        ("Slice", [(2, 6, 4, 5)], "", [(2, 2, 4, 5)] * 3),
        ("Slice", [(2, 6, 4, 5)], "slice_param { slice_point: 1 slice_point: 3 }", [(2, n, 4, 5) for n in (1, 2, 3)]),
        ("Slice", [(2, 6, 4, 5)], "slice_param { slice_dim: 2 }", [(2, 6, 2, 5)] * 2),
        ("Split", [(2, 3)], "", [(2, 3)] * 4),
        ("Eltwise", [(2, 3), (2, 3)], "", [(2, 3)]),
        ("Flatten", [(2, 3, 4, 5)], "", [(2, 60)]),
        ("Flatten", [(2, 3, 4, 5)], "flatten_param { axis: 0 end_axis: -2 }", [(24, 5)]),
        ("Reshape", [(2, 3, 4, 5)], "reshape_param { shape { dim: 0 dim: -1 } }", [(2, 60)]),
        ("Reshape", [(2, 3, 4, 5)], "reshape_param { shape { dim: 6 dim: -1 dim: 0 } }", [(6, 5, 4)]),
        ("Reshape", [(2, 3, 4, 5)], "reshape_param { shape { dim: -1 dim: 2 } axis: 1 num_axes: 2 }", [(2, 6, 2, 5)]),
        ("Reshape", [(2, 3, 4, 5)], "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", [(2, 3, 4, 5, 1)]),
        ("Crop", [(2, 3, 9, 9), (1, 1, 4, 5)], "", [(2, 3, 4, 5)]),
        ("Crop", [(2, 3, 9, 9), (1, 2, 9, 5)], "crop_param { axis: 1 offset: 1 offset: 0 offset: 4 }", [(2, 2, 9, 5)]),
        ("LRN", [(2, 3, 4, 5)], "", [(2, 3, 4, 5)]),
        ("Softmax", [(2, 3)], "", [(2, 3)]),
    ],
)
def test_layers_without_parameters(infer, kind, bottoms, param, tops):
    assert infer(kind, bottoms, param, len(tops)) == (tops, [])


@pytest.mark.parametrize(
    ("kind", "param", "top", "params"),
    [
        ("InnerProduct", "inner_product_param { num_output: 7 }", (2, 7), [(7, 60), (7,)]),
        ("InnerProduct", "inner_product_param { num_output: 7 transpose: true }", (2, 7), [(60, 7), (7,)]),
        ("InnerProduct", "inner_product_param { num_output: 7 axis: -2 bias_term: false }", (2, 3, 7), [(7, 20)]),
        ("Scale", "", (2, 3, 4, 5), [(3,)]),
        ("Scale", "scale_param { bias_term: true num_axes: 2 }", (2, 3, 4, 5), [(3, 4), (3, 4)]),
        ("Scale", "scale_param { axis: 2 num_axes: -1 }", (2, 3, 4, 5), [(4, 5)]),
        ("Scale", "scale_param { num_axes: 0 }", (2, 3, 4, 5), [()]),
        ("PReLU", "", (2, 3, 4, 5), [(3,)]),
        ("PReLU", "prelu_param { channel_shared: true }", (2, 3, 4, 5), [()]),
        ("BatchNorm", "", (2, 3, 4, 5), [(3,), (3,), (1,)]),
    ],
)
def test_layers_with_parameters(infer, kind, param, top, params):
    assert infer(kind, [(2, 3, 4, 5)], param) == ([top], params)


@pytest.mark.parametrize(
    ("kind", "bottoms", "param"),
    [
        ("Convolution", [(1, 3, 2, 9)], "convolution_param { num_output: 4 kernel_size: 3 }"),
        ("Convolution", [(1, 3, 4, 9)], "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 }"),
        ("Convolution", [(1, 3, 9, 9)], "convolution_param { num_output: 4 kernel_size: 1 group: 2 }"),
        ("Convolution", [(1, 3, 9, 9)], "convolution_param { num_output: 4 kernel_size: 1 stride: 0 }"),
        ("Deconvolution", [(1, 3, 9, 9)], "convolution_param { num_output: 4 kernel_size: 2 dilation: 0 }"),
        ("Convolution", [(9,)], "convolution_param { num_output: 4 kernel_size: 1 }"),
        ("Deconvolution", [(1, 3, 1, 1)], "convolution_param { num_output: 4 kernel_size: 2 pad: 1 }"),
        ("Pooling", [(1, 3, 2, 2)], "pooling_param { kernel_size: 5 stride: 2 }"),  # -3/2 rounds up to -1: none is left
        ("Pooling", [(1, 3, 9, 9)], "pooling_param { kernel_size: 2 pad: 2 }"),
        ("Pooling", [(1, 3, 9, 9)], "pooling_param { kernel_size: 2 stride: 0 }"),
        ("Concat", [(1, 3, 2, 2), (1, 3, 2, 3)], ""),
        ("Slice", [(1, 3, 2, 2)], "slice_param { slice_point: 4 }"),
        ("Eltwise", [(1, 3), (1, 4)], ""),
        ("Eltwise", [(1, 3), (1, 3)], "eltwise_param { coeff: 1 }"),
        ("Reshape", [(1, 3, 5)], "reshape_param { shape { dim: 2 dim: -1 } }"),
        ("Reshape", [(1, 3, 5)], "reshape_param { shape { dim: -1 dim: -1 } }"),
        ("Crop", [(1, 3, 5, 5), (1, 3, 4, 4)], "crop_param { offset: 2 }"),
        ("Crop", [(1, 3, 5, 5), (1, 3, 4, 4)], "crop_param { axis: 1 offset: 0 offset: 0 }"),
        ("Softmax", [(1, 3)], "softmax_param { axis: 2 }"),
        ("BatchNorm", [(3,)], ""),
        ("LRN", [(1, 3, 5)], ""),
        ("PReLU", [(3,)], "prelu_param { channel_shared: true }"),
        ("Scale", [(1, 3, 5)], "scale_param { axis: 2 num_axes: 2 }"),
        ("Flatten", [(1, 3, 5, 5)], "flatten_param { axis: 3 end_axis: 1 }"),
    ],
)
def test_what_does_not_fit(infer, kind, bottoms, param):
    tops = 2 if kind == "Slice" else 1
    shape = "x".join(map(str, bottoms[0]))
    with pytest.raises(DreamError, match=rf"layer layer \({kind}\) .* blobs of shape {shape}"):
        infer(kind, bottoms, param, tops)


@pytest.mark.parametrize(
    ("kind", "param", "what"),
    [
        ("LRN", "lrn_param { local_size: 4 }", "an even local_size"),
        ("BatchNorm", "batch_norm_param { use_global_stats: false }", "the statistics of the batch"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 1 axis: 2 }", "other than two spatial axes"),
        ("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }", "stochastic pooling"),
    ],
)
def test_what_is_not_supported(infer, kind, param, what):
    with pytest.raises(DreamError, match=rf"layer layer \({kind}\) uses {what}, which is not supported"):
        infer(kind, [(1, 4, 5, 5)], param)


def test_too_small_a_picture(tmp_path):
    pools = "".join(
        layer(
            f"pool{i + 1}", "Pooling", f"pool{i}" if i else "data", param="pooling_param { kernel_size: 3 stride: 2 }"
        )
        for i in range(3)
    )
    topology = read_topology(write_prototxt(tmp_path, input_layer((1, 3, 64, 64)) + pools))
    sizes = [64]
    for _ in range(3):
        sizes.append(math.ceil((sizes[-1] - 3) / 2) + 1)
    assert topology.shapes["pool3"] == (1, 3, sizes[-1], sizes[-1])
    assert topology.shapes_at(4, 64, "pool2")["pool2"] == (1, 3, 1, 16)  # 4, 2, 1
    with pytest.raises(ShapeError, match=r"layer pool3 \(Pooling\) .* empty .* 1x3x1x16"):
        topology.shapes_at(4, 64, "pool3")
