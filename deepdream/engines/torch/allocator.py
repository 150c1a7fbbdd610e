"""glibc's malloc, from which PyTorch has a processor's memory: what it keeps of what is done with.

What it keeps is used again by the next step, which is fast: the system need not clear it first. But what lies between
blobs that remain it cannot always use again, and a pass takes up to twice its blobs. Where memory is bounded, it has to
give back more. Other C libraries have neither call, and are left alone.
"""

import ctypes
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LEAST, _MOST = 2**20, 2**25  # bytes; beyond the most, malloc refuses


def keep(most: int) -> None:
    """Has malloc keep up to so many bytes, in blocks of up to 32 MB."""
    mallopt = _malloc("mallopt")
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _MOST)
        mallopt(_M_TRIM_THRESHOLD, min(most, 2**31 - 1))


def keep_little(most: int) -> None:
    """Has malloc keep only blocks that are small beside so many bytes."""
    mallopt = _malloc("mallopt")
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, min(max(most // 64, _LEAST), _MOST))


def give_back() -> None:
    """Has malloc hand back to the system whatever is unused now."""
    malloc_trim = _malloc("malloc_trim")
    if malloc_trim:
        malloc_trim(0)


def _malloc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
