"""Pooling beside Caffe's loops, its rule for ties, and finite differences."""

import math

import numpy as np
import pytest
import torch

from deepdream.caffe_format.layer_spec import ShapeError
from tests.engines.torch.one_layer import backward, build, check_gradients, forward, normal

pytestmark = pytest.mark.usefixtures("one_thread")


def windows(size, kernel, stride, pad, padded, floor=False):
    """Caffe's windows along one axis: where each starts, where it ends, and the length that a mean divides by."""
    count = (math.floor if floor else math.ceil)((size + 2 * pad - kernel) / stride) + 1
    if padded and (count - 1) * stride >= size + pad:
        count -= 1
    for start in (i * stride - pad for i in range(count)):
        end = min(start + kernel, size + pad)
        yield max(start, 0), min(end, size), end - start


def pool(x, kernel, stride, pad, mean, floor=False):
    """Caffe's Pooling, one window at a time; and for MAX how often each place of the bottom wins, on first sight."""
    across = list(windows(x.shape[3], kernel[1], stride[1], pad[1], any(pad), floor))
    down = list(windows(x.shape[2], kernel[0], stride[0], pad[0], any(pad), floor))
    y, wins = np.zeros((*x.shape[:2], len(down), len(across))), np.zeros(x.shape)
    for n, c, r, q in np.ndindex(*y.shape):
        (top, bottom, height), (left, right, width) = down[r], across[q]
        part = x[n, c, top:bottom, left:right]
        y[n, c, r, q] = part.sum() / (height * width) if mean else part.max()
        i, j = divmod(int(part.argmax()), right - left)
        wins[n, c, top + i, left + j] += 1
    return y, wins


GEOMETRIES = {
    "GoogLeNet's": ("kernel_size: 3 stride: 2", (3, 3), (2, 2), (0, 0), (6, 8)),
    "inception's": ("kernel_size: 3 stride: 1 pad: 1", (3, 3), (1, 1), (1, 1), (3, 4)),
    "last window dropped": ("kernel_size: 2 stride: 2 pad: 1", (2, 2), (2, 2), (1, 1), (5, 4)),
    "dropped in the other direction": (
        "kernel_h: 2 kernel_w: 1 pad_h: 1 pad_w: 0 stride: 2",
        *((2, 1), (2, 2), (1, 0), (4, 4)),
    ),
    "rectangle": ("kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2", (1, 3), (1, 2), (0, 0), (3, 6)),
    "wider than the picture": ("kernel_size: 4 stride: 3", (4, 4), (3, 3), (0, 0), (2, 3)),
    "wide padding": ("kernel_size: 3 stride: 2 pad: 2", (3, 3), (2, 2), (2, 2), (4, 5)),
    "wide padding on one side": (
        "kernel_h: 3 kernel_w: 2 stride: 1 pad_h: 2 pad_w: 0",
        *((3, 2), (1, 1), (2, 0), (3, 3)),
    ),
    "wide padding, long steps": ("kernel_size: 3 stride: 5 pad: 2", (3, 3), (5, 5), (2, 2), (3, 3)),
}


@pytest.mark.parametrize(
    ("case", "floor"),
    # Rounded down, a window wider than the picture would leave nothing.
    [*((case, False) for case in GEOMETRIES), *((case, True) for case in GEOMETRIES if "wider" not in case)],
)
@pytest.mark.parametrize("mean", [False, True])
def test_pooling(case, floor, mean):
    text, kernel, stride, pad, size = GEOMETRIES[case]
    method, rounding = "AVE" if mean else "MAX", "FLOOR" if floor else "CEIL"
    layer = build("Pooling", [(1, 2, *size)], f"pooling_param {{ pool: {method} round_mode: {rounding} {text} }}")
    x = normal(1, 2, *size, seed=3)
    y, wins = pool(x, kernel, stride, pad, mean, floor)
    (top,) = forward(layer, x)
    assert top.shape == y.shape
    np.testing.assert_allclose(top, y, atol=1e-12)
    check_gradients(layer, x)
    if not mean:
        (diffs,), _ = backward(layer, [np.ones(y.shape)], x)
        np.testing.assert_array_equal(diffs, wins)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("case", GEOMETRIES)
def test_pooling_in_float32(case, mean, memory):
    text, kernel, stride, pad, size = GEOMETRIES[case]
    method = "AVE" if mean else "MAX"
    layer = build("Pooling", [(1, 3, *size)], f"pooling_param {{ pool: {method} {text} }}")
    # Few different numbers, so that most windows hold ties.
    x = np.random.RandomState(1).randint(0, 3, (1, 3, *size)).astype(np.float32)
    y, wins = pool(x, kernel, stride, pad, mean)
    bottom = torch.tensor(x).contiguous(memory_format=memory)
    (top,) = layer.forward([bottom])
    np.testing.assert_allclose(top, y, rtol=1e-6)
    if not mean:
        (diff,) = layer.backward([torch.ones_like(top)], [bottom], [top])
        np.testing.assert_array_equal(diff, wins)


@pytest.mark.parametrize("mean", [False, True])
def test_global_pooling(mean):
    layer = build(
        "Pooling", [(2, 2, 3, 5)], f"pooling_param {{ pool: {'AVE' if mean else 'MAX'} global_pooling: true }}"
    )
    x = normal(2, 2, 3, 5)
    (y,) = forward(layer, x)
    np.testing.assert_allclose(y[:, :, 0, 0], x.mean((2, 3)) if mean else x.max((2, 3)))
    check_gradients(layer, x)


def test_mean_divides_by_the_window_clipped_to_the_padded_picture():
    # Rows 0-2 of 2, padded by 1 to -1..2: windows of 3 at -1 and 1, the second reaching beyond the padding.
    layer = build("Pooling", [(1, 1, 2, 2)], "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }")
    (y,) = forward(layer, np.full((1, 1, 2, 2), 36.0))
    # The first window holds 4 of 9 numbers, those at the edges 2 of 3 x 2, the last 1 of 2 x 2.
    np.testing.assert_allclose(y, [[[[16, 12], [12, 9]]]])


@pytest.mark.parametrize(
    ("dtype", "values", "winner"),
    [
        (torch.float32, [1, 5, 5, 5], 1),
        (torch.float32, [0, 0, 0, 0], 0),
        (torch.float32, [-5, -3, -4, -3], 1),
        (torch.float32, [1, 1 + 2**-23, 1, 1], 1),  # the smallest step of float32 decides
        (torch.float64, [1, 5, 5, 5], 1),
        (torch.float64, [0, 0, 0, 0], 0),
        (torch.float64, [1, 1 + 1e-12, 1, 1 + 2e-12], 0),  # all the same but for rounding
        (torch.float64, [1, 1 + 1e-8, 1 + 2e-8, 1], 2),
        (torch.float64, [-2 - 1e-12, -2, -3, -2], 0),
        (torch.float64, [1e-12, 2e-12, 0, 0], 1),  # relative to the greatest, not to one
    ],
)
def test_ties(dtype, values, winner):
    layer = build("Pooling", [(1, 1, 2, 2)], "pooling_param { kernel_size: 2 stride: 2 }", dtype=dtype)
    bottom = torch.tensor(values, dtype=dtype).view(1, 1, 2, 2)
    tops = layer.forward([bottom])
    (diff,) = layer.backward([torch.full_like(tops[0], 7)], [bottom], tops)
    expected = np.zeros(4)
    expected[winner] = 7
    np.testing.assert_array_equal(diff.flatten(), expected)
    assert tops[0].item() == bottom.flatten()[winner].item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_way_back_is_that_of_the_last_way_there(dtype):
    """The winners of a larger bottom would lie outside the memory of a smaller one."""
    layer = build("Pooling", [(1, 1, 8, 8)], "pooling_param { kernel_size: 2 stride: 2 }", dtype=dtype)
    large, small = torch.ones(1, 1, 8, 8, dtype=dtype), torch.ones(1, 1, 7, 7, dtype=dtype)
    with pytest.raises(ShapeError, match=r"layer y \(Pooling\) has not yet run forward on a blob of 1x1x8x8"):
        layer.backward([torch.ones(1, 1, 4, 4, dtype=dtype)], [large], [])
    tops = layer.forward([large])
    with pytest.raises(ShapeError, match=r"layer y \(Pooling\) has not yet run forward on a blob of 1x1x7x7"):
        layer.backward(tops, [small], tops)
    assert layer.backward(tops, [large], tops)[0].sum() == 16
