"""What PyTorch does slowly on processors, as compiled loops: LRN, max pooling, the way back through ReLU and Clip.

PyTorch takes several passes over memory for the one and many times as long for the other. numba compiles the loops when
they are first used and keeps the result. Each number is worked out by one thread in one order, so the number of threads
changes nothing.

A compiled loop looks at no bounds: with an array of the wrong shape it would write where other things are. So every
function here checks what it is given before it starts a loop, and raises ShapeError.
"""

from functools import lru_cache
from math import prod
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import torch

from ...caffe_format.shapes import Geometry, Pair, ShapeError, pooled_size
from .layers.base import Tensor
from .parallel import in_parts

MOST_PLACES = 256  # in a pooling window: which of them has won is kept in a byte
MOST_CHANNELS = 31  # in an LRN's window: for each number of them a loop is compiled


def usable(x: Tensor) -> bool:
    """Whether the kernels can work on this blob, which is (n, c, h, w) on a processor.

    float32 has the channels innermost; float64, whose sums are to be the same on every machine, the pixels.
    """
    return there(x.device, x.dtype) and x.dim() == 4 and x.is_contiguous(memory_format=_format(x))


def there(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether there are kernels for such blobs."""
    return device.type == "cpu" and dtype in (torch.float32, torch.float64) and _loops() is not None


def in_range(x: Tensor, low: float, high: float) -> Tensor:
    """Which numbers are neither below `low` nor above `high`, as bools."""
    _check(x)
    inside = torch.empty_like(x, dtype=torch.bool)
    number = _number(x)
    rows = _rows(x, inside)
    in_parts(_loops().in_range, len(rows[0]), *rows, number(low), number(high))
    return inside


def where(signs: Tensor, diff: Tensor) -> Tensor:
    """The diff where the signs, numbers or bools, are above zero; PyTorch would first turn bools into numbers."""
    diff = diff.contiguous(memory_format=_format(diff)) if diff.dim() == 4 else diff
    _check(diff, signs, bools=True)
    back = torch.empty_like(diff)
    signs = signs.contiguous(memory_format=_format(diff))
    rows = _rows(diff, signs, back)
    in_parts(_loops().where, len(rows[0]), *rows)
    return back


def lrn_forward(x: Tensor, size: int, k: float, alpha: float) -> Tensor:
    """LRN across `size` channels with beta 0.75."""
    _check(x)
    y = torch.empty_like(x)
    _lrn("forward", (x, y), size, k, alpha)
    return y


def lrn_backward(x: Tensor, diff: Tensor, size: int, k: float, alpha: float) -> Tensor:
    """The diff of lrn_forward's bottom x."""
    _check(x, diff)
    back = torch.empty_like(x)
    _lrn("backward", (x, diff.contiguous(memory_format=_format(x)), back), size, k, alpha)
    return back


def _lrn(way: str, tensors: Sequence[Tensor], size: int, k: float, alpha: float) -> None:
    if not 1 <= size <= MOST_CHANNELS:
        raise ShapeError(f"the compiled loops have no LRN across {size} channels")
    x, loops = tensors[0], _loops()
    numbers = (_number(x)(k), _number(x)(alpha / size))
    if x.dtype == torch.float32:
        pixels = [_pictures(tensor).reshape(-1, x.shape[1]) for tensor in tensors]
        window = (None,) * size  # a type of its own for each size, for which the loop is then compiled
        in_parts(getattr(loops, "lrn_" + way), len(pixels[0]), *pixels, window, *numbers)
        return
    for planes in zip(*(tensor.flatten(2).numpy() for tensor in tensors)):
        blocks = -(-planes[0].shape[1] // loops.PIXELS)
        in_parts(getattr(loops, "lrn_planes_" + way), blocks, *planes, size, *numbers)


def max_forward(x: Tensor, g: Geometry, out: Pair) -> Tuple[Tensor, Tensor]:
    """Max pooling in float32: the tops and, as bytes, the places in the windows that they come from."""
    _check(x, dtype=torch.float32)
    _check_windows(x, g, out, MOST_PLACES)
    n, c = x.shape[:2]
    top = x.new_empty((n, *out, c)).permute(0, 3, 1, 2)
    winners = torch.empty((n, *out, c), dtype=torch.uint8).permute(0, 3, 1, 2)
    for arrays in zip(_pictures(x), _pictures(top), _pictures(winners)):
        in_parts(_loops().max_forward, out[0], *arrays, g.kernel, g.stride, g.pad)
    return top, winners


def max_backward(diff: Tensor, winners: Tensor, bottom: Tensor, g: Geometry) -> Tensor:
    """The diff of max_forward's bottom, for what it found on a bottom of that shape."""
    _check(bottom, dtype=torch.float32)
    same = (bottom.device, *bottom.shape[:2], *winners.shape[2:])
    if (winners.device, *winners.shape) != same or (diff.device, *diff.shape) != same:
        raise _misfit(bottom, diff, winners)
    if (diff.dtype, winners.dtype) != (torch.float32, torch.uint8):
        raise _misfit(bottom, diff, winners)
    _check_windows(bottom, g, (winners.shape[2], winners.shape[3]), MOST_PLACES)
    back, diff = torch.empty_like(bottom), diff.contiguous(memory_format=_format(diff))
    for arrays in zip(_pictures(diff), _pictures(winners), _pictures(back)):
        in_parts(_loops().max_backward, bottom.shape[2], *arrays, g.kernel, g.stride, g.pad)
    return back


def tied_forward(x: Tensor, g: Geometry, out: Pair, tie: float) -> Tuple[Tensor, Tensor]:
    """Max pooling in float64, values within `tie` of the greatest counting as equal: the tops, their h * width + w."""
    _check(x, dtype=torch.float64)
    _check_windows(x, g, out)
    top = x.new_empty((*x.shape[:2], *out))
    indices = torch.empty(top.shape, dtype=torch.int64)
    planes = (tensor.flatten(0, 1).numpy() for tensor in (x, top, indices))
    in_parts(_loops().tied_forward, x.shape[0] * x.shape[1], *planes, g.kernel, g.stride, g.pad, tie)
    return top, indices


def _check(x: Tensor, *others: Tensor, dtype: Optional[torch.dtype] = None, bools: bool = False) -> None:
    """Raises ShapeError unless the loops can work on x, and the others are of its shape and kind.

    dtype: what x has to be where one precision alone will do. bools: will do in the place of the others' numbers.
    """
    kinds = (x.dtype, torch.bool) if bools else (x.dtype,)
    alike = all(o.shape == x.shape and o.device == x.device and o.dtype in kinds for o in others)
    if not (alike and usable(x) and x.numel() and dtype in (None, x.dtype)):
        raise _misfit(x, *others)


def _check_windows(x: Tensor, g: Geometry, out: Pair, most: Optional[int] = None) -> None:
    """Raises ShapeError unless x has `out` windows, by either rounding.

    most: places in a window.
    """
    sound = all(k > p >= 0 and s > 0 for k, s, p in zip(*g[:3])) and (most is None or prod(g.kernel) <= most)
    if not sound or not all(_has_windows(*axis, any(g.pad)) for axis in zip(out, x.shape[2:], *g[:3])):
        raise _misfit(x)


def _has_windows(count: int, size: int, kernel: int, stride: int, pad: int, padded: bool) -> bool:
    for round_up in (True, False):
        try:
            if count >= 1 and count == pooled_size(size, kernel, stride, pad, padded, round_up):
                return True
        except ValueError:  # the last window would lie outside
            continue
    return False


def _misfit(*tensors: Tensor) -> ShapeError:
    blobs = ", ".join("x".join(map(str, tensor.shape)) + f" ({tensor.dtype})" for tensor in tensors)
    return ShapeError(f"the compiled loops cannot work on {blobs}")


def _number(x: Tensor) -> Any:
    """The type of a blob's numbers, so that nothing is computed in another precision."""
    return np.float32 if x.dtype == torch.float32 else np.float64


def _rows(x: Tensor, *others: Tensor) -> List[Any]:
    """The memory of blobs of one shape and format as rows: of channels, in float64 of pixels."""
    if x.dtype == torch.float32:
        return [_pictures(tensor).reshape(-1, x.shape[1]) for tensor in (x, *others)]
    return [tensor.flatten(2).flatten(0, 1).numpy() for tensor in (x, *others)]


def _pictures(x: Tensor) -> Any:
    """(n, h, w, c): the memory of a blob as NumPy sees it."""
    return x.permute(0, 2, 3, 1).numpy()


def _format(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.dtype == torch.float32 else torch.contiguous_format


@lru_cache(maxsize=None)
def _loops() -> Any:
    """The compiled loops; None where numba is not installed."""
    try:
        from . import loops
    except ImportError:
        return None
    return loops
