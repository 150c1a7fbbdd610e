"""Plans memory: estimates what a dream needs and makes it fit into what it may use."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence

from ..arrays import Size
from ..compat import prod
from ..errors import DreamError, UsageError
from ..units import byte_text

if TYPE_CHECKING:
    from ..engines.interface import NeededNet

MARGIN = 0.8  # share of the free memory that is used, unless --memory says otherwise
_PROGRAM = 400 * 2**20  # Python, PyTorch and its compiled loops, without weights: 390 MB measured
_PER_PIXEL = 3 + 4 * 3 * 4  # bytes: the picture as read, then as floats: source, dream, diff and a copy


class MemoryPlan(NamedTuple):
    """How a dream fits into memory."""

    estimate: int  # bytes that the whole program uses
    limit: Optional[int] = None  # bytes that it may use; None if more would not change how it runs
    net_limit: Optional[int] = None  # bytes that the net may use for a pass, see Net.memory

    def apply(self, net: "NeededNet") -> None:
        """Makes the net keep to this plan. Nets that share their weights with another dream need this before each."""
        if net.memory != self.net_limit:
            net.memory = self.net_limit


def plan(
    net: "NeededNet", ends: Sequence[str], sizes: Sequence[Size], limit: Optional[int], per_pixel: int
) -> MemoryPlan:
    """Plans how the whole program keeps within a memory limit while it dreams on pictures of these sizes.

    Args:
        ends: the layers, which are run one after another.
        sizes: (height, width) of the picture, and of the guide if there is one.
        limit: of the whole program in bytes; None for the free memory, less a margin.
        per_pixel: bytes that a step uses per pixel, beyond those of a plain step.

    Raises:
        DreamError: the limit is too low; the message gives the lowest that works.
    """
    channels = net.topology.shapes[net.inputs[0]][1]
    passes = [(end, (1, channels, *size)) for end in ends for size in sizes]
    pixels = max(prod(size) for size in sizes)
    fixed = _PROGRAM + net.bytes_of_weights(ends) + (_PER_PIXEL + per_pixel) * pixels

    def estimate(net_limit: Optional[int]) -> MemoryPlan:
        found = MemoryPlan(0, net_limit and limit_used, net_limit)
        found.apply(net)
        return found._replace(estimate=fixed + max(net.bytes_needed(*one) for one in passes))

    limit_used = _limit(net) if limit is None else limit
    whole = estimate(None)
    if whole.estimate <= limit_used:
        return whole
    lowest = fixed + max(net.min_memory(*one) for one in passes)
    if lowest > limit_used:
        raise _too_little(net, lowest, limit_used, limit is None)
    return estimate(limit_used - fixed)


def _limit(net: "NeededNet") -> int:
    """Bytes that the whole program may use, in whole megabytes; practically unlimited if free memory is unknown."""
    available = net.free_memory()
    if available is None:
        return 2**63
    return (_resident() + int(MARGIN * available)) >> 20 << 20


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _too_little(net: "NeededNet", lowest: int, limit: int, is_free: bool) -> DreamError:
    ways = "shrink the picture with --max-size"
    if net.engine == "caffe":
        ways += ", or use --engine torch, which can work in tiles"
    needs, has = byte_text(lowest), byte_text(limit)
    if is_free:
        return DreamError(f"this dream needs {needs} of memory, but only {has} is available: {ways}")
    return UsageError(
        f"this dream needs {needs} of memory, but may use only {has}: raise --memory, use fewer --workers, or {ways}"
    )
