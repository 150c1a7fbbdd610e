"""Compiled loops for what PyTorch does slowly on CPUs: LRN, max pooling, the backward pass of ReLU and Clip.

PyTorch takes several passes over memory for the first and many times as long for the others. numba compiles the loops
when they are first used and caches the result. Each number is computed by one thread in a fixed order, so the result
does not depend on the number of threads.

A compiled loop checks no bounds: given an array of the wrong shape, it would overwrite other memory. Every function in
this module therefore checks its arguments first, and raises ShapeError if they do not fit.
"""

from __future__ import annotations

from math import prod
from typing import Iterator, Sequence

import torch

from ...caffe_format.geometry import Geometry, Pair, pooled_size
from ...caffe_format.layer_spec import ShapeError
from .compiled import loop
from .compiled.loop import Block, Loop
from .layers.base import Tensor

MAX_PLACES = 256  # pixels in a pooling window: the index of the maximum is stored in a byte
MAX_CHANNELS = 31  # in an LRN window: each size has its own compiled loop


def usable(x: Tensor, form: torch.memory_format | None = None) -> bool:
    """Whether the kernels can work on this blob. It must be (n, c, h, w) and on the CPU.

    float32 must have the channels innermost. float64, whose sums must be the same on every machine, must have the
    pixels innermost. form: another memory format that the caller works with.
    """
    return available(x.device, x.dtype) and x.dim() == 4 and x.is_contiguous(memory_format=form or format_of(x))


def available(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether there are kernels for this device and precision."""
    return device.type == "cpu" and dtype in (torch.float32, torch.float64) and loop.available()


def in_range(x: Tensor, low: float, high: float) -> Tensor:
    """Marks, as bools, the numbers that are neither below `low` nor above `high`."""
    _check(x)
    inside = torch.empty_like(x, dtype=torch.bool)
    rows = _rows(x, inside)
    _loop("in_range").run(rows[0].shape[0], *rows, float(low), float(high))
    return inside


def where(signs: Tensor, diff: Tensor) -> Tensor:
    """The diff where `signs`, numbers or bools, is above zero; elsewhere the diff times 0.

    PyTorch would first convert bools to numbers. A diff in either memory format is worked on as it lies, also behind a
    Concat, where it is a part of a larger blob's channels.
    """
    if diff.dim() != 4 or signs.shape != diff.shape:
        raise misfit(diff, signs)
    has_planes = diff.stride(3) == 1 and diff.stride(1) != 1
    form = torch.contiguous_format if has_planes else format_of(diff)
    back, signs = torch.empty_like(diff, memory_format=form), signs.contiguous(memory_format=form)
    _check(back, signs, bools=True, form=form)
    to, of_signs = _rows(back, signs, form=form)
    _loop("where").run(to.shape[0], *_pitched_rows(diff, form), of_signs, to)
    return back


def lrn_forward(x: Tensor, size: int, k: float, alpha: float) -> Tensor:
    """LRN across `size` channels with beta 0.75."""
    _check(x)
    y = torch.empty_like(x)
    _lrn("forward", (x, y), size, k, alpha)
    return y


def lrn_backward(x: Tensor, diff: Tensor, size: int, k: float, alpha: float) -> Tensor:
    """The diff of x, the bottom of lrn_forward."""
    _check(x, diff)
    back = torch.empty_like(x)
    _lrn("backward", (x, diff.contiguous(memory_format=format_of(x)), back), size, k, alpha)
    return back


def _lrn(way: str, tensors: Sequence[Tensor], size: int, k: float, alpha: float) -> None:
    if not 1 <= size <= MAX_CHANNELS:
        raise ShapeError(f"the compiled loops do not support LRN across {size} channels")
    x = tensors[0]
    numbers = (float(k), alpha / size)
    if x.dtype == torch.float32:
        window = (None,) * size  # each size is its own type, for which numba compiles the loop
        room = 2 * (x.shape[1] + 2 * (size // 2))
        pixels = _rows(*tensors)
        _loop("lrn_" + way).run(pixels[0].shape[0], *pixels, window, *numbers, scratch=(room, "f4"))
        return
    from .compiled.blocks import PIXELS

    n, channels, height, width = x.shape
    plane, room = (channels, height * width), (1 + channels) * PIXELS
    for i in range(n):
        planes = (Block(tensor, plane, i * prod(plane)) for tensor in tensors)
        _loop("lrn_planes_" + way).run(-(-plane[1] // PIXELS), *planes, size, *numbers, scratch=(room, "f8"))


def max_forward(x: Tensor, g: Geometry, out: Pair) -> tuple[Tensor, Tensor]:
    """Max pooling in float32. Returns the top and, as bytes, the index of each maximum within its window."""
    _check(x, dtype=torch.float32)
    _check_windows(x, g, out, MAX_PLACES)
    n, c = x.shape[:2]
    top = x.new_empty((n, *out, c)).permute(0, 3, 1, 2)
    winners = torch.empty((n, *out, c), dtype=torch.uint8).permute(0, 3, 1, 2)
    for blocks in zip(_pictures(x), _pictures(top), _pictures(winners)):
        _loop("max_forward").run(out[0], *blocks, g.kernel, g.stride, g.pad)
    return top, winners


def max_backward(diff: Tensor, winners: Tensor, bottom: Tensor, g: Geometry) -> Tensor:
    """The diff of the bottom of max_forward, given the winners that it found on a bottom of the same shape."""
    _check(bottom, dtype=torch.float32)
    same = (bottom.device, *bottom.shape[:2], *winners.shape[2:])
    if (winners.device, *winners.shape) != same or (diff.device, *diff.shape) != same:
        raise misfit(bottom, diff, winners)
    if (diff.dtype, winners.dtype) != (torch.float32, torch.uint8):
        raise misfit(bottom, diff, winners)
    _check_windows(bottom, g, (winners.shape[2], winners.shape[3]), MAX_PLACES)
    back, diff = torch.empty_like(bottom), diff.contiguous(memory_format=format_of(diff))
    for of_diff, of_winners, to in zip(_pictures(diff), _pictures(winners), _pictures(back)):
        flat = Block(to.tensor, (prod(to.shape),), to.start)
        _loop("max_backward").run(
            bottom.shape[2], of_diff, of_winners, to, flat, g.kernel, g.stride, g.pad, scratch=(256, "u8")
        )
    return back


def tied_forward(x: Tensor, g: Geometry, out: Pair, tie: float) -> tuple[Tensor, Tensor]:
    """Max pooling in float64, where values within `tie` of the maximum count as equal.

    Returns the top and the index h * width + w of each of its values.
    """
    _check(x, dtype=torch.float64)
    _check_windows(x, g, out)
    top = x.new_empty((*x.shape[:2], *out))
    indices = torch.empty(top.shape, dtype=torch.int64)
    planes = (Block(tensor, (prod(tensor.shape[:2]), *tensor.shape[2:])) for tensor in (x, top, indices))
    _loop("tied_forward").run(x.shape[0] * x.shape[1], *planes, g.kernel, g.stride, g.pad, float(tie))
    return top, indices


def _check(
    x: Tensor,
    *others: Tensor,
    dtype: torch.dtype | None = None,
    bools: bool = False,
    form: torch.memory_format | None = None,
) -> None:
    """Raises ShapeError unless the loops can work on x, and the others have the same shape, device and dtype.

    dtype: required dtype of x, if only one is supported. bools: whether the others may be bools instead. form: the
    memory format of x, if it is not the usual one.
    """
    kinds = (x.dtype, torch.bool) if bools else (x.dtype,)
    alike = all(o.shape == x.shape and o.device == x.device and o.dtype in kinds for o in others)
    if not (alike and usable(x, form) and x.numel() and dtype in (None, x.dtype)):
        raise misfit(x, *others)


def _check_windows(x: Tensor, g: Geometry, out: Pair, max_pixels: int | None = None) -> None:
    """Raises ShapeError unless x has `out` windows, with either way of rounding.

    max_pixels: the largest number of pixels in a window.
    """
    sound = all(k > p >= 0 and s > 0 for k, s, p in zip(*g[:3])) and (
        max_pixels is None or prod(g.kernel) <= max_pixels
    )
    if not sound or not all(_has_windows(*axis, any(g.pad)) for axis in zip(out, x.shape[2:], *g[:3])):
        raise misfit(x)


def _has_windows(count: int, size: int, kernel: int, stride: int, pad: int, padded: bool) -> bool:
    for round_up in (True, False):
        try:
            if count >= 1 and count == pooled_size(size, kernel, stride, pad, padded, round_up):
                return True
        except ValueError:  # the last window would lie outside the plane
            continue
    return False


def misfit(*tensors: Tensor) -> ShapeError:
    """The error for blobs on which a compiled loop cannot work."""
    blobs = ", ".join("x".join(map(str, tensor.shape)) + f" ({tensor.dtype})" for tensor in tensors)
    return ShapeError(f"the compiled loops cannot work on {blobs}")


def _rows(x: Tensor, *others: Tensor, form: torch.memory_format | None = None) -> list[Block]:
    """Blobs of one shape and format as rows: of channels if they are innermost, or of pixels."""
    n, channels, height, width = x.shape
    has_channels = (form or format_of(x)) == torch.channels_last
    shape = (n * height * width, channels) if has_channels else (n * channels, height * width)
    return [Block(tensor, shape) for tensor in (x, *others)]


def _pitched_rows(x: Tensor, form: torch.memory_format) -> tuple[Block, int]:
    """The memory of a part of a blob, flat, and how many numbers there are from row to row; see _rows.

    What is no such part is copied.
    """
    ordered = x.permute(0, 2, 3, 1) if form == torch.channels_last else x.flatten(2)
    rows = ordered.reshape(-1, ordered.shape[-1])
    rows = rows if rows.stride(1) == 1 else rows.contiguous()
    count, length, pitch = *rows.shape, rows.stride(0)
    return Block(rows, ((count - 1) * pitch + length,)), pitch


def _pictures(x: Tensor) -> Iterator[Block]:
    """The pictures of a blob whose channels are innermost, as (h, w, c)."""
    n, channels, height, width = x.shape
    return (Block(x, (height, width, channels), i * height * width * channels) for i in range(n))


def format_of(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.dtype == torch.float32 else torch.contiguous_format


def _loop(name: str) -> Loop:
    return Loop("layer_loops", name)
