"""Many pictures with one recipe: worker processes, each with a net that it loads once, dream file after file."""

import contextlib
import glob
import io
import json
import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set

import numpy as np

from . import memory, picture
from .dream import dreamt
from .errors import DreamError, UsageError
from .preparation import Prepared, check, prepare, varied
from .request import Recipe, Request, read_inputs
from .settings import BATCH, BatchSettings
from .terminal import bar, interruptible, say

_A_WORKERS_SHARE = 2 * 2**30  # bytes that have to be free for each: a net, and a picture of some megapixels
_UNDER_WAY = "the pictures under way"
_CONTEXT = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
_TRIES = 2  # of a file whose process was killed
# Keys of a recipe that say how a dream was computed, not what was asked for.
_HOW = {"version", "engine", "engine_version", "device", "threads", "memory"}


class Done(NamedTuple):
    """What came of a file: whether it had been dreamt before, and what the program said of it, line by line."""

    before: bool
    said: List[str]


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
    workers = min(settings.workers or _suitable(request), len(jobs))
    request = _shared_out(request, workers)
    try:
        Path(request.target).mkdir(exist_ok=True)
    except OSError as error:
        raise DreamError(f"the folder {request.target} cannot be made ({error.strerror})") from None
    return _Batch(request, jobs, force, open_seed).run(workers)


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


class _Batch:
    """The files of one call, on their way through the workers."""

    def __init__(self, request: Request, jobs: Dict[str, str], force: bool, open_seed: bool):
        self._request, self._force, self._open_seed = request, force, open_seed
        self._jobs = jobs
        self._waiting = list(jobs)
        self._tries = dict.fromkeys(jobs, 0)
        self._said: Set[str] = set()
        self._dreamt = self._before = self._failed = 0

    def run(self, workers: int) -> int:
        """The exit code."""
        count = len(self._jobs)
        say(f"{count} pictures, {workers} at a time" if count > 1 else "1 picture")
        with bar("{n_fmt} of {total_fmt} pictures", count) as self._progress, interruptible(_UNDER_WAY) as interrupted:
            while self._waiting and not interrupted():
                # A process that is killed takes its pool with it.
                with _pool(workers) as pool:
                    try:
                        self._go_through(pool, workers, interrupted)
                    except BaseException:
                        for child in multiprocessing.active_children():
                            child.kill()
                        raise
        self._sum_up()
        signal_number = interrupted()
        return 128 + signal_number if self._waiting and signal_number else int(self._failed > 0)

    def _go_through(self, pool: Executor, workers: int, interrupted: Callable[[], Optional[int]]) -> None:
        """Has the waiting files dreamt, as many at a time as there are workers, until all are or a signal comes."""
        at_work: Dict[Future[Done], str] = {}
        is_whole = True
        while at_work or (is_whole and self._waiting and not interrupted()):
            while is_whole and self._waiting and len(at_work) < workers and not interrupted():
                source = self._waiting.pop(0)
                request = replace(self._request, source=source, target=self._jobs[source])
                at_work[pool.submit(dream_file, request, self._force, self._open_seed)] = source
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
        except (DreamError, MemoryError) as error:
            self._fail(source, str(error) or "memory has run out: try --workers 1, or --max-size")
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


def _pool(workers: int) -> Executor:
    try:
        return ProcessPoolExecutor(workers, _CONTEXT, initializer=_begin)
    except (ImportError, OSError) as error:
        raise DreamError(f"no worker processes can be had here ({error}): mount /dev/shm, which they want") from None


_ready: Optional[Prepared] = None  # a worker's first dream, whose net the others use


def _begin() -> None:
    """A worker leaves Ctrl-C to the process that began it, and ends with that one, whatever ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def dream_file(request: Request, force: bool, open_seed: bool) -> Done:
    """Dreams one file, in a worker, unless it has been dreamt with these settings before.

    open_seed: any seed will do. Raises DreamError for whatever fails, and for another dream in its place.
    """
    with contextlib.redirect_stderr(io.StringIO()) as said:
        prepared = _prepared(request)
        before = not force and _is_done(request.target, prepared.recipe, {*_HOW, "seed"} if open_seed else _HOW)
        if not before:
            base, dream = prepared.inputs.base, prepared.request.dream
            image = dreamt(prepared.net, base.pixels, dream, prepared.ascend)
            picture.write(request.target, picture.to_uint8(image, dream.clip), prepared.recipe, base.alpha)
    return Done(before, [line.replace("dreamify: ", "", 1) for line in said.getvalue().splitlines()])


def _prepared(request: Request) -> Prepared:
    global _ready
    if _ready is None:
        _ready = prepare(request)
        return _ready
    return varied(_ready, request, read_inputs(request))


def _is_done(target: str, recipe: Recipe, free: Set[str]) -> bool:
    """Whether the dream of a recipe is there. free: keys in which it may differ. Raises DreamError for another one."""
    if not Path(target).exists():
        return False
    there = picture.read_recipe(target)
    asked: Recipe = json.loads(json.dumps(recipe))
    for key in [*asked, *there]:
        if key not in free and there.get(key) != asked.get(key):
            difference = f"{key} {there.get(key)}, and this one has {asked.get(key)}"
            raise DreamError(f"{target} is there, a dream with {difference}: --force replaces it")
    return True
