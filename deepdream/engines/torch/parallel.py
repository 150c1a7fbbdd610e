"""Runs compiled loops on PyTorch's own threads.

PyTorch's OpenMP threads keep spinning for a while after a convolution, waiting for more work. Threads of our own would
compete with them for the cores and take twice as long.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Callable, Optional

import torch

Loop = Callable[..., object]
_Part = ctypes.CFUNCTYPE(None)


def in_parts(loop: Loop, count: int, *args: object) -> None:
    """Calls loop(*args, first, last) so that all `count` rows are covered, split among PyTorch's threads.

    The loop must be compiled code that releases the GIL.
    """
    threads, run = torch.get_num_threads(), _openmp()
    cuts = [count * i // threads for i in range(threads + 1)]
    if threads == 1 or run is None:
        others = [_pool(threads).submit(loop, *args, *part) for part in zip(cuts[1:], cuts[2:])]
        loop(*args, *cuts[:2])
        for other in others:
            other.result()
        return
    loop(*args, 0, 0)  # compiles the loop on its first use, here where Ctrl-C can interrupt it
    # Each thread takes parts until none are left. They run no Python code, where a signal's exception would be lost.
    parts, done = map(partial(loop, *args), cuts, cuts[1:]), []  # type: ignore[var-annotated]
    run(_Part(partial(done.extend, parts)), None, threads, 0)
    if len(done) < threads:
        raise RuntimeError(f"{getattr(loop, '__name__', loop)} has failed")


@lru_cache(maxsize=None)
def _openmp() -> Optional[Callable[..., None]]:
    """GOMP_parallel(function, its argument, threads, flags), which compilers call to start a parallel region.

    It comes from the OpenMP library that PyTorch has loaded (GCC's, Intel's or LLVM's). None if that library lacks it.
    """
    run = getattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel", None)
    if run is not None:
        run.argtypes, run.restype = [_Part, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return run


@lru_cache(maxsize=None)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
