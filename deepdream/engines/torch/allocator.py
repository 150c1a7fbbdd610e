"""Makes glibc's malloc, which PyTorch uses on a CPU, keep freed memory for reuse.

The next layers, tiles and steps reuse that memory. This is fast because the system does not have to clear it first. The
gaps between blobs that stay alive cannot always be reused, so a pass takes up to twice the size of its blobs, and with
many tiles more. Where memory is limited, malloc therefore keeps small blocks only, and the system clears the others.
Other C libraries are left alone.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 2**25  # bytes; malloc does not keep larger blocks
_SHARE = 64  # of the memory of a pass: the largest block where memory is limited; then gaps were never above the limit


def keep(max_bytes: int, is_limit: bool) -> None:
    """Makes malloc keep up to `max_bytes` freed bytes, in blocks of up to 32 MB, or smaller ones if this is a limit."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, min(LARGEST, max_bytes // _SHARE) if is_limit else LARGEST)
        mallopt(_M_TRIM_THRESHOLD, min(max_bytes, 2**31 - 1))
