"""ReLU, PReLU, Clip, Sigmoid, TanH, Power, Dropout and Eltwise beside formulas and finite differences."""

import math

import numpy as np
import pytest
import torch

from deepdream.engines.torch.compiled import loop
from tests.engines.torch.one_layer import backward, build, check_gradients, forward, normal

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (2, 3, 2, 3)

FORMULAS = {
    "ReLU": ("", lambda x: max(x, 0)),
    "ReLU with a slope": ("relu_param { negative_slope: 0.25 }", lambda x: x if x > 0 else x / 4),
    "ReLU with a falling slope": ("relu_param { negative_slope: -0.5 }", lambda x: x if x > 0 else -x / 2),
    "Clip": ("clip_param { min: -0.5 max: 0.75 }", lambda x: min(max(x, -0.5), 0.75)),
    "Sigmoid": ("", lambda x: 1 / (1 + math.exp(-x))),
    "TanH": ("", math.tanh),
    "Power": ("power_param { power: 3 scale: 0.5 shift: 2 }", lambda x: (2 + x / 2) ** 3),
    "Power of a fraction": ("power_param { power: 0.5 scale: 0.25 shift: 2 }", lambda x: (2 + x / 4) ** 0.5),
    "Power, the square": ("power_param { power: 2 scale: -0.5 }", lambda x: x * x / 4),
    "Power without a power": ("power_param { scale: 4 shift: -1 }", lambda x: 4 * x - 1),
    "Power of 0": ("power_param { power: 0 }", lambda x: 1),
    "Power of a constant": ("power_param { power: 2 scale: 0 shift: 3 }", lambda x: 9),
    "Dropout": ("dropout_param { dropout_ratio: 0.9 }", lambda x: x),
}
# What Caffe's layers read of the bottom in the backward pass is gone where they work in place, and its diffs are then
# others than the formula's: test_in_place_as_caffe_does_it has these.
OTHER_IN_PLACE = ("Clip", "ReLU with a falling slope")


@pytest.mark.parametrize("tops", ["y", "data"])
@pytest.mark.parametrize("case", FORMULAS)
def test_formulas(case, tops):
    param, formula = FORMULAS[case]
    layer = build(case.split()[0].strip(","), [SHAPE], param, tops=tops)
    x = normal(*SHAPE)
    expected = np.array([formula(value) for value in x.ravel()]).reshape(SHAPE)
    np.testing.assert_allclose(forward(layer, x)[0], expected, rtol=1e-13)
    if tops == "y" or case not in OTHER_IN_PLACE:
        check_gradients(layer, x)


@pytest.mark.parametrize(
    ("kind", "param", "x", "diffs"),
    [
        ("Clip", "clip_param { min: -1 max: 1 }", [-3, -1, 0, 1, 3], [1, 1, 1, 1, 1]),
        ("ReLU", "relu_param { negative_slope: -0.5 }", [-2, 0, 2, 4, -4], [1, -0.5, 1, 1, 1]),
    ],
)
def test_in_place_as_caffe_does_it(kind, param, x, diffs):
    layer = build(kind, [(1, 5)], param, tops="data")
    (diff,), _ = backward(layer, [np.ones((1, 5))], np.array([x], float))
    np.testing.assert_array_equal(diff, [diffs])


@pytest.mark.parametrize(
    ("kind", "param", "x", "diffs"),
    [
        ("ReLU", "", [0, -0.0, 1e-30], [0, 0, 1]),
        ("ReLU", "relu_param { negative_slope: 0.5 }", [0, -0.0, 1e-30], [0.5, 0.5, 1]),
        ("Clip", "clip_param { min: -1 max: 1 }", [-1, 1, 1.0001], [1, 1, 0]),
        ("Power", "power_param { power: 0 }", [0, -1, 1], [0, 0, 0]),
    ],
)
def test_diffs_at_the_kinks(kind, param, x, diffs):
    layer = build(kind, [(1, 3)], param)
    (diff,), _ = backward(layer, [np.ones((1, 3))], np.array([x]))
    np.testing.assert_array_equal(diff, [diffs])


@pytest.mark.parametrize("loops", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_clip_lets_the_same_pass_by_values_and_by_range(dtype, loops, monkeypatch):
    monkeypatch.setattr(loop, "available", lambda: loops)
    layer = build("Clip", [SHAPE], "clip_param { min: 0 max: 6 }")
    x = torch.tensor([0, -0.0, 6, 6.5, -1, 3]).repeat(6).reshape(SHAPE).to(dtype)
    diff = torch.tensor(normal(*SHAPE)).to(dtype)
    for bottom in (x, layer.in_range(x)):
        (found,) = layer.backward([diff], [bottom], [None])
        assert found.dtype == dtype
        assert found.equal(torch.where((x >= 0) & (x <= 6), diff, 0))


@pytest.mark.parametrize("tops", ["y", "data"])
@pytest.mark.parametrize("shape", [SHAPE, (2, 3)])
@pytest.mark.parametrize("shared", [False, True])
def test_prelu(shared, shape, tops):
    slopes = np.array(0.75) if shared else np.array([0.25, -0.5, 2.0])
    layer = build("PReLU", [shape], f"prelu_param {{ channel_shared: {str(shared).lower()} }}", [slopes], tops)
    x = normal(*shape)
    expected = np.zeros(shape)
    for place in np.ndindex(*shape):
        slope = float(slopes) if shared else slopes[place[1]]
        expected[place] = max(x[place], 0) + slope * min(x[place], 0)
    np.testing.assert_allclose(forward(layer, x)[0], expected)
    check_gradients(layer, x)


ELTWISE = {
    "SUM": lambda a, b, c: a + b + c,
    "SUM coeff: 2 coeff: -0.5 coeff: 0": lambda a, b, c: 2 * a - 0.5 * b,
    "PROD": lambda a, b, c: a * b * c,
    "PROD stable_prod_grad: false": lambda a, b, c: a * b * c,
    "MAX": lambda a, b, c: max(a, b, c),
}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("case", ELTWISE)
def test_eltwise(case, count):
    neutral = 1 if "PROD" in case else -math.inf if case == "MAX" else 0
    text = case if count == 3 else case.replace(" coeff: 0", "")
    layer = build("Eltwise", [SHAPE] * count, f"eltwise_param {{ operation: {text} }}")
    bottoms = [normal(*SHAPE, seed=i) for i in range(count)]
    expected = np.zeros(SHAPE)
    for place in np.ndindex(*SHAPE):
        values = [bottom[place] for bottom in bottoms]
        expected[place] = ELTWISE[case](*values, *[neutral] * (3 - count))
    np.testing.assert_allclose(forward(layer, *bottoms)[0], expected, rtol=1e-13)
    check_gradients(layer, *bottoms)


def test_stable_product_with_zeros():
    layer = build("Eltwise", [(1, 2)] * 3, "eltwise_param { operation: PROD }")
    bottoms = [np.array([[0.0, 0.0]]), np.array([[2.0, 0.0]]), np.array([[3.0, 3.0]])]
    diffs, _ = backward(layer, [np.ones((1, 2))], *bottoms)
    np.testing.assert_array_equal(diffs, [[[6, 0]], [[0, 0]], [[0, 0]]])


def test_unstable_product_loses_the_diff_at_zero_as_in_caffe():
    layer = build("Eltwise", [(1, 1)] * 2, "eltwise_param { operation: PROD stable_prod_grad: false }")
    diffs, _ = backward(layer, [np.ones((1, 1))], np.array([[0.0]]), np.array([[2.0]]))
    assert np.isnan(diffs[0])
    np.testing.assert_array_equal(diffs[1], [[0]])


@pytest.mark.parametrize(
    ("values", "winner"), [((4, 4, 4), 1), ((4, 4, 3), 1), ((4, 3, 4), 0), ((3, 4, 4), 1), ((3, 3, 4), 2)]
)
def test_ties_of_the_greatest(values, winner):
    layer = build("Eltwise", [(1, 1)] * 3, "eltwise_param { operation: MAX }")
    diffs, _ = backward(layer, [np.full((1, 1), 5.0)], *(np.array([[value]], float) for value in values))
    assert [diff.item() for diff in diffs] == [5 if i == winner else 0 for i in range(3)]
