"""A Dask cluster as workers."""

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Iterator

from .. import __version__
from ..console import say
from ..errors import DreamError

if TYPE_CHECKING:
    from distributed import Client

    from .executors import Workers

GONE = "the cluster's scheduler no longer answers: run the same command to resume when it is back"
_TIME_OUT = 10  # seconds
_INSTALL = "install this version where its scheduler and its workers run"


@contextlib.contextmanager
def cluster(address: str, on_gpu: bool) -> Iterator["Workers"]:
    """The workers of a Dask cluster that has this package installed; jobs of a lost worker go to another.

    address: of its scheduler, such as tcp://10.0.0.1:8786. on_gpu: use only workers with the resource GPU; each unit of
    it runs one dream at a time. Raises DreamError if no scheduler answers or Dask is missing.
    """
    try:
        from distributed import Client
    except ImportError:
        raise DreamError("a cluster requires Dask, which is not installed here: pip install distributed") from None
    try:
        client = Client(address, timeout=_TIME_OUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DreamError(f"no Dask scheduler answers at {address} ({error}): check the address") from None
    logging.disable()  # silence Dask's long reports of what is said here in one sentence
    with contextlib.ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        stack.enter_context(client)
        _check(client, address, on_gpu)
        executor = client.get_executor(pure=False, resources={"GPU": 1} if on_gpu else None)
        stack.callback(executor.shutdown, wait=False)  # nothing is in progress, or it is no longer wanted
        yield executor.submit, _Capacity(client, on_gpu)


class _Capacity:
    """The number of jobs that a cluster should have; reports when no workers are left."""

    def __init__(self, client: "Client", on_gpu: bool):
        self._client, self._on_gpu = client, on_gpu
        self._said = False

    def __call__(self) -> int:
        try:
            places = self._client.run_on_scheduler(_places, self._on_gpu)
        except Exception:  # Dask raises many kinds when a connection is lost
            raise DreamError(GONE) from None
        if not places and not self._said:
            say("the cluster has no workers left: waiting for one to join")
        self._said = not places
        return 2 * places or 1  # twice as many as can run, so that no worker waits for its next job


def _places(on_gpu: bool, dask_scheduler: Any = None) -> int:
    """How many dreams the cluster can run at a time; runs on the scheduler."""
    workers = dask_scheduler.workers.values()
    return int(sum(worker.resources.get("GPU", 0) if on_gpu else worker.nthreads for worker in workers))


def _version() -> str:
    return __version__


def _check(client: "Client", address: str, on_gpu: bool) -> None:
    """Raises DreamError if a cluster has no workers, or its workers or scheduler lack this package."""
    try:
        found = {*client.run(_version).values(), client.run_on_scheduler(_version)}
        places = client.run_on_scheduler(_places, on_gpu)
    except Exception as error:  # Dask raises many kinds when a module is missing
        detail = str(error).strip().split("\n")[0] or type(error).__name__
        raise DreamError(f"the cluster at {address} cannot dream ({detail}): {_INSTALL}") from None
    others = found - {__version__}
    if others:
        raise DreamError(f"the cluster at {address} has dreamify {others.pop()}, and this is {__version__}: {_INSTALL}")
    if not places:
        wanted, more = ("workers with the resource GPU", " --resources GPU=1") if on_gpu else ("workers", "")
        start = f"dask worker {address} --nthreads 1{more}"
        raise DreamError(f"the cluster at {address} has no {wanted}: start one with `{start}`")
