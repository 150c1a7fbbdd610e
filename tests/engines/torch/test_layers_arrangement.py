"""Concat, Slice, Split, Flatten, Reshape and Crop beside NumPy's indexing and finite differences."""

import numpy as np
import pytest
import torch

from tests.engines.torch.one_layer import backward, build, check_gradients, forward, normal

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("param", "shapes", "axis"),
    [
        ("", [(1, 2, 3, 2), (1, 1, 3, 2), (1, 3, 3, 2)], 1),
        ("concat_param { axis: -2 }", [(2, 1, 1, 2), (2, 1, 3, 2)], 2),
        ("concat_param { concat_dim: 0 }", [(1, 2), (3, 2)], 0),
        ("", [(1, 2, 1, 1)], 1),
    ],
)
def test_concat(param, shapes, axis):
    layer = build("Concat", shapes, param)
    bottoms = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    np.testing.assert_array_equal(forward(layer, *bottoms)[0], np.concatenate(bottoms, axis))
    check_gradients(layer, *bottoms)


@pytest.mark.parametrize(
    ("param", "parts"),
    [
        ("", [np.s_[:, :2], np.s_[:, 2:4], np.s_[:, 4:]]),
        ("slice_param { slice_point: 1 slice_point: 5 }", [np.s_[:, :1], np.s_[:, 1:5], np.s_[:, 5:]]),
        ("slice_param { slice_dim: 2 slice_point: 2 }", [np.s_[:, :, :2], np.s_[:, :, 2:]]),
        ("slice_param { axis: -1 }", [np.s_[..., :2], np.s_[..., 2:]]),
    ],
)
def test_slice(param, parts):
    x = normal(2, 6, 3, 4)
    layer = build("Slice", [x.shape], param, tops=" ".join("abc"[: len(parts)]))
    for top, part in zip(forward(layer, x), parts):
        np.testing.assert_array_equal(top, x[part])
    check_gradients(layer, x)


def test_slice_with_a_top_that_nothing_reads():
    layer = build("Slice", [(1, 3)], tops="a b c")
    (diff,) = layer.backward([torch.tensor([[1.0]]), None, torch.tensor([[3.0]])], [torch.zeros(1, 3)], [])
    np.testing.assert_array_equal(diff, [[1, 0, 3]])


def test_split():
    layer = build("Split", [(1, 2, 2)], tops="a b c")
    x = normal(1, 2, 2)
    for top in forward(layer, x):
        np.testing.assert_array_equal(top, x)
    check_gradients(layer, x)


@pytest.mark.parametrize(("diffs", "total"), [((1, 1e8, -1e8), 0), ((1e8, 0, -1e8, 1), 1), ((None, 2, None), 2)])
def test_split_adds_in_the_order_of_its_tops(diffs, total):
    # In float32 1 + 1e8 is 1e8, so the order of the sum shows.
    layer = build("Split", [(1,)], tops="a b c")
    given = [diff if diff is None else torch.tensor([diff], dtype=torch.float32) for diff in diffs]
    (diff,) = layer.backward(given, [], [])
    assert diff.item() == total


@pytest.mark.parametrize(
    ("kind", "param", "shape"),
    [
        ("Flatten", "", (2, 30)),
        ("Flatten", "flatten_param { axis: 0 end_axis: -3 }", (6, 2, 5)),
        ("Flatten", "flatten_param { axis: 2 }", (2, 3, 10)),
        ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", (2, 30)),
        ("Reshape", "reshape_param { shape { dim: 6 } num_axes: 2 }", (6, 2, 5)),
        ("Reshape", "reshape_param { shape { dim: 5 dim: -1 } axis: 2 }", (2, 3, 5, 2)),
        ("Reshape", "reshape_param { shape { dim: 1 dim: 1 } axis: -1 num_axes: 0 }", (2, 3, 2, 5, 1, 1)),
        ("Reshape", "reshape_param { shape { dim: 0 dim: 5 dim: 0 dim: 3 } }", (2, 5, 2, 3)),
    ],
)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_shapes_anew(kind, param, shape, memory):
    layer = build(kind, [(2, 3, 2, 5)], param)
    x = normal(2, 3, 2, 5)
    (top,) = layer.forward([torch.tensor(x).contiguous(memory_format=memory)])
    np.testing.assert_array_equal(top, x.reshape(shape))
    check_gradients(layer, x)


@pytest.mark.parametrize(
    ("param", "like", "part"),
    [
        ("", (9, 9, 2, 3), np.s_[:, :, :2, :3]),
        ("crop_param { offset: 1 }", (9, 9, 2, 3), np.s_[:, :, 1:3, 1:4]),
        ("crop_param { axis: 1 offset: 2 offset: 0 offset: 3 }", (9, 1, 4, 2), np.s_[:, 2:3, :4, 3:5]),
        ("crop_param { axis: -1 offset: 2 }", (9, 9, 9, 3), np.s_[..., 2:5]),
    ],
)
def test_crop(param, like, part):
    x = normal(2, 3, 4, 5)
    layer = build("Crop", [x.shape, like], param)
    np.testing.assert_array_equal(forward(layer, x, np.zeros(like))[0], x[part])
    diff = normal(*x[part].shape, seed=1)
    expected = np.zeros(x.shape)
    expected[part] = diff
    (diff_x, diff_like), _ = backward(layer, [diff], x, np.zeros(like))
    np.testing.assert_array_equal(diff_x, expected)
    np.testing.assert_array_equal(diff_like, np.zeros(like))


@pytest.mark.parametrize(
    ("kind", "param", "tops"),
    [("Concat", "", "y"), ("Slice", "", "a b"), ("Flatten", "", "y"), ("Dropout", "", "y"), ("Power", "", "y")],
)
def test_tops_have_memory_of_their_own(kind, param, tops):
    # An in-place layer behind them writes into them: it must not reach the bottom.
    layer = build(kind, [(1, 2, 1, 1)], param, tops=tops)
    bottom = torch.ones(1, 2, 1, 1, dtype=torch.float64)
    for top in layer.forward([bottom]):
        top.zero_()
    assert bottom.min() == 1
