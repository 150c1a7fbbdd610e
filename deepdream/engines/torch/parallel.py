"""Runs compiled loops on PyTorch's own threads.

PyTorch's OpenMP threads keep spinning for a while after a convolution, waiting for more work. Threads of our own would
compete with them for the cores and take twice as long.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Callable, Optional, Sequence

import torch

Part = Callable[[int, int], object]  # takes the first row and the last one + 1; no Python code
_Region = ctypes.CFUNCTYPE(None)


def in_parts(parts: Sequence[Part], count: int) -> None:
    """Calls each of the parts, one for each of PyTorch's threads, so that all `count` rows are covered."""
    if len(parts) == 1:
        parts[0](0, count)
        return
    threads, run = len(parts), _openmp()
    cuts = [count * i // threads for i in range(threads + 1)]
    works = [partial(part, first, last) for part, first, last in zip(parts, cuts, cuts[1:])]
    if run is None:
        others = [_pool(threads).submit(work) for work in works[1:]]
        works[0]()
        for other in others:
            other.result()
        return
    # Each thread takes parts until none are left. They run no Python code, where a signal's exception would be lost.
    results, done = map(partial.__call__, works), []  # type: ignore[var-annotated]
    run(_Region(partial(done.extend, results)), None, threads, 0)
    if len(done) < threads:
        raise RuntimeError("a part of a compiled loop has failed")


@lru_cache(maxsize=None)
def _openmp() -> Optional[Callable[..., None]]:
    """GOMP_parallel(function, its argument, threads, flags), which compilers call to start a parallel region.

    It comes from the OpenMP library that PyTorch has loaded (GCC's, Intel's or LLVM's). None if that library lacks it.
    """
    run = getattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel", None)
    if run is not None:
        run.argtypes, run.restype = [_Region, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return run


@lru_cache(maxsize=None)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
