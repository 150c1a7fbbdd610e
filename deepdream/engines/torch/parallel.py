"""Loops on the threads that PyTorch itself computes with.

PyTorch's OpenMP threads stay awake for a while after a convolution, waiting for more. Threads of our own would have to
share the cores with them, and take twice as long.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

import torch

_Part = ctypes.CFUNCTYPE(None)


def in_parts(loop: Any, count: int, *args: Any) -> None:
    """loop(*args, first, last) for all of `count` rows, a part of them on each of PyTorch's number of threads.

    The loop is compiled code that does not hold Python's lock.
    """
    threads, run = torch.get_num_threads(), _openmp()
    cuts = [count * i // threads for i in range(threads + 1)]
    if threads == 1 or run is None:
        others = [_pool(threads).submit(loop, *args, *part) for part in zip(cuts[1:], cuts[2:])]
        loop(*args, *cuts[:2])
        for other in others:
            other.result()
        return
    loop(*args, 0, 0)  # compiles it where that is still to be done, which Ctrl-C may end
    # Each thread takes parts until none are left. No Python code runs on them: a signal's exception would be lost.
    parts, done = map(partial(loop, *args), cuts, cuts[1:]), []  # type: ignore[var-annotated]
    run(_Part(partial(done.extend, parts)), None, threads, 0)
    if len(done) < threads:
        raise RuntimeError(f"{loop.__name__} has failed")


@lru_cache(maxsize=None)
def _openmp() -> Any:
    """GOMP_parallel(function, its argument, threads, flags), by which compilers start a parallel region.

    It is that of the library that PyTorch has loaded (GCC's, Intel's or LLVM's); None where that has none.
    """
    run = getattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel", None)
    if run is not None:
        run.argtypes, run.restype = [_Part, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return run


@lru_cache(maxsize=None)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
