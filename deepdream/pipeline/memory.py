"""Memory: what is free, and whether a dream fits into what it may take."""

from math import prod
from typing import Any, NamedTuple, Optional, Sequence

from ..arrays import Size
from ..errors import DreamError, UsageError
from ..units import byte_text

MARGIN = 0.8  # of what is free is taken, unless --memory says otherwise
_PROGRAM = 400 * 2**20  # Python, PyTorch and its compiled loops, without weights: 390 MB measured
_PER_PIXEL = 3 + 4 * 3 * 4  # bytes: the picture as it was read, and as floats undreamt, dreamt, its diff and a copy


class MemoryPlan(NamedTuple):
    """How a dream fits into memory."""

    size: int  # bytes, of the whole program
    bound: Optional[int]  # the bytes that it may take, where it runs otherwise than it would with more


def fit(net: Any, ends: Sequence[str], sizes: Sequence[Size], most: Optional[int], per_pixel: int = 0) -> MemoryPlan:
    """Has the net dream on pictures of these sizes within so many bytes, the whole program's.

    Args:
        ends: the layers, which run one after the other.
        sizes: (height, width) of the picture, and of the guide if there is one.
        most: None for what is free, with a margin.
        per_pixel: bytes that a step takes for each pixel, besides what a plain one does.

    Raises:
        DreamError: it is too little, with the least that works.
    """
    passes = [(end, (1, 3, *size)) for end in ends for size in sizes]
    fixed = _PROGRAM + net.model.weights.stat().st_size + (_PER_PIXEL + per_pixel) * max(prod(size) for size in sizes)
    size = fixed + max(net.bytes_needed(*one) for one in passes)
    limit = _limit(net) if most is None else most
    if size <= limit:
        return MemoryPlan(size, None)
    least = fixed + max(net.least_memory(*one) for one in passes)
    if least > limit:
        raise _too_little(net, least, limit, most is None)
    net.memory = limit - fixed
    return MemoryPlan(fixed + max(net.bytes_needed(*one) for one in passes), limit)


def _limit(net: Any) -> int:
    """What this program may take in all, in whole megabytes; as good as no limit where what is free is not known."""
    available = net.free_memory()
    if available is None:
        return 2**63
    return (_resident() + int(MARGIN * available)) >> 20 << 20


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _too_little(net: Any, least: int, limit: int, is_free: bool) -> DreamError:
    ways = "take a smaller picture, with --max-size"
    if net.engine == "caffe":
        ways += ", or --engine torch, which has tiles"
    if is_free:
        return DreamError(f"this dream takes {byte_text(least)} of memory and {byte_text(limit)} can be had: {ways}")
    return UsageError(f"--memory {byte_text(limit)} is too little: the least is {byte_text(least)}; or {ways}")
