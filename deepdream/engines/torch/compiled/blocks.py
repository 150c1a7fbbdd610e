"""The sizes of the blocks that the loops work on."""

from llvmlite.binding import get_host_cpu_features

PIXELS = 64  # per block: with all channels of a typical layer, a block fits into the L2 cache

# AVX2 has 16 vectors of 32 bytes, AVX-512 32 of 64: room for ROWS x VECTORS sums, a row of VECTORS and a factor.
BYTES, VECTORS = (64, 4) if get_host_cpu_features().get("avx512f") else (32, 2)
ROWS = 6


def half_panel(itemsize: int) -> int:
    """The columns of half a panel of numbers of that size. A panel is the part of the weights multiplied at once."""
    return VECTORS // 2 * BYTES // itemsize


def pitch_of(channels: int, itemsize: int) -> int:
    """The numbers from one tile's transformed channels to the next one's: whole vectors.

    One more than needed, as tiles should not share the same lines of a cache.
    """
    lanes = BYTES // itemsize
    return (-(-channels // lanes) + 1) * lanes
