"""Layers that came later, beside plain NumPy and finite differences: activations, statistics, second bottoms."""

import numpy as np
import pytest

from deepdream.engines.torch.layers.base import Saved
from tests.engines.torch.one_layer import backward, build, check_gradients, forward, normal

pytestmark = pytest.mark.usefixtures("one_thread")
X = normal(2, 3, 4, 5)
SQUARES = X * X
ELEMENTWISE = {
    "AbsVal": [("", np.abs(X))],
    "BNLL": [("", np.log(1 + np.exp(X)))],
    "ELU": [
        ("", np.where(X > 0, X, np.exp(X) - 1)),
        ("elu_param { alpha: 0.5 }", np.where(X > 0, X, 0.5 * (np.exp(X) - 1))),
    ],
    "Exp": [("", np.exp(X)), ("exp_param { base: 2 scale: 0.5 shift: 1 }", 2 ** (0.5 * X + 1))],
    "Log": [
        ("log_param { scale: 0.5 shift: 4 }", np.log(0.5 * X + 4)),
        ("log_param { base: 2 shift: 9 }", np.log2(X + 9)),
    ],
    "Swish": [("", X / (1 + np.exp(-X))), ("swish_param { beta: 2 }", X / (1 + np.exp(-2 * X)))],
    "Tile": [
        ("tile_param { tiles: 3 }", np.tile(X, (1, 3, 1, 1))),
        ("tile_param { axis: -1 tiles: 2 }", np.tile(X, 2)),
    ],
    "Permute": [
        ("permute_param { order: 0 order: 2 order: 3 order: 1 }", X.transpose(0, 2, 3, 1)),
        ("permute_param { order: 3 }", X.transpose(3, 0, 1, 2)),
    ],
    "ShuffleChannel": [("shuffle_channel_param { group: 3 }", X)],
    "Reduction": [
        ("", X.sum()),
        ("reduction_param { axis: 2 operation: MEAN coeff: 2 }", 2 * X.mean((2, 3))),
        ("reduction_param { axis: -3 operation: ASUM }", np.abs(X).sum((1, 2, 3))),
        ("reduction_param { axis: 1 operation: SUMSQ coeff: 0.5 }", 0.5 * SQUARES.sum((1, 2, 3))),
    ],
    "MVN": [
        ("", (X - X.mean((2, 3), keepdims=True)) / X.std((2, 3), keepdims=True)),
        (
            "mvn_param { across_channels: true }",
            (X - X.mean((1, 2, 3), keepdims=True)) / X.std((1, 2, 3), keepdims=True),
        ),
        ("mvn_param { normalize_variance: false }", X - X.mean((2, 3), keepdims=True)),
    ],
}


@pytest.mark.parametrize(("kind", "case"), [(kind, case) for kind, cases in ELEMENTWISE.items() for case in cases])
def test_one_bottom(kind, case):
    param, expected = case
    layer = build(kind, [X.shape], param)
    np.testing.assert_allclose(forward(layer, X)[0], expected, rtol=1e-7, atol=1e-9)
    check_gradients(layer, X.copy())


@pytest.mark.parametrize("kind", ["BNLL", "ELU", "Exp", "Log", "Swish", "MVN"])
def test_in_place(kind):
    """Right also where Caffe reads what it has overwritten."""
    param = "log_param { shift: 9 }" if kind == "Log" else ""
    check_gradients(build(kind, [X.shape], param, tops="data"), X.copy())


def test_shuffled_channels():
    layer = build("ShuffleChannel", [(1, 6, 1, 1)], "shuffle_channel_param { group: 2 }")
    x = np.arange(6.0).reshape(1, 6, 1, 1)
    assert forward(layer, x)[0].ravel().tolist() == [0, 3, 1, 4, 2, 5]
    check_gradients(layer, x)


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_normalize(across, shared):
    scale = np.asarray(2.0) if shared else np.array([2.0, -1.0, 0.5])
    text = f"norm_param {{ across_spatial: {str(across).lower()} channel_shared: {str(shared).lower()} }}"
    layer = build("Normalize", [X.shape], text, [scale])
    norm = np.sqrt(SQUARES.sum((1, 2, 3) if across else (1,), keepdims=True))
    np.testing.assert_allclose(forward(layer, X)[0], X / norm * scale.reshape(-1, 1, 1), rtol=1e-9)
    check_gradients(layer, X.copy())


@pytest.mark.parametrize("kind", ["Scale", "Bias"])
@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 0), ((3,), 1), ((2, 3, 4, 5), 0), ((4, 5), -2)])
@pytest.mark.parametrize("tops", ["y", "data"])
def test_a_second_bottom(kind, shape, axis, tops):
    other = normal(*shape, seed=3)
    layer = build(kind, [X.shape, shape], f"{kind.lower()}_param {{ axis: {axis} }}", tops=tops)
    spread = other.reshape((1,) * (axis % 4) + shape + (1,) * (4 - axis % 4 - len(shape)))
    np.testing.assert_allclose(forward(layer, X, other)[0], X * spread if kind == "Scale" else X + spread)
    check_gradients(layer, X.copy(), other)


def test_a_second_bottom_and_a_bias():
    bias, factors = normal(2, 3, seed=4), normal(2, 3, seed=5)
    layer = build("Scale", [X.shape, (2, 3)], "scale_param { axis: 0 bias_term: true }", [bias])
    np.testing.assert_allclose(forward(layer, X, factors)[0], X * factors[..., None, None] + bias[..., None, None])
    check_gradients(layer, X.copy(), factors)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1)])
def test_axpy(shape):
    factors, other = normal(*shape, seed=1), normal(*X.shape, seed=2)
    layer = build("Axpy", [shape, X.shape, X.shape])
    np.testing.assert_allclose(forward(layer, factors, X, other)[0], factors.reshape(2, 3, 1, 1) * X + other)
    check_gradients(layer, factors, X.copy(), other)


def test_several_bottoms_of_a_convolution():
    weights = [normal(4, 3, 2, 2, seed=1), normal(4, seed=2)]
    param = "convolution_param { num_output: 4 kernel_size: 2 }"
    layer = build("Convolution", [X.shape, X.shape], param, weights, tops="y z")
    one, other = X.copy(), normal(*X.shape, seed=6)
    alone = build("Convolution", [X.shape], param, weights)
    for top, bottom in zip(forward(layer, one, other), (one, other)):
        np.testing.assert_allclose(top, forward(alone, bottom)[0])
    check_gradients(layer, one, other)


def test_threshold_has_no_gradient():
    layer = build("Threshold", [X.shape], "threshold_param { threshold: 0.5 }")
    np.testing.assert_array_equal(forward(layer, X)[0], X > 0.5)
    assert not backward(layer, [np.ones(X.shape)], X)[0][0].any()


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("", [[[[2]]], [[[0]]]]),  # of equal numbers the last
        ("top_k: 2", [[[[2], [1]]], [[[0], [1]]]]),
        ("out_max_val: true", [[[[2]], [[7]]], [[[0]], [[9]]]]),
    ],
)
def test_argmax(param, expected):
    x = np.array([[3.0, 7, 7], [9, 2, 1]])
    layer = build("ArgMax", [(2, 3)], f"argmax_param {{ {param} }}")
    np.testing.assert_array_equal(forward(layer, x)[0].ravel(), np.ravel(expected))
    assert layer.saved_bottoms == Saved.SHAPE
    assert not backward(layer, forward(layer, x), x)[0][0].any()


def test_argmax_along_an_axis():
    layer = build("ArgMax", [X.shape], "argmax_param { axis: 1 }")
    np.testing.assert_array_equal(forward(layer, X)[0], X.argmax(1)[:, None])
    layer = build("ArgMax", [X.shape], "argmax_param { axis: -1 out_max_val: true top_k: 2 }")
    np.testing.assert_array_equal(forward(layer, X)[0], np.sort(X, -1)[..., :2:-1])
