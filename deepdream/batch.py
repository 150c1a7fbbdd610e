"""Many pictures with one recipe: worker processes, each with a net that it loads once, dream file after file."""

import glob
import os
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Callable, ContextManager, Dict, List, Optional, Sequence, Set

import numpy as np

from . import aside, executors, memory, picture
from .batch_worker import Done, dream_file
from .errors import DreamError, UsageError
from .executors import Workers
from .preparation import check
from .request import Request
from .settings import BATCH, BatchSettings
from .terminal import bar, interruptible, say

_A_WORKERS_SHARE = 2 * 2**30  # bytes that have to be free for each: a net, and a picture of some megapixels
_UNDER_WAY = "the pictures under way"
_TRIES = 2  # of a file whose process was killed


def run(sources: Sequence[str], request: Request, settings: BatchSettings = BATCH, force: bool = False) -> int:
    """Dreams all pictures into a folder; returns the exit code: 1 where a file failed, 128 and a signal's number.

    sources: pictures, folders of them and patterns such as "*.jpg". request: its target is the folder. force: dream
    what is there already anew.
    Raises UsageError before anything is dreamt where two files would get one name.
    """
    jobs = find_jobs(sources, request.target)
    check(request)
    open_seed = request.dream.seed is None
    if open_seed:
        request = replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))
    if settings.scheduler:
        request = _for_elsewhere(request)
        jobs = {_absolute(source): _absolute(target) for source, target in jobs.items()}
        at_work = partial(executors.cluster, settings.scheduler, on_gpu=request.net.device.startswith("cuda"))
        where = f"on the cluster at {settings.scheduler}"
    else:
        count = min(settings.workers or _suitable(request), len(jobs))
        request = _shared_out(request, count)
        at_work, where = partial(executors.processes, count), f"{count} at a time"
    try:
        Path(request.target).mkdir(exist_ok=True)
    except OSError as error:
        raise DreamError(f"the folder {request.target} cannot be made ({error.strerror})") from None
    aside.clear(Path(request.target))
    return _Batch(request, jobs, force, open_seed).run(at_work, where)


def find_jobs(sources: Sequence[str], folder: str) -> Dict[str, str]:
    """{picture: what its dream is called}, the same name, or one in .png where the format cannot be written.

    Raises UsageError where nothing is found, or dreams would get one name or replace a picture.
    """
    jobs: Dict[str, str] = {}
    named: Dict[str, str] = {}
    for source in _found(sources):
        path = Path(source)
        name = path.name if path.suffix.lower() in picture.extensions() else path.stem + ".png"
        other = named.setdefault(os.path.normcase(name), source)
        if os.path.realpath(other) != os.path.realpath(source):
            raise UsageError(f"{other} and {source} would both become {name}: rename one, or use two folders")
        target = str(Path(folder) / name)
        if os.path.realpath(target) == os.path.realpath(source):
            raise UsageError(f"the dream of {source} would replace it: choose another folder")
        jobs[source] = target
    return jobs


def _found(sources: Sequence[str]) -> List[str]:
    found: List[str] = []
    for source in sources:
        if Path(source).is_dir():
            here = sorted(str(path) for path in Path(source).iterdir() if path.is_file() and picture.is_named_so(path))
        elif not Path(source).exists() and glob.has_magic(source):
            here = sorted(path for path in glob.glob(source, recursive=True) if Path(path).is_file())  # noqa: PTH207
        else:
            here = [source]
        if not here:
            raise UsageError(f"there are no pictures in {source}: check the path")
        found += here
    return list(dict.fromkeys(found))


def _suitable(request: Request) -> int:
    """Worker processes: one for each core that there is memory for, or one where a GPU computes."""
    if _on_gpu(request.net.device):
        return 1
    most = request.net.memory or memory.free() or 2**63
    return max(1, min(_cores(), most // _A_WORKERS_SHARE))


def _on_gpu(device: str) -> bool:
    if device != "auto":
        return device != "cpu"
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shared_out(request: Request, workers: int) -> Request:
    """The request as each of so many workers has it: with its share of the threads and of the memory."""
    net = request.net
    threads = net.threads or max(1, _cores() // workers)
    most = net.memory or int(memory.MARGIN * (memory.free() or 0)) or None
    return replace(request, net=replace(net, threads=threads, memory=most and most // workers))


def _for_elsewhere(request: Request) -> Request:
    """The request as a cluster's worker has it, which is in another folder, and one of many on its machine."""
    net = replace(request.net, threads=request.net.threads or 1)
    if Path(net.model).is_dir():
        net = replace(net, model=_absolute(net.model))
    guide, mask = (path and _absolute(path) for path in (request.guide, request.mask))
    return replace(request, net=net, guide=guide, mask=mask)


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


class _Batch:
    """The files of one call, on their way through the workers."""

    def __init__(self, request: Request, jobs: Dict[str, str], force: bool, open_seed: bool):
        self._request, self._force, self._open_seed = request, force, open_seed
        self._jobs = jobs
        self._waiting = list(jobs)
        self._tries = dict.fromkeys(jobs, 0)
        self._said: Set[str] = set()
        self._dreamt = self._before = self._failed = 0

    def run(self, workers: Callable[[], ContextManager[Workers]], where: str) -> int:
        """The exit code. where: the workers are, in words."""
        count = len(self._jobs)
        say(f"{count} picture{'s' if count > 1 else ''}, {where}")
        with bar("{n_fmt} of {total_fmt} pictures", count) as self._progress, interruptible(_UNDER_WAY) as interrupted:
            while self._waiting and not interrupted():
                with workers() as (executor, capacity):  # a process that is killed takes its pool with it
                    self._go_through(executor, capacity, interrupted)
        self._sum_up()
        signal_number = interrupted()
        return 128 + signal_number if self._waiting and signal_number else int(self._failed > 0)

    def _go_through(
        self, executor: Executor, capacity: Callable[[], int], interrupted: Callable[[], Optional[int]]
    ) -> None:
        """Has the waiting files dreamt, so many at a time, until all are or a signal comes."""
        at_work: Dict[Future[Done], str] = {}
        is_whole = True
        while at_work or (is_whole and self._waiting and not interrupted()):
            while is_whole and self._waiting and len(at_work) < capacity() and not interrupted():
                source = self._waiting.pop(0)
                request = replace(self._request, source=source, target=self._jobs[source])
                at_work[executor.submit(dream_file, request, self._force, self._open_seed)] = source
            for future in wait(at_work, timeout=1, return_when=FIRST_COMPLETED).done:
                is_whole = self._take(at_work.pop(future), future) and is_whole

    def _take(self, source: str, future: "Future[Done]") -> bool:
        """Counts and tells what came of a file; returns whether its pool still works."""
        try:
            done = future.result()
        except BrokenProcessPool:
            self._tries[source] += 1
            if self._tries[source] < _TRIES:
                self._waiting.append(source)
            else:
                self._fail(source, "the process that dreamt it was killed, maybe for want of memory: try --workers 1")
            return False
        except DreamError as error:
            self._fail(source, str(error))
            return True
        except Exception as error:  # a cluster's, or memory that has run out
            self._fail(source, f"{type(error).__name__} {error}".strip().split("\n")[0])
            return True
        self._dreamt += not done.before
        self._before += done.before
        for line in done.said:
            if line not in self._said:  # what is true of one file and the next is said once
                self._said.add(line)
                self._tell(line)
        self._progress.update()
        return True

    def _fail(self, source: str, reason: str) -> None:
        self._failed += 1
        self._tell(reason if reason.startswith(source) else f"{source}: {reason}")
        self._progress.update()

    def _tell(self, line: str) -> None:
        self._progress.clear()
        say(line)

    def _sum_up(self) -> None:
        numbers = {"dreamt": self._dreamt, "done before": self._before, "failed": self._failed}
        words = [f"{number} {what}" for what, number in numbers.items() if number]
        if self._waiting:
            words.append(f"{len(self._waiting)} left, with which the same command goes on")
        say(f"{', '.join(words)}: {self._request.target}")
