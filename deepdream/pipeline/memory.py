"""Plans memory: estimates what a dream needs and makes it fit into what it may use."""

from math import prod
from typing import Any, NamedTuple, Optional, Sequence

from ..arrays import Size
from ..errors import DreamError, UsageError
from ..units import byte_text

MARGIN = 0.8  # share of the free memory that is used, unless --memory says otherwise
_PROGRAM = 400 * 2**20  # Python, PyTorch and its compiled loops, without weights: 390 MB measured
_PER_PIXEL = 3 + 4 * 3 * 4  # bytes: the picture as read, then as floats: source, dream, diff and a copy


class MemoryPlan(NamedTuple):
    """How a dream fits into memory."""

    size: int  # bytes that the whole program uses, estimated
    bound: Optional[int]  # bytes that it may use; None if more would not change how it runs


def fit(net: Any, ends: Sequence[str], sizes: Sequence[Size], most: Optional[int], per_pixel: int = 0) -> MemoryPlan:
    """Makes the net keep the whole program within a memory limit while it dreams on pictures of these sizes.

    Args:
        ends: the layers, which are run one after another.
        sizes: (height, width) of the picture, and of the guide if there is one.
        most: limit of the whole program in bytes; None for the free memory, less a margin.
        per_pixel: bytes that a step uses per pixel, beyond those of a plain step.

    Raises:
        DreamError: the limit is too low; the message gives the lowest that works.
    """
    passes = [(end, (1, 3, *size)) for end in ends for size in sizes]
    fixed = _PROGRAM + net.model.weights.stat().st_size + (_PER_PIXEL + per_pixel) * max(prod(size) for size in sizes)
    size = fixed + max(net.bytes_needed(*one) for one in passes)
    limit = _limit(net) if most is None else most
    if size <= limit:
        return MemoryPlan(size, None)
    least = fixed + max(net.min_memory(*one) for one in passes)
    if least > limit:
        raise _too_little(net, least, limit, most is None)
    net.memory = limit - fixed
    return MemoryPlan(fixed + max(net.bytes_needed(*one) for one in passes), limit)


def _limit(net: Any) -> int:
    """Bytes that the whole program may use, in whole megabytes; practically unlimited if free memory is unknown."""
    available = net.free_memory()
    if available is None:
        return 2**63
    return (_resident() + int(MARGIN * available)) >> 20 << 20


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _too_little(net: Any, least: int, limit: int, is_free: bool) -> DreamError:
    ways = "shrink the picture with --max-size"
    if net.engine == "caffe":
        ways += ", or use --engine torch, which can work in tiles"
    if is_free:
        needs, has = byte_text(least), byte_text(limit)
        return DreamError(f"this dream needs {needs} of memory, but only {has} is available: {ways}")
    return UsageError(f"--memory {byte_text(limit)} is too low: set it to at least {byte_text(least)}, or {ways}")
