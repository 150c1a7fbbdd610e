"""LRN, BatchNorm, Scale and Softmax beside plain loops and finite differences."""

import numpy as np
import pytest

from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.errors import DreamError
from tests.engines.torch.one_layer import backward, build, check_gradients, forward, normal

pytestmark = pytest.mark.usefixtures("one_thread")

ALPHA = float(np.float32(0.3))  # the prototxt holds float32 numbers


def lrn(x, size, alpha, beta, k, within):
    """Caffe's LRN, one number at a time."""
    y, half = np.zeros(x.shape), (size - 1) // 2
    for n, c, h, w in np.ndindex(*x.shape):
        if within:
            around = x[n, c, max(h - half, 0) : h + half + 1, max(w - half, 0) : w + half + 1]
            scale = 1 + alpha * (around**2).sum() / size**2
        else:
            scale = k + alpha / size * (x[n, max(c - half, 0) : c + half + 1, h, w] ** 2).sum()
        y[n, c, h, w] = x[n, c, h, w] * scale**-beta
    return y


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("size", "beta", "k"), [(5, 0.75, 1), (3, 0.75, 2), (3, 0.5, 1), (1, 1.25, 1)])
def test_lrn(size, beta, k, within):
    region = "WITHIN_CHANNEL" if within else "ACROSS_CHANNELS"
    param = f"lrn_param {{ local_size: {size} alpha: 0.3 beta: {beta} k: {k} norm_region: {region} }}"
    shape = (1, 2, 5, 4) if within else (1, 7, 2, 3)
    layer = build("LRN", [shape], param)
    x = 2 * normal(*shape)
    (y,) = forward(layer, x)
    np.testing.assert_allclose(y, lrn(x, size, ALPHA, beta, k, within), rtol=1e-13)
    check_gradients(layer, x)


def test_lrn_of_googlenet_by_hand():
    # One pixel of three channels, size 5: every window holds all three, 4 + 4 + 1 = 9.
    layer = build("LRN", [(1, 3, 1, 1)], "lrn_param { local_size: 5 alpha: 5 beta: 0.5 }")
    (y,) = forward(layer, np.array([2.0, -2, 1]).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(y.ravel(), np.array([2, -2, 1]) / 10**0.5)


@pytest.mark.parametrize("tops", ["y", "data"])
@pytest.mark.parametrize("shape", [(2, 3, 2, 2), (2, 3)])
def test_batch_norm(shape, tops):
    sums, squares, count = normal(3, seed=1), np.array([3.0, 0.5, 1.0]), np.array([2.5])
    layer = build("BatchNorm", [shape], "batch_norm_param { eps: 0.25 }", [sums, squares, count], tops)
    x = normal(*shape)
    expected = np.zeros(shape)
    for place in np.ndindex(*shape):
        c = place[1]
        expected[place] = (x[place] - sums[c] / 2.5) / (squares[c] / 2.5 + 0.25) ** 0.5
    (y,) = forward(layer, x)
    np.testing.assert_allclose(y, expected, rtol=1e-13)
    check_gradients(layer, x, trained=False)
    _, params = backward(layer, [np.ones(shape)], x)
    assert params == [None] * 3  # the statistics are not trained


def test_batch_norm_that_has_counted_nothing():
    params = [np.full(2, 9.0), np.full(2, 9.0), np.zeros(1)]
    layer = build("BatchNorm", [(1, 2, 1, 2)], "batch_norm_param { eps: 0.25 }", params)
    x = normal(1, 2, 1, 2)
    np.testing.assert_allclose(forward(layer, x)[0], x / 0.5)


SCALES = {
    "by channel": ("bias_term: true", (3,), (3, 1, 1)),
    "by channel and row": ("axis: 1 num_axes: 2", (3, 2), (3, 2, 1)),
    "from the last axis": ("axis: -1 bias_term: true", (4,), (4,)),
    "all axes from the second on": ("num_axes: -1 bias_term: true", (3, 2, 4), (3, 2, 4)),
    "by picture": ("axis: 0", (2,), (2, 1, 1, 1)),
    "one number": ("num_axes: 0 bias_term: true", (), ()),
}


@pytest.mark.parametrize("tops", ["y", "data"])
@pytest.mark.parametrize("case", SCALES)
def test_scale(case, tops):
    text, shape, spread = SCALES[case]
    params = [normal(*shape, seed=i) for i in range(1, 3 if "bias" in text else 2)]
    params = [np.asarray(param) for param in params]
    layer = build("Scale", [(2, 3, 2, 4)], f"scale_param {{ {text} }}", params, tops)
    x = normal(2, 3, 2, 4)
    factors = np.broadcast_to(params[0].reshape(spread), x.shape)
    offsets = np.broadcast_to(params[1].reshape(spread) if len(params) > 1 else 0, x.shape)
    expected = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        expected[place] = x[place] * factors[place] + offsets[place]
    np.testing.assert_allclose(forward(layer, x)[0], expected, rtol=1e-13)
    check_gradients(layer, x)


@pytest.mark.parametrize("shape", [(2, 3), (1, 4, 3, 2)])
@pytest.mark.parametrize("axis", [1, 0, -1])
def test_softmax(shape, axis):
    layer = build("Softmax", [shape], f"softmax_param {{ axis: {axis} }}")
    x = 3 * normal(*shape)
    y = np.exp(x)
    np.testing.assert_allclose(forward(layer, x)[0], y / y.sum(axis, keepdims=True), rtol=1e-12)
    check_gradients(layer, x)


def test_softmax_of_great_numbers():
    layer = build("Softmax", [(1, 2)])
    np.testing.assert_allclose(forward(layer, np.array([[1000.0, 1000.0]]))[0], [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("param", "n"),
    [("", 5), ("normalization: FULL", 6), ("normalization: BATCH_SIZE", 2), ("normalization: NONE", 1)],
)
def test_softmax_with_loss(param, n):
    layer = build("SoftmaxWithLoss", [(2, 4, 3), (2, 3)], f"loss_param {{ ignore_label: 9 {param} }}")
    x, labels = normal(2, 4, 3), np.array([[0.0, 3, 1], [9, 2, 2]])

    def loss(x):
        rows = [(x[i, :, j], int(labels[i, j])) for i, j in np.ndindex(2, 3) if labels[i, j] != 9]
        return sum(np.log(np.exp(row).sum()) - row[label] for row, label in rows) / n

    (y,) = forward(layer, x, labels)
    assert y == pytest.approx(loss(x))
    found = backward(layer, [np.array(2.0)], x, labels)[0][0]
    for place in [(0, 0, 0), (0, 2, 1), (1, 1, 0), (1, 2, 2)]:
        step = np.zeros(x.shape)
        step[place] = 1e-6
        assert found[place] == pytest.approx((loss(x + step) - loss(x - step)) / 1e-6, abs=1e-8)


def test_a_label_of_no_class_is_refused():
    layer = build("SoftmaxWithLoss", [(2, 4), (2,)])
    with pytest.raises(ShapeError, match="reads the label 4 of 4 classes"):
        forward(layer, normal(2, 4), np.array([0.0, 4]))
    with pytest.raises(DreamError, match="does not fit"):
        build("SoftmaxWithLoss", [(2, 4), (3,)])
