"""Runs many dreams in processes of this machine or on a Dask cluster, both through concurrent.futures."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Generator, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .. import __version__, system
from ..console import say
from ..engines import choose_engine
from ..errors import DreamError
from ..images import noise
from ..pipeline import memory
from ..pipeline.request import Request
from ..settings import WORKERS, NetSettings, WorkerSettings
from ..storage import files

Workers = Tuple[Executor, Callable[[], int]]  # the second gives how many jobs they should have now; it may change
_CONTEXT = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
_A_WORKERS_SHARE = 2 * 2**30  # free bytes that each requires: a net, and a picture of a few megapixels
_AHEAD = 2  # factor on the jobs submitted at a time if results are yielded in order
_KILLED = "its worker process was killed, maybe because memory ran out: try --workers 1"
_GONE = "the cluster's scheduler no longer answers: run the same command to resume when it is back"
_TIME_OUT = 10  # seconds
_INSTALL = "install this version where its scheduler and its workers run"


@dataclass(frozen=True)
class WorkerPool:
    """The workers that dream.

    net: the settings that each of them uses. begin: starts them; if one is lost, its jobs are left to the others.
    where: a description, for messages. is_elsewhere: whether paths may mean other files to them.
    """

    net: NetSettings
    begin: Callable[[], ContextManager[Workers]]
    where: str
    is_elsewhere: bool


class Job(NamedTuple):
    """Something to dream: a name, and the arguments of the function that dreams it."""

    name: Any
    args: Tuple[Any, ...]


def find_workers(net: NetSettings, settings: WorkerSettings, most: Optional[int] = None) -> WorkerPool:
    """The workers of the cluster if one is named; otherwise processes, as many as asked for or as suit this machine.

    most: the highest number of processes that is useful.
    """
    if settings.scheduler:
        on_gpu = net.device.startswith("cuda")
        begin = partial(cluster, settings.scheduler, on_gpu)
        return WorkerPool(_for_elsewhere(net), begin, f"on the cluster at {settings.scheduler}", True)
    count = settings.workers or _suitable(net)
    count = count if most is None else min(count, most)
    return WorkerPool(_shared_out(net, count), partial(processes, count), f"{count} at a time", False)


def if_asked(net: NetSettings, settings: WorkerSettings) -> Optional[WorkerPool]:
    """The workers that were asked for; None if this process computes the dreams."""
    return None if settings == WORKERS else find_workers(net, settings)


def for_workers(request: Request, crew: WorkerPool) -> Request:
    """The request as passed to a worker."""
    request = replace(request, net=crew.net)
    if not crew.is_elsewhere:
        return request
    source, guide, mask = map(_from_anywhere, (request.source, request.guide, request.mask))
    return replace(request, source=str(source), target=files.absolute(request.target), guide=guide, mask=mask)


def _from_anywhere(source: Optional[str]) -> Optional[str]:
    """The absolute path of a picture; unchanged if it is missing, standard input, noise or an address."""
    return source if not source or source == "-" or noise.size_of(source) else files.absolute(source)


def as_completed(
    crew: WorkerPool,
    function: Callable[..., Any],
    jobs: Iterable[Job],
    interrupted: Callable[[], Optional[int]],
    in_order: bool = False,
) -> Generator[Tuple[Any, "Future[Any]"], None, None]:
    """Runs the jobs; yields the name of each with its completed future, until all are done or a signal arrives.

    After a signal, the jobs in progress are still completed. Jobs are taken from the iterable as workers become free.
    in_order: yield in the order of the jobs; otherwise as they complete. If a worker process is killed, the whole pool
    breaks and every job in progress is lost. Each of those is then repeated alone, so that only a job that gets its own
    process killed fails.
    Raises DreamError if there are no workers, or the scheduler is lost.
    """
    coming = iter(jobs)
    suspects: List[Job] = []
    is_broken = True
    while is_broken and not interrupted():
        is_broken = False
        with crew.begin() as (executor, capacity):
            at_work: Dict[Future[Any], Job] = {}
            while True:
                most = 1 if suspects else capacity() * (_AHEAD if in_order else 1)
                while len(at_work) < most and not is_broken and not interrupted():
                    job = suspects[0] if suspects else next(coming, None)
                    if job is None:
                        break
                    try:
                        at_work[executor.submit(function, *job.args)] = job
                    except BrokenProcessPool:  # a process was killed while idle
                        suspects = suspects or [job]
                        is_broken = True
                if not at_work:
                    break
                next_ones = [next(iter(at_work))] if in_order else at_work
                for future in wait(next_ones, timeout=1, return_when=FIRST_COMPLETED).done:
                    job = at_work.pop(future)
                    if future.cancelled():
                        raise DreamError(_GONE)
                    is_killed = isinstance(future.exception(), BrokenProcessPool)
                    is_alone = bool(suspects) and job is suspects[0]
                    if is_alone:
                        suspects.pop(0)
                    if is_killed and is_alone:
                        yield job.name, _failed(DreamError(_KILLED))
                    elif is_killed or (is_broken and in_order):  # an earlier job is not done yet
                        suspects.append(job)
                    else:
                        yield job.name, future
                    is_broken = is_broken or is_killed


def result(future: "Future[Any]") -> Any:
    """The result of a job. Raises DreamError if it failed, for any reason."""
    try:
        return future.result()
    except DreamError:
        raise
    except Exception as error:  # an error of the cluster, or out of memory
        raise DreamError(f"{type(error).__name__} {error}".strip().split("\n")[0]) from None


def _failed(error: DreamError) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


@contextlib.contextmanager
def processes(count: int) -> Iterator[Workers]:
    """Worker processes, which end with the context or when this process ends, however that happens.

    Raises DreamError if processes cannot be started.
    """
    try:
        pool = ProcessPoolExecutor(count, _CONTEXT, initializer=_begin)
    except (ImportError, OSError) as error:
        raise DreamError(
            f"worker processes cannot be started here ({error}): mount /dev/shm, which they require"
        ) from None
    with pool:
        try:
            yield pool, lambda: count
        except BaseException:
            for child in multiprocessing.active_children():
                child.kill()
            raise


@contextlib.contextmanager
def cluster(address: str, on_gpu: bool) -> Iterator[Workers]:
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
        yield executor, _Capacity(client, on_gpu)


class _Capacity:
    """The number of jobs that a cluster should have; reports when no workers are left."""

    def __init__(self, client: Any, on_gpu: bool):
        self._client, self._on_gpu = client, on_gpu
        self._said = False

    def __call__(self) -> int:
        try:
            places = self._client.run_on_scheduler(_places, self._on_gpu)
        except Exception:  # Dask raises many kinds when a connection is lost
            raise DreamError(_GONE) from None
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


def _check(client: Any, address: str, on_gpu: bool) -> None:
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


def _suitable(net: NetSettings) -> int:
    """The number of worker processes: one per core, as far as memory allows; one on a GPU."""
    if _on_gpu(net.device):
        return 1
    most = net.memory or system.free()
    return _cores() if most is None else max(1, min(_cores(), most // _A_WORKERS_SHARE))


def _on_gpu(device: str) -> bool:
    if device != "auto":
        return device != "cpu"
    if not find_spec("torch"):
        return False
    choose_engine("torch")  # reports if it cannot be loaded
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shared_out(net: NetSettings, workers: int) -> NetSettings:
    """The net settings for each of several workers: with its share of threads and memory."""
    threads = net.threads or max(1, _cores() // workers)
    free = system.free()
    most = net.memory or (free if free is None else int(memory.MARGIN * free))
    return replace(net, threads=threads, memory=None if most is None else max(1, most // workers))


def _for_elsewhere(net: NetSettings) -> NetSettings:
    """The net settings for a cluster worker: in another folder, and one of many on its machine."""
    net = replace(net, threads=net.threads or 1)
    return replace(net, model=files.absolute(net.model)) if Path(net.model).is_dir() else net


def _begin() -> None:
    """Makes a worker ignore Ctrl-C, which its parent handles, and end with its parent, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
