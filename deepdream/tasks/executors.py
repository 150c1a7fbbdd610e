"""Runs many dreams in processes of this machine or on a Dask cluster, both through concurrent.futures."""

import collections
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import (
    Any,
    Callable,
    ContextManager,
    Deque,
    Generator,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

from .. import system
from ..engines import choose_engine
from ..errors import DreamError
from ..images import noise
from ..pipeline import memory
from ..pipeline.request import Request
from ..settings import WORKERS, NetSettings, WorkerSettings
from ..storage import files
from . import dask_cluster

Submit = Callable[..., "Future[Any]"]  # takes a function and its arguments
Workers = Tuple[Submit, Callable[[], int]]  # the second gives how many jobs they should have now; it may change
_CONTEXT = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
_A_WORKERS_SHARE = 2 * 2**30  # free bytes that each requires: a net, and a picture of a few megapixels
_AHEAD = 2  # factor on the jobs submitted at a time if results are yielded in order
_KILLED = "a worker process was killed, maybe because memory ran out: try --workers 1"


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


def find_workers(net: NetSettings, settings: WorkerSettings, max_count: Optional[int] = None) -> WorkerPool:
    """The workers of the cluster if one is named; otherwise processes, as many as asked for or as suit this machine.

    max_count: the highest number of processes that is useful.
    """
    if settings.scheduler:
        on_gpu = net.device.startswith("cuda")
        begin = partial(dask_cluster.cluster, settings.scheduler, on_gpu)
        return WorkerPool(_for_elsewhere(net), begin, f"on the cluster at {settings.scheduler}", True)
    count = settings.workers or _suitable(net)
    count = count if max_count is None else min(count, max_count)
    return WorkerPool(_shared_out(net, count), partial(processes, count), f"{count} at a time", False)


def if_asked(net: NetSettings, settings: WorkerSettings) -> Optional[WorkerPool]:
    """The workers that were asked for; None if this process computes the dreams."""
    return None if settings == WORKERS else find_workers(net, settings)


def for_workers(request: Request, pool: WorkerPool) -> Request:
    """The request as passed to a worker."""
    request = replace(request, net=pool.net)
    if not pool.is_elsewhere:
        return request
    source, guide, mask = map(_from_anywhere, (request.source, request.guide, request.mask))
    return replace(request, source=str(source), target=files.absolute(request.target), guide=guide, mask=mask)


def _from_anywhere(source: Optional[str]) -> Optional[str]:
    """The absolute path of a picture; unchanged if it is missing, standard input, noise or an address."""
    return source if not source or source == "-" or noise.size_of(source) else files.absolute(source)


@dataclass
class _Task:
    """A job with its future; None once its worker process was killed, until it is submitted again."""

    job: Job
    future: "Optional[Future[Any]]"
    is_retried: bool = False

    @property
    def is_running(self) -> bool:
        return self.future is not None and not self.future.done()


def as_completed(
    pool: WorkerPool,
    function: Callable[..., Any],
    jobs: Iterable[Job],
    interrupted: Callable[[], Optional[int]],
    in_order: bool = False,
) -> Generator[Tuple[Any, "Future[Any]"], None, None]:
    """Runs the jobs; yields the name of each with its completed future, until all are done or a signal arrives.

    After a signal, the jobs in progress are still completed. Jobs are taken from the iterable as workers become free.
    A job whose worker process is killed is repeated alone, so that it fails only if memory is too small for it by
    itself.

    in_order: yield in the order of the jobs; otherwise as they complete.
    Raises DreamError if there are no workers, or the scheduler is lost.
    """
    coming = iter(jobs)
    tasks: List[_Task] = []  # in the order of the jobs
    with pool.begin() as (submit, capacity):
        while True:
            killed = next((task for task in tasks if task.future is None), None)
            if killed and not any(task.is_running for task in tasks):
                if interrupted():
                    return
                killed.future, killed.is_retried = submit(function, *killed.job.args), True
            limit = 0 if killed else capacity() * (_AHEAD if in_order else 1)
            while len(tasks) < limit and not interrupted():
                job = next(coming, None)
                if job is None:
                    break
                tasks.append(_Task(job, submit(function, *job.args)))
            futures = [task.future for task in tasks if task.future]
            if not futures:
                return
            wait([future for future in futures if not future.done()] or futures, 1, FIRST_COMPLETED)
            for task in list(tasks):
                if task.future and task.future.done():
                    if not _is_killed(task.future) or task.is_retried:
                        tasks.remove(task)
                        yield task.job.name, task.future
                        continue
                    task.future = None
                if in_order:  # the first job that is not done holds the others back
                    break


def _is_killed(future: "Future[Any]") -> bool:
    """Whether a worker process was killed during a job. Raises DreamError if no worker is left to do it."""
    if future.cancelled():
        raise DreamError(dask_cluster.GONE)
    return isinstance(future.exception(), BrokenProcessPool)


def result(future: "Future[Any]") -> Any:
    """The result of a job. Raises DreamError if it failed, for any reason."""
    try:
        return future.result()
    except DreamError:
        raise
    except BrokenProcessPool:
        raise DreamError(_KILLED) from None
    except Exception as error:  # an error of the cluster, or out of memory
        raise DreamError(f"{type(error).__name__} {error}".strip().split("\n")[0]) from None


@contextlib.contextmanager
def processes(count: int) -> Iterator[Workers]:
    """Worker processes, which end with the context or when this process ends, however that happens.

    Raises DreamError if processes cannot be started.
    """
    try:
        workers = _Processes(count)
        begun = [workers.submit(os.getpid) for _ in range(count)]
        begun[0].result()
    except BrokenProcessPool:
        raise DreamError(_KILLED) from None
    except (ImportError, NotImplementedError, OSError) as error:
        raise DreamError(
            f"worker processes cannot be started here ({error}): mount /dev/shm, which they require"
        ) from None
    try:
        yield workers.submit, lambda: count
    except BaseException:
        workers.forget()
        for child in multiprocessing.active_children():
            child.kill()
        raise
    finally:
        workers.end()


class _Processes:
    """Worker processes, each with an executor of its own, which is replaced if its process is killed.

    Processes of one executor share its locks: one that is killed while it holds a lock would stop all others.
    """

    def __init__(self, count: int):
        self._idle = [_executor() for _ in range(count)]
        self._busy: List[ProcessPoolExecutor] = []
        self._waiting: Deque[Tuple[Future[Any], Callable[..., Any], Tuple[Any, ...]]] = collections.deque()
        self._lock = threading.RLock()

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Runs a job as soon as a process is idle. Its future has a BrokenProcessPool if that is killed."""
        future: Future[Any] = Future()
        with self._lock:
            self._waiting.append((future, function, args))
            self._begin_next()
        return future

    def forget(self) -> None:
        """Begins none of the jobs that wait for a process."""
        with self._lock:
            self._waiting.clear()

    def end(self) -> None:
        """Ends the processes; waits for them."""
        self.forget()
        with self._lock:
            executors = [*self._idle, *self._busy]
        for executor in executors:
            executor.shutdown()

    def _begin_next(self) -> None:
        if not (self._idle and self._waiting):
            return
        executor, (future, function, args) = self._idle.pop(0), self._waiting.popleft()
        try:
            inner = executor.submit(function, *args)
        except BrokenProcessPool:  # it was killed while it was idle
            executor = _executor()
            inner = executor.submit(function, *args)
        self._busy.append(executor)
        inner.add_done_callback(partial(self._done, executor, future))

    def _done(self, executor: ProcessPoolExecutor, future: "Future[Any]", inner: "Future[Any]") -> None:
        error = inner.exception()
        with self._lock:
            self._busy.remove(executor)
            self._idle.append(_executor() if isinstance(error, BrokenProcessPool) else executor)
            self._begin_next()
        if error is None:
            future.set_result(inner.result())
        else:
            future.set_exception(error)


def _executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=_CONTEXT, initializer=_begin)


def _suitable(net: NetSettings) -> int:
    """The number of worker processes: one per core, as far as memory allows; one on a GPU."""
    if _on_gpu(net.device):
        return 1
    limit = net.memory or system.free()
    return _cores() if limit is None else max(1, min(_cores(), limit // _A_WORKERS_SHARE))


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
    limit = net.memory or (free if free is None else int(memory.MARGIN * free))
    return replace(net, threads=threads, memory=None if limit is None else max(1, limit // workers))


def _for_elsewhere(net: NetSettings) -> NetSettings:
    """The net settings for a cluster worker: in another folder, and one of many on its machine."""
    net = replace(net, threads=net.threads or 1)
    return replace(net, model=files.absolute(net.model)) if Path(net.model).is_dir() else net


def _begin() -> None:
    """Makes a worker ignore Ctrl-C, which its parent handles, and end with its parent, however that ends."""
    from . import worker  # noqa: F401  # the slow imports, before the first job

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.version_info >= (3, 8):  # before, a worker whose parent was killed ends after its current dream
        parent = multiprocessing.parent_process()  # novermin
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
