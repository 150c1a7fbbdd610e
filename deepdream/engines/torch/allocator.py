"""Makes glibc's malloc, which PyTorch uses on a CPU, keep freed memory for reuse.

The next layers, tiles and steps reuse that memory. This is fast because the system does not have to clear it first. The
gaps between blobs that stay alive cannot always be reused, so a pass takes up to twice the size of its blobs. Other C
libraries are left alone.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 2**25  # bytes; malloc does not keep larger blocks


def keep(max_bytes: int) -> None:
    """Makes malloc keep up to `max_bytes` freed bytes, in blocks of up to 32 MB."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, LARGEST)
        mallopt(_M_TRIM_THRESHOLD, min(max_bytes, 2**31 - 1))
