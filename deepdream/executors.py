"""Where a batch is worked on: processes of this machine, or a Dask cluster; both as concurrent.futures has them."""

import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any, Callable, Iterator, Tuple

from . import __version__
from .errors import DreamError

Workers = Tuple[Executor, Callable[[], int]]  # and how many files they should have at a time, which may change
_CONTEXT = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
_TIME_OUT = 10  # seconds
_INSTALL = "install this version where its scheduler and its workers run"


@contextlib.contextmanager
def processes(count: int) -> Iterator[Workers]:
    """Worker processes, which end when the executor is left, or this process in whatever way.

    Raises DreamError where there can be none.
    """
    try:
        pool = ProcessPoolExecutor(count, _CONTEXT, initializer=_begin)
    except (ImportError, OSError) as error:
        raise DreamError(f"no worker processes can be had here ({error}): mount /dev/shm, which they want") from None
    with pool:
        try:
            yield pool, lambda: count
        except BaseException:
            for child in multiprocessing.active_children():
                child.kill()
            raise


@contextlib.contextmanager
def cluster(address: str, on_gpu: bool) -> Iterator[Workers]:
    """The workers of a Dask cluster, on which this package is installed; what one leaves undone, another one does.

    address: its scheduler's, such as tcp://10.0.0.1:8786. on_gpu: only workers with the resource GPU, each of which is
    one dream's. Raises DreamError where no scheduler answers, or Dask is missing.
    """
    try:
        from distributed import Client
    except ImportError:
        raise DreamError("a cluster needs Dask, which is not installed here: pip install distributed") from None
    try:
        client = Client(address, timeout=_TIME_OUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DreamError(f"no Dask scheduler answers at {address} ({error}): check the address") from None
    resources = {"GPU": 1} if on_gpu else None
    with client:
        _check(client, address)
        with client.get_executor(pure=False, resources=resources) as executor:
            # Twice as many as can be at work, so that no worker waits for the next file.
            yield executor, lambda: 2 * sum(client.nthreads().values()) or 1


def _check(client: Any, address: str) -> None:
    """Raises DreamError where a cluster has no workers, or not this package, which its scheduler needs too."""
    if not client.nthreads():
        raise DreamError(
            f"the cluster at {address} has no workers: start one with `dask worker {address} --nthreads 1`"
        )
    try:
        there = client.submit(_version, pure=False).result(timeout=_TIME_OUT)
    except Exception as error:  # whatever Dask makes of a module that it does not find
        detail = str(error).strip().split("\n")[0] or type(error).__name__
        raise DreamError(f"the cluster at {address} cannot dream ({detail}): {_INSTALL}") from None
    if there != __version__:
        raise DreamError(f"the cluster at {address} has dreamify {there}, and this is {__version__}: {_INSTALL}")


def _version() -> str:
    return __version__


def _begin() -> None:
    """A worker leaves Ctrl-C to the process that began it, and ends with that one, whatever ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
