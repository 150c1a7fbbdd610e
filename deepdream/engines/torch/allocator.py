"""glibc's malloc, from which PyTorch has a processor's memory: what it keeps of what is done with.

What it keeps is used again by the next layers, tiles and steps, which is fast: the system need not clear it first. What
lies between blobs that remain it cannot always use again, so a pass takes up to twice its blobs. Other C libraries are
left alone.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 2**25  # bytes: malloc refuses to keep larger blocks


def keep(most: int) -> None:
    """Has malloc keep up to so many bytes, in blocks of up to 32 MB."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, LARGEST)
        mallopt(_M_TRIM_THRESHOLD, min(most, 2**31 - 1))
