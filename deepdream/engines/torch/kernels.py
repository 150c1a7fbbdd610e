"""What PyTorch does slowly on processors, as compiled loops: LRN and max pooling, with the channels innermost.

PyTorch takes several passes over memory for the one and many times as long for the other. numba compiles the loops when
they are first used and keeps the result. Each number is worked out by one thread in one order, so the number of threads
changes nothing.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Tuple

import torch

from ...caffe_format.shapes import Geometry
from .layers.base import Tensor

MOST_PLACES = 256  # in a pooling window: which of them has won is kept in a byte


def usable(x: Tensor) -> bool:
    """Whether the kernels can work on this blob: float32 on a processor, (n, c, h, w) with the channels innermost."""
    suited = x.dtype == torch.float32 and x.device.type == "cpu" and x.dim() == 4
    return suited and x.is_contiguous(memory_format=torch.channels_last) and _loops() is not None


def lrn_forward(x: Tensor, size: int, k: float, alpha: float) -> Tensor:
    """LRN across `size` channels with beta 0.75."""
    y = torch.empty_like(x)
    _in_parts(_loops().lrn_forward, len(_pixels(x)), _pixels(x), _pixels(y), *_lrn_numbers(x, size, k, alpha))
    return y


def lrn_backward(x: Tensor, diff: Tensor, size: int, k: float, alpha: float) -> Tensor:
    """The diff of lrn_forward's bottom x."""
    back, diff = torch.empty_like(x), diff.contiguous(memory_format=torch.channels_last)
    arrays = (_pixels(x), _pixels(diff), _pixels(back))
    _in_parts(_loops().lrn_backward, len(arrays[0]), *arrays, *_lrn_numbers(x, size, k, alpha))
    return back


def max_forward(x: Tensor, g: Geometry, out: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
    """Max pooling: the tops and, as bytes, the places in the windows that they come from."""
    n, c = x.shape[:2]
    top = x.new_empty((n, *out, c)).permute(0, 3, 1, 2)
    winners = torch.empty((n, *out, c), dtype=torch.uint8).permute(0, 3, 1, 2)
    for arrays in zip(_pictures(x), _pictures(top), _pictures(winners)):
        _in_parts(_loops().max_forward, out[0], *arrays, g.kernel, g.stride, g.pad)
    return top, winners


def max_backward(diff: Tensor, winners: Tensor, bottom: Tensor, g: Geometry) -> Tensor:
    """The diff of max_forward's bottom."""
    back, diff = torch.empty_like(bottom), diff.contiguous(memory_format=torch.channels_last)
    for arrays in zip(_pictures(diff), _pictures(winners), _pictures(back)):
        _in_parts(_loops().max_backward, bottom.shape[2], *arrays, g.kernel, g.stride, g.pad)
    return back


def tied_usable(x: Tensor) -> bool:
    """Whether tied_forward can work on this blob: float64 on a processor, the channels outermost."""
    return x.dtype == torch.float64 and x.device.type == "cpu" and x.is_contiguous() and _loops() is not None


def tied_forward(x: Tensor, g: Geometry, out: Tuple[int, int], tie: float) -> Tuple[Tensor, Tensor]:
    """Max pooling where values within `tie` of the greatest count as equal: the tops and their h * width + w."""
    top = x.new_empty((*x.shape[:2], *out))
    indices = torch.empty(top.shape, dtype=torch.int64)
    planes = (tensor.flatten(0, 1).numpy() for tensor in (x, top, indices))
    _in_parts(_loops().tied_forward, x.shape[0] * x.shape[1], *planes, g.kernel, g.stride, g.pad, tie)
    return top, indices


def _pictures(x: Tensor) -> Any:
    """(n, h, w, c): the memory of a blob as NumPy sees it."""
    return x.permute(0, 2, 3, 1).numpy()


def _pixels(x: Tensor) -> Any:
    """(n * h * w, c): the same, pixel by pixel."""
    return _pictures(x).reshape(-1, x.shape[1])


def _lrn_numbers(x: Tensor, size: int, k: float, alpha: float) -> Tuple[Any, ...]:
    number = _pictures(x).dtype.type  # so that the compiled loops stay in the blob's precision
    return size, number(k), number(alpha / size)


def _in_parts(loop: Any, count: int, *args: Any) -> None:
    """loop(*args, first, last) for all of `count` rows, a part of them on each of PyTorch's number of threads."""
    threads = torch.get_num_threads()
    cuts = [count * i // threads for i in range(threads + 1)]
    others = [_pool(threads).submit(loop, *args, *part) for part in zip(cuts[1:], cuts[2:])]
    loop(*args, *cuts[:2])
    for other in others:
        other.result()


@lru_cache(maxsize=None)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


@lru_cache(maxsize=None)
def _loops() -> Any:
    """The compiled loops; None where numba is not installed."""
    try:
        from . import loops
    except ImportError:
        return None
    return loops
