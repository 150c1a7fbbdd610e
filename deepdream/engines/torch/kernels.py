"""Compiled loops for what PyTorch does slowly on CPUs: LRN, max pooling, the backward pass of ReLU and Clip.

PyTorch takes several passes over memory for the first and many times as long for the others. numba compiles the loops
when they are first used and caches the result. Each number is computed by one thread in a fixed order, so the result
does not depend on the number of threads.

A compiled loop checks no bounds: given an array of the wrong shape, it would overwrite other memory. Every function in
this module therefore checks its arguments first, and raises ShapeError if they do not fit.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from math import prod
from types import ModuleType
from typing import Sequence

import numpy as np
import torch

from ...caffe_format.geometry import Geometry, Pair, pooled_size
from ...caffe_format.layer_spec import ShapeError
from ...errors import DreamError
from .layers.base import Tensor
from .parallel import Loop, in_parts

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
    return device.type == "cpu" and dtype in (torch.float32, torch.float64) and _loops() is not None


def in_range(x: Tensor, low: float, high: float) -> Tensor:
    """Marks, as bools, the numbers that are neither below `low` nor above `high`."""
    _check(x)
    inside = torch.empty_like(x, dtype=torch.bool)
    number = number_of(x)
    rows = _rows(x, inside)
    in_parts(_loop("in_range"), len(rows[0]), *rows, number(low), number(high))
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
    rows = _rows(back, signs, form=form)
    in_parts(_loop("where"), len(rows[0]), *_pitched_rows(diff, form), rows[1], rows[0])
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
    numbers = (number_of(x)(k), number_of(x)(alpha / size))
    if x.dtype == torch.float32:
        pixels = [_pictures(tensor).reshape(-1, x.shape[1]) for tensor in tensors]
        window = (None,) * size  # each size is its own type, for which numba compiles the loop
        in_parts(_loop("lrn_" + way), len(pixels[0]), *pixels, window, *numbers)
        return
    loops = _loops()
    assert loops
    for planes in zip(*(tensor.flatten(2).numpy() for tensor in tensors)):
        blocks = -(-planes[0].shape[1] // loops.PIXELS)
        in_parts(_loop("lrn_planes_" + way), blocks, *planes, size, *numbers)


def max_forward(x: Tensor, g: Geometry, out: Pair) -> tuple[Tensor, Tensor]:
    """Max pooling in float32. Returns the top and, as bytes, the index of each maximum within its window."""
    _check(x, dtype=torch.float32)
    _check_windows(x, g, out, MAX_PLACES)
    n, c = x.shape[:2]
    top = x.new_empty((n, *out, c)).permute(0, 3, 1, 2)
    winners = torch.empty((n, *out, c), dtype=torch.uint8).permute(0, 3, 1, 2)
    for arrays in zip(_pictures(x), _pictures(top), _pictures(winners)):
        in_parts(_loop("max_forward"), out[0], *arrays, g.kernel, g.stride, g.pad)
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
    for arrays in zip(_pictures(diff), _pictures(winners), _pictures(back)):
        in_parts(_loop("max_backward"), bottom.shape[2], *arrays, g.kernel, g.stride, g.pad)
    return back


def tied_forward(x: Tensor, g: Geometry, out: Pair, tie: float) -> tuple[Tensor, Tensor]:
    """Max pooling in float64, where values within `tie` of the maximum count as equal.

    Returns the top and the index h * width + w of each of its values.
    """
    _check(x, dtype=torch.float64)
    _check_windows(x, g, out)
    top = x.new_empty((*x.shape[:2], *out))
    indices = torch.empty(top.shape, dtype=torch.int64)
    planes = (tensor.flatten(0, 1).numpy() for tensor in (x, top, indices))
    in_parts(_loop("tied_forward"), x.shape[0] * x.shape[1], *planes, g.kernel, g.stride, g.pad, tie)
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


def number_of(x: Tensor) -> type[np.float32 | np.float64]:
    """Returns the type of a blob's numbers, so that nothing is computed in another precision."""
    return np.float32 if x.dtype == torch.float32 else np.float64


def _rows(x: Tensor, *others: Tensor, form: torch.memory_format | None = None) -> list[np.ndarray]:
    """Views the memory of blobs of one shape and format as rows: of channels if they are innermost, or of pixels."""
    if (form or format_of(x)) == torch.channels_last:
        return [_pictures(tensor).reshape(-1, x.shape[1]) for tensor in (x, *others)]
    return [tensor.flatten(2).flatten(0, 1).numpy() for tensor in (x, *others)]


def _pitched_rows(x: Tensor, form: torch.memory_format) -> tuple[np.ndarray, int]:
    """Views the memory of a part of a blob, flat, and how many numbers there are from row to row; see _rows.

    What is no such part is copied.
    """
    ordered = x.permute(0, 2, 3, 1) if form == torch.channels_last else x.flatten(2)
    rows = ordered.reshape(-1, ordered.shape[-1])
    rows = rows if rows.stride(1) == 1 else rows.contiguous()
    count, length, pitch = *rows.shape, rows.stride(0)
    return rows.as_strided(((count - 1) * pitch + length,), (1,)).numpy(), pitch


def _pictures(x: Tensor) -> np.ndarray:
    """Views the memory of a blob as a NumPy array (n, h, w, c)."""
    return x.permute(0, 2, 3, 1).numpy()


def format_of(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.dtype == torch.float32 else torch.contiguous_format


@lru_cache(maxsize=None)
def _loops() -> ModuleType | None:
    """Returns the module of compiled loops. None if numba is not installed.

    Raises DreamError if numba is installed but cannot be loaded.
    """
    if find_spec("numba") is None:
        return None
    try:
        from . import loops
    except (ImportError, AttributeError, OSError, SystemError) as error:  # one for another NumPy fails in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DreamError(
            f"numba is installed but cannot be loaded ({reason}): install a release for this Python and NumPy with "
            "pip install --upgrade numba, or do without its faster loops with pip uninstall numba"
        ) from None
    return loops


def _loop(name: str) -> Loop:
    loops = _loops()
    assert loops  # the callers have checked that their blobs are usable
    loop: Loop = getattr(loops, name)
    return loop
