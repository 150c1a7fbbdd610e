"""The compiled kernels beside PyTorch's own forms of the same layers, and for any number of threads the same bytes."""

import inspect
from itertools import product

import numpy as np
import pytest
import torch

from deepdream.caffe_format.geometry import Geometry, pooled_size
from deepdream.caffe_format.layer_spec import ShapeError
from deepdream.engines.torch import kernels
from deepdream.engines.torch.compiled import loop
from deepdream.engines.torch.compiled.loop import Block, Loop
from deepdream.engines.torch.layers import pooling

pytest.importorskip("numba")

CHANNELS = 21  # a vector of 8 or 16 and a rest


def blob(shape, seed=0, ties=False, dtype=torch.float32):
    """(n, c, h, w), the channels innermost in float32 and the pixels in float64."""
    random = np.random.RandomState(seed)
    tensor = torch.tensor(random.randint(-2, 3, shape) if ties else random.normal(0, 30, shape), dtype=dtype)
    return tensor.contiguous(memory_format=torch.channels_last) if dtype == torch.float32 else tensor


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 3e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize(("size", "k", "alpha"), [(5, 1.0, 1e-4), (3, 2.0, 0.5), (1, 1.0, 1.0), (9, 1.5, 0.1)])
def test_lrn_and_its_diff_are_those_of_the_formula(threads, size, k, alpha, dtype, rounding):
    x, diff = blob((2, CHANNELS, 15, 9), dtype=dtype), blob((2, CHANNELS, 15, 9), seed=1, dtype=dtype)
    exact = x.double().clone().requires_grad_()
    squares = torch.nn.functional.pad(exact * exact, (0, 0, 0, 0, size // 2, size // 2))
    y = exact * (k + alpha / size * sum(squares[:, d : d + CHANNELS] for d in range(size))) ** -0.75
    y.backward(diff.double())
    np.testing.assert_allclose(kernels.lrn_forward(x, size, k, alpha), y.detach(), rtol=rounding)
    back = kernels.lrn_backward(x, diff, size, k, alpha)
    assert abs(back - exact.grad).max() < rounding * abs(exact.grad).max()


GEOMETRIES = [
    Geometry((3, 3), (2, 2), (0, 0)),
    Geometry((3, 3), (1, 1), (1, 1)),
    Geometry((2, 2), (2, 2), (1, 1)),
    Geometry((1, 5), (2, 3), (0, 2)),
    Geometry((2, 3), (3, 1), (1, 0)),
    Geometry((9, 8), (1, 1), (0, 0)),
]


@pytest.mark.parametrize(("g", "ties", "round_up"), list(product(GEOMETRIES, [False, True], [True, False])))
def test_max_pooling_is_pytorchs(threads, g, ties, round_up):
    """Rounding down may leave the last rows without a window."""
    x = blob((2, CHANNELS, 9, 8), ties=ties)
    out = tuple(pooled_size(*axis, any(g.pad), round_up) for axis in zip((9, 8), *g[:3]))
    expected, indices = torch.nn.functional.max_pool2d_with_indices(x, g.kernel, g.stride, g.pad, ceil_mode=round_up)
    top, winners = kernels.max_forward(x, g, out)
    assert top.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(top, expected)
    diff = blob(tuple(expected.shape), seed=1, ties=True)  # whole numbers: their sums are exact in any order
    back = torch.ops.aten.max_pool2d_with_indices_backward(diff, x, *g[:3], (1, 1), round_up, indices)
    np.testing.assert_array_equal(kernels.max_backward(diff, winners, x, g), back)


@pytest.mark.parametrize("g", GEOMETRIES)
def test_max_pooling_with_ties_is_pytorchs_form_of_it(threads, monkeypatch, g):
    """Not a rounding in it: the same bytes."""
    x = torch.tensor(np.random.RandomState(0).randint(-2, 3, (2, 5, 9, 8)) * (1 + 3e-10 * np.arange(8)))
    out = tuple(pooled_size(*axis, any(g.pad)) for axis in zip((9, 8), *g[:3]))
    assert kernels.usable(x)
    found = pooling._first_of_the_greatest(x, g, out)
    monkeypatch.setattr(loop, "available", lambda: False)
    expected = pooling._first_of_the_greatest(x, g, out)
    for tensor, wanted in zip(found, expected):
        assert tensor.dtype == wanted.dtype
        np.testing.assert_array_equal(tensor, wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_a_range_lets_pass_is_pytorchs_form_of_it(threads, dtype):
    """Not a rounding in it, nor another zero: the same bytes, at and next to the bounds, of which 0.1 is rounded."""
    random, number = np.random.RandomState(0), np.float32 if dtype == torch.float32 else np.float64
    bounds = [number(0.1), number(6)]
    near = [np.nextafter(bound, number(way)) for bound in bounds for way in (-1e30, 1e30)]
    most = np.finfo(number).max
    values = np.array([*bounds, *near, 0, -0.0, most, -most, np.finfo(number).tiny, np.inf, -np.inf, np.nan], number)
    x, diff = (torch.tensor(random.choice(values, (2, CHANNELS, 15, 9))) for _ in range(2))
    x, diff = (tensor.contiguous(memory_format=kernels.format_of(tensor)) for tensor in (x, diff))
    inside = kernels.in_range(x, 0.1, 6)
    assert inside.dtype == torch.bool
    assert inside.stride() == x.stride()
    np.testing.assert_array_equal(inside, (x >= 0.1) & (x <= 6))
    found, expected = kernels.where(inside, diff), diff * inside
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found.signbit()[~found.isnan()], expected.signbit()[~expected.isnan()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_part_of_a_blob_is_read_where_it_lies(threads, dtype):
    whole = blob((2, CHANNELS, 5, 7), dtype=dtype)
    for diff in (whole[:, 3:12], whole[1:, 3:12], whole[:, :, 1:4], whole[..., 2:], whole.contiguous(), whole.mT):
        signs = blob(diff.shape, seed=1, dtype=dtype)
        assert torch.equal(kernels.where(signs, diff), diff * (signs > 0))


def test_the_number_of_threads_changes_nothing():
    x, diff, g = blob((1, 24, 31, 17)), blob((1, 24, 31, 17), seed=1), Geometry((3, 3), (1, 1), (1, 1))
    wide, wide_diff = x.double().contiguous(), diff.double().contiguous()
    results, before = set(), torch.get_num_threads()
    for number in (1, 2, 5):
        torch.set_num_threads(number)
        top, winners = kernels.max_forward(x, g, (31, 17))
        tensors = [top, winners, kernels.max_backward(diff, winners, x, g), *kernels.tied_forward(wide, g, (31, 17), 0)]
        for bottom, top_diff in ((x, diff), (wide, wide_diff)):
            tensors += [kernels.lrn_forward(bottom, 5, 1, 1e-4), kernels.lrn_backward(bottom, top_diff, 5, 1, 1e-4)]
        results.add(b"".join(tensor.numpy().tobytes() for tensor in tensors))
    torch.set_num_threads(before)
    assert len(results) == 1


@pytest.mark.parametrize(
    "x",
    [
        blob((1, 4, 3, 3)).double(),  # the channels innermost
        torch.zeros(1, 4, 3, 3),  # the channels outermost
        torch.zeros(1, 4, 3, 3, dtype=torch.float16),
        torch.zeros(4, 3),
        torch.zeros(1, 4, 3, 3, device="meta").contiguous(memory_format=torch.channels_last),
    ],
    ids=["float64", "float32", "float16", "two axes", "another device"],
)
def test_what_they_cannot_work_on(x):
    assert kernels.usable(blob((1, 4, 3, 3)))
    assert kernels.usable(blob((1, 4, 3, 3), dtype=torch.float64))
    assert not kernels.usable(x)


def test_without_numba_pytorch_does_it(monkeypatch, make):
    from tests.engines.torch.small_net import gradient, picture

    gradients = []
    for there in (True, False):
        monkeypatch.setattr(loop, "available", lambda there=there: there)
        net = make(blobs="needed")
        picture(net)
        gradients.append(gradient(net, "mix")[2])
    assert gradients[0].tobytes() != gradients[1].tobytes()
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-6 * abs(gradients[0]).max())


# What each kernel takes. Padded so, pooling keeps the size, and any other size is wrong.
SHAPE, PADDED = (2, 4, 9, 8), Geometry((3, 3), (1, 1), (1, 1))
CALLS = {
    "in_range": {"x": blob(SHAPE), "low": 0, "high": 1},
    "where": {"signs": blob(SHAPE), "diff": blob(SHAPE)},
    "lrn_forward": {"x": blob(SHAPE), "size": 5, "k": 1.0, "alpha": 0.1},
    "lrn_backward": {"x": blob(SHAPE), "diff": blob(SHAPE), "size": 5, "k": 1.0, "alpha": 0.1},
    "max_forward": {"x": blob(SHAPE), "g": PADDED, "out": SHAPE[2:]},
    "max_backward": {
        "diff": blob(SHAPE),
        "winners": kernels.max_forward(blob(SHAPE), PADDED, SHAPE[2:])[1],
        "bottom": blob(SHAPE),
        "g": PADDED,
    },
    "tied_forward": {"x": blob(SHAPE, dtype=torch.float64), "g": PADDED, "out": SHAPE[2:], "tie": 1e-9},
}


def wrong_values(name, value, alone):
    """What does not fit in the place of an argument. alone: no other one says how large a tensor is to be."""
    if name == "size":
        return [0, -1, kernels.MAX_CHANNELS + 2]
    if name == "out":
        return [(9, 7), (9, 9), (8, 8), (10, 8), (0, 8), (-1, 8), (2**40, 8)]
    if name == "g":
        pairs = {"kernel": [(0, 3), (3, -1), (4, 3), (300, 300)], "stride": [(0, 1), (1, -1), (2, 1)]}
        pairs["pad"] = [(-1, 1), (1, 3), (0, 1), (300, 300)]
        return [value._replace(**{which: pair}) for which, others in pairs.items() for pair in others]
    if not isinstance(value, torch.Tensor):
        return []
    wrong = [value.to(dtype) for dtype in (torch.float16, torch.bfloat16, torch.int64)]
    wrong += [value.to("meta"), value[0], value[None], value.flatten(), value[:0], value.new_empty(())]
    if name in ("x", "bottom"):
        wrong.append(value.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2))
    for axis in range(0 if alone else 4):
        wrong += [value.narrow(axis, 0, 1), value.narrow(axis, 1, value.shape[axis] - 1)]
        wrong.append(torch.cat([value, value.narrow(axis, 0, 1)], axis))
    return wrong


def test_every_kernel_is_called_with_wrong_arguments():
    called = {name for name, value in vars(kernels).items() if inspect.isfunction(value) and name[0] != "_"}
    called = {name for name in called if inspect.getmodule(getattr(kernels, name)) is kernels}
    assert called - {"usable", "available", "misfit", "format_of"} == set(CALLS)
    assert all(list(inspect.signature(getattr(kernels, name)).parameters) == list(args) for name, args in CALLS.items())


@pytest.mark.parametrize("name", CALLS)
def test_no_loop_is_begun_with_what_does_not_fit(monkeypatch, name):
    kernel, right, begun = getattr(kernels, name), CALLS[name], []
    kernel(**right)
    monkeypatch.setattr(Loop, "run", lambda *args, **options: begun.append(args))
    alone = sum(isinstance(value, torch.Tensor) for value in right.values()) == 1
    tried = 0
    for argument, value in right.items():
        for wrong in wrong_values(argument, value, alone):
            with pytest.raises(ShapeError, match="the compiled loops "):
                kernel(**{**right, argument: wrong})
            tried += 1
    assert tried > 9
    assert not begun


@pytest.mark.parametrize("threads", [1, 2], indirect=True)
@pytest.mark.parametrize("g", GEOMETRIES)
def test_winners_of_anything_lead_nowhere_outside(threads, g):
    """Bytes that no max_forward has written. Around what the loop may write to lies memory that has to stay."""
    out = tuple(pooled_size(*axis, any(g.pad)) for axis in zip((9, 8), *g[:3]))
    diff, numbers = blob((1, 4, *out)), torch.zeros(3 * 9 * 8 * 4)
    back = numbers[9 * 8 * 4 : 2 * 9 * 8 * 4].view(1, 9, 8, 4).permute(0, 3, 1, 2)
    for byte in range(256):
        winners = torch.full_like(diff, byte, dtype=torch.uint8)
        blocks = [next(kernels._pictures(tensor)) for tensor in (diff, winners, back)]
        flat = Block(back, (9 * 8 * 4,))
        kernels._loop("max_backward").run(9, *blocks, flat, g.kernel, g.stride, g.pad, scratch=(256, "u8"))
        outside = torch.cat([numbers[: 9 * 8 * 4], numbers[2 * 9 * 8 * 4 :]])
        assert not outside.any()
