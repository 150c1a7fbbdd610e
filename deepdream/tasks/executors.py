"""Where many dreams are dreamt: processes of this machine, or a Dask cluster; both as concurrent.futures has them."""

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

Workers = Tuple[Executor, Callable[[], int]]  # and how many jobs they should have at a time, which may change
_CONTEXT = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
_A_WORKERS_SHARE = 2 * 2**30  # bytes that have to be free for each: a net, and a picture of some megapixels
_AHEAD = 2  # times as many as work at a time may be done before the one that is to come first
_KILLED = "the process that dreamt it was killed, maybe for want of memory: try --workers 1"
_GONE = "the cluster's scheduler does not answer any more: the same command goes on when it does"
_TIME_OUT = 10  # seconds
_INSTALL = "install this version where its scheduler and its workers run"


@dataclass(frozen=True)
class WorkerPool:
    """Those who dream.

    net: as each of them has it. begin: gives the workers, of whom what one leaves undone, others have to do.
    where: they are, in words. is_elsewhere: whether paths mean other files to them.
    """

    net: NetSettings
    begin: Callable[[], ContextManager[Workers]]
    where: str
    is_elsewhere: bool


class Job(NamedTuple):
    """Something to be dreamt: its name, and what the function that dreams it is called with."""

    name: Any
    args: Tuple[Any, ...]


def find_workers(net: NetSettings, settings: WorkerSettings, most: Optional[int] = None) -> WorkerPool:
    """The workers of a cluster where one is named, else processes: so many, or those that suit this machine.

    most: there is no use for more of them.
    """
    if settings.scheduler:
        on_gpu = net.device.startswith("cuda")
        begin = partial(cluster, settings.scheduler, on_gpu)
        return WorkerPool(_for_elsewhere(net), begin, f"on the cluster at {settings.scheduler}", True)
    count = settings.workers or _suitable(net)
    count = count if most is None else min(count, most)
    return WorkerPool(_shared_out(net, count), partial(processes, count), f"{count} at a time", False)


def if_asked(net: NetSettings, settings: WorkerSettings) -> Optional[WorkerPool]:
    """The workers that were asked for; None where this process is to dream."""
    return None if settings == WORKERS else find_workers(net, settings)


def for_workers(request: Request, crew: WorkerPool) -> Request:
    """The request as a worker has it."""
    request = replace(request, net=crew.net)
    if not crew.is_elsewhere:
        return request
    source, guide, mask = map(_from_anywhere, (request.source, request.guide, request.mask))
    return replace(request, source=str(source), target=files.absolute(request.target), guide=guide, mask=mask)


def _from_anywhere(source: Optional[str]) -> Optional[str]:
    """What a picture is called elsewhere: its whole path, unless it is none, standard input, noise or an address."""
    return source if not source or source == "-" or noise.size_of(source) else files.absolute(source)


def as_completed(
    crew: WorkerPool,
    function: Callable[..., Any],
    jobs: Iterable[Job],
    interrupted: Callable[[], Optional[int]],
    in_order: bool = False,
) -> Generator[Tuple[Any, "Future[Any]"], None, None]:
    """Has the jobs done; yields the name of each with its future, which is done, until all are or a signal comes.

    What is under way then is finished. Jobs are taken when there is somebody for them. in_order: they are yielded as
    they came, or else as they are done. A process that is killed takes with it what all others are at; each of those
    jobs then has all workers to itself, so that it fails only where it is the one that gets its process killed.
    Raises DreamError where there are no workers, or no scheduler any more.
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
                    except BrokenProcessPool:  # while nothing was to be done
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
                    elif is_killed or (is_broken and in_order):  # what comes before it is not done yet
                        suspects.append(job)
                    else:
                        yield job.name, future
                    is_broken = is_broken or is_killed


def result(future: "Future[Any]") -> Any:
    """What a job came to. Raises DreamError where it failed, whatever the reason."""
    try:
        return future.result()
    except DreamError:
        raise
    except Exception as error:  # a cluster's, or memory that has run out
        raise DreamError(f"{type(error).__name__} {error}".strip().split("\n")[0]) from None


def _failed(error: DreamError) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


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
    logging.disable()  # Dask's, which tells at length of what is told here in a sentence
    with contextlib.ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        stack.enter_context(client)
        _check(client, address, on_gpu)
        executor = client.get_executor(pure=False, resources={"GPU": 1} if on_gpu else None)
        stack.callback(executor.shutdown, wait=False)  # nothing is under way, or it is not wanted any more
        yield executor, _Capacity(client, on_gpu)


class _Capacity:
    """How many jobs a cluster should have; says where there is nobody left to do them."""

    def __init__(self, client: Any, on_gpu: bool):
        self._client, self._on_gpu = client, on_gpu
        self._said = False

    def __call__(self) -> int:
        try:
            places = self._client.run_on_scheduler(_places, self._on_gpu)
        except Exception:  # whatever Dask makes of a connection that is lost
            raise DreamError(_GONE) from None
        if not places and not self._said:
            say("the cluster has no workers any more: it goes on with the next that comes")
        self._said = not places
        return 2 * places or 1  # twice as many as can be at work, so that no worker waits for the next one


def _places(on_gpu: bool, dask_scheduler: Any = None) -> int:
    """What a scheduler knows of its cluster: how many dreams can be at work there."""
    workers = dask_scheduler.workers.values()
    return int(sum(worker.resources.get("GPU", 0) if on_gpu else worker.nthreads for worker in workers))


def _version() -> str:
    return __version__


def _check(client: Any, address: str, on_gpu: bool) -> None:
    """Raises DreamError where a cluster has no workers, or not this package, which its scheduler needs too."""
    try:
        found = {*client.run(_version).values(), client.run_on_scheduler(_version)}
        places = client.run_on_scheduler(_places, on_gpu)
    except Exception as error:  # whatever Dask makes of a module that it does not find
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
    """Worker processes: one for each core that there is memory for, or one where a GPU computes."""
    if _on_gpu(net.device):
        return 1
    most = net.memory or system.free()
    return _cores() if most is None else max(1, min(_cores(), most // _A_WORKERS_SHARE))


def _on_gpu(device: str) -> bool:
    if device != "auto":
        return device != "cpu"
    if not find_spec("torch"):
        return False
    choose_engine("torch")  # says so where it cannot be loaded
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shared_out(net: NetSettings, workers: int) -> NetSettings:
    """The net as each of so many workers has it: with its share of the threads and of the memory."""
    threads = net.threads or max(1, _cores() // workers)
    free = system.free()
    most = net.memory or (free if free is None else int(memory.MARGIN * free))
    return replace(net, threads=threads, memory=None if most is None else max(1, most // workers))


def _for_elsewhere(net: NetSettings) -> NetSettings:
    """The net as a cluster's worker has it, which is in another folder, and one of many on its machine."""
    net = replace(net, threads=net.threads or 1)
    return replace(net, model=files.absolute(net.model)) if Path(net.model).is_dir() else net


def _begin() -> None:
    """A worker leaves Ctrl-C to the process that began it, and ends with that one, whatever ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
