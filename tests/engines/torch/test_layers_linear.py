"""Convolution, Deconvolution and InnerProduct beside plain loops and finite differences."""

import numpy as np
import pytest
import torch

from tests.engines.torch.one_layer import backward, build, check_gradients, forward, normal

pytestmark = pytest.mark.usefixtures("one_thread")


def convolve(x, weight, bias, stride, pad, dilation, group):
    """Caffe's Convolution, one product at a time."""
    (count, _, height, width), (outputs, depth, kh, kw) = x.shape, weight.shape
    rows = (height + 2 * pad[0] - (dilation[0] * (kh - 1) + 1)) // stride[0] + 1
    columns = (width + 2 * pad[1] - (dilation[1] * (kw - 1) + 1)) // stride[1] + 1
    y = np.zeros((count, outputs, rows, columns)) + bias[:, None, None]
    for n, o, r, q, c, i, j in np.ndindex(count, outputs, rows, columns, depth, kh, kw):
        h, w = r * stride[0] - pad[0] + i * dilation[0], q * stride[1] - pad[1] + j * dilation[1]
        if 0 <= h < height and 0 <= w < width:
            y[n, o, r, q] += weight[o, c, i, j] * x[n, o // (outputs // group) * depth + c, h, w]
    return y


def deconvolve(x, weight, bias, stride, pad, dilation, group):
    """Caffe's Deconvolution: every number of the bottom adds its copy of the kernel to the top."""
    (count, channels, height, width), (_, depth, kh, kw) = x.shape, weight.shape
    rows = stride[0] * (height - 1) + dilation[0] * (kh - 1) + 1 - 2 * pad[0]
    columns = stride[1] * (width - 1) + dilation[1] * (kw - 1) + 1 - 2 * pad[1]
    y = np.zeros((count, depth * group, rows, columns)) + bias[:, None, None]
    for n, c, h, w, o, i, j in np.ndindex(count, channels, height, width, depth, kh, kw):
        r, q = h * stride[0] - pad[0] + i * dilation[0], w * stride[1] - pad[1] + j * dilation[1]
        if 0 <= r < rows and 0 <= q < columns:
            y[n, c // (channels // group) * depth + o, r, q] += weight[c, o, i, j] * x[n, c, h, w]
    return y


NARROW_AND_WIDE = (torch.float32, torch.float64)
CONVOLUTIONS = {
    "plain": ("kernel_size: 3", (3, 3), (1, 1), (0, 0), (1, 1), 1),
    "stride, pad": ("kernel_size: 3 stride: 2 pad: 1", (3, 3), (2, 2), (1, 1), (1, 1), 1),
    "dilation": ("kernel_size: 2 dilation: 2 pad: 1", (2, 2), (1, 1), (1, 1), (2, 2), 1),
    "groups": ("kernel_size: 1 group: 2", (1, 1), (1, 1), (0, 0), (1, 1), 2),
    "two numbers": (
        "kernel_size: 3 kernel_size: 2 stride: 1 stride: 2 pad: 2 pad: 0 dilation: 1 dilation: 2 group: 2",
        *((3, 2), (1, 2), (2, 0), (1, 2), 2),
    ),
    "sides by name": (
        "kernel_h: 1 kernel_w: 4 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 2",
        *((1, 4), (2, 1), (0, 2), (1, 1), 1),
    ),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize(("kind", "formula"), [("Convolution", convolve), ("Deconvolution", deconvolve)])
def test_convolutions(kind, formula, case, bias):
    text, kernel, stride, pad, dilation, group = CONVOLUTIONS[case]
    shape = (4, 4 // group) if kind == "Convolution" else (4, 2 * 2 // group)
    params = [normal(*shape, *kernel, seed=1), *([normal(4, seed=2)] if bias else [])]
    param = f"convolution_param {{ num_output: 4 bias_term: {str(bias).lower()} {text} }}"
    layer = build(kind, [(1, 4, 5, 3)], param, params)
    x = normal(1, 4, 5, 3)
    offsets = params[1] if bias else np.zeros(4)
    (y,) = forward(layer, x)
    np.testing.assert_allclose(y, formula(x, params[0], offsets, stride, pad, dilation, group), atol=1e-12)
    check_gradients(layer, x)


def test_convolution_of_a_batch():
    layer = build(
        "Convolution",
        [(2, 1, 3, 3)],
        "convolution_param { num_output: 1 kernel_size: 2 }",
        [np.ones((1, 1, 2, 2)), [5]],
    )
    x = np.arange(18.0).reshape(2, 1, 3, 3)
    (y,) = forward(layer, x)
    np.testing.assert_array_equal(y, [[[[13, 17], [25, 29]]], [[[49, 53], [61, 65]]]])
    check_gradients(layer, x)


@pytest.mark.parametrize("size", [(23, 30), (24, 29), (25, 31)])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(7, 2, 3), (3, 2, 0), (11, 4, 0), (5, 3, 2), (1, 2, 0), (4, 2, 5)]
)
def test_the_way_back_of_a_first_layer(kernel, stride, pad, size):
    """Its own form in float32, beside PyTorch's."""
    shape, arguments = (2, 3, *size), ((stride, stride), (pad, pad), (1, 1), False, (0, 0), 1)
    param = f"convolution_param {{ num_output: 4 bias_term: false kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    weight = np.float32(normal(4, 3, kernel, kernel, seed=1))
    layer = build("Convolution", [shape], param, [weight], dtype=torch.float32)
    x = np.float32(normal(*shape))
    (y,) = forward(layer, x)
    diff = np.float32(normal(*y.shape, seed=2))
    tensors = [torch.tensor(array, dtype=torch.float64) for array in (diff, x, weight)]
    exact = torch.ops.aten.convolution_backward(*tensors, None, *arguments, [True, False, False])[0]
    assert layer._has_phases()
    (found,), _ = backward(layer, [diff], x)
    np.testing.assert_allclose(found, exact, atol=1e-5 * abs(exact).max())


@pytest.mark.parametrize(
    ("param", "shape", "is_product", "is_depthwise"),
    [
        ("kernel_size: 1", (5, 4, 1, 1), True, False),
        ("kernel_size: 1 stride: 2", (5, 4, 1, 1), False, False),
        ("kernel_size: 1 pad: 1", (5, 4, 1, 1), False, False),
        ("kernel_size: 3 pad: 1", (4, 1, 3, 3), False, True),
        ("kernel_size: 5", (4, 1, 5, 5), False, True),
        ("kernel_h: 3 kernel_w: 4 pad_h: 2 pad_w: 0", (4, 1, 3, 4), False, True),
        ("kernel_size: 3 pad: 3", (4, 1, 3, 3), False, False),
        ("kernel_size: 3 stride: 2", (4, 1, 3, 3), False, False),
        ("kernel_size: 3 dilation: 2", (4, 1, 3, 3), False, False),
        ("kernel_size: 3", (8, 1, 3, 3), False, False),
        ("kernel_size: 3", (4, 2, 3, 3), False, False),
    ],
)
@pytest.mark.parametrize("channels_last", [True, False])
def test_the_way_back_of_narrow_layers(param, shape, is_product, is_depthwise, channels_last):
    """Products with each pixel and kernels for each channel have their own form in float32; beside float64's."""
    group = 4 // shape[1]
    text = f"convolution_param {{ num_output: {shape[0]} group: {group} bias_term: false {param} }}"
    weight, x = np.float32(normal(*shape, seed=1)), torch.tensor(np.float32(normal(2, 4, 12, 9)))
    layer, exact = (build("Convolution", [(2, 4, 12, 9)], text, [weight], dtype=dtype) for dtype in NARROW_AND_WIDE)
    assert (layer._is_product(), layer._is_depthwise()) == (is_product, is_depthwise)
    assert not exact._is_product()
    assert not exact._is_depthwise()
    x = x.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    (y,) = layer.forward([x])
    (found,), (expected,) = layer.backward([y], [x], []), exact.backward([y.double()], [x.double()], [])
    assert found.shape == x.shape
    np.testing.assert_allclose(found, expected, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize(
    ("shape", "axis", "rows", "size"),
    [((2, 3, 1, 2), 1, (2,), 6), ((2, 3, 2), -1, (2, 3), 2), ((2, 5), 1, (2,), 5), ((2, 3), 0, (), 6)],
)
def test_inner_product(shape, axis, rows, size, transpose, bias):
    weight, offsets = normal(4, size, seed=1), normal(4, seed=2)
    param = (
        f"inner_product_param {{ num_output: 4 axis: {axis} bias_term: {str(bias).lower()} "
        f"transpose: {str(transpose).lower()} }}"
    )
    layer = build(
        "InnerProduct", [shape], param, [weight.T.copy() if transpose else weight, *([offsets] if bias else [])]
    )
    x = normal(*shape)
    expected = np.zeros((*rows, 4))
    for place in np.ndindex(*rows):
        for o in range(4):
            expected[(*place, o)] = (weight[o] * x[place].ravel()).sum() + (offsets[o] if bias else 0)
    (y,) = forward(layer, x)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    check_gradients(layer, x)
