"""Dreams many pictures with one recipe, in workers that each load the net once."""

import contextlib
import os
import signal
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Set

from ..console import bar, interruptible, say
from ..errors import DreamError, UsageError
from ..images import heic, picture
from ..pipeline.request import Request
from ..pipeline.resolve import check
from ..settings import WORKERS, WorkerSettings
from ..storage import files
from ..storage.lock import Lock
from . import executors
from .executors import Job, WorkerPool
from .worker import BatchResult, dream_file

_MOST_KINDS = 5  # of files, in a message


def run(sources: Sequence[str], request: Request, settings: WorkerSettings = WORKERS) -> int:
    """Dreams all pictures into a folder; returns the exit code: 1 if a file failed, 128 plus the number of a signal.

    sources: pictures, folders of pictures and patterns such as "*.jpg", by path or by address. request: its source is
    the first of them and its target the folder; with force, existing dreams are dreamt again.
    Raises UsageError, before anything is dreamt, if two files would get the same name or a dream would replace an
    input; DreamError if another batch is writing to the folder.
    """
    jobs = find_jobs(sources, request)
    check(request)
    pool = executors.find_workers(request.net, settings, len(jobs))
    files.make_folder(request.target)
    with _locked(request.target):
        return _Batch(request, jobs).run(pool)


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Locks a folder against other batches. Addresses and file systems without locks cannot be locked."""
    try:
        lock = None if files.is_address(folder) else Lock(Path(files.real(folder)))
    except BlockingIOError:
        raise DreamError(f"another batch is writing to {folder}: wait for it, or choose another OUTDIR") from None
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def find_jobs(sources: Sequence[str], request: Request) -> Dict[str, str]:
    """{picture: path of its dream}. The dream keeps the name, but ends in .png if the format cannot be written.

    request: its target is the folder. Pictures in that folder are skipped if there are any elsewhere, because a pattern
    may match the dreams of an earlier batch.
    Raises UsageError if nothing is found, two dreams would get the same name, or a dream would replace an input.
    """
    jobs: Dict[str, str] = {}
    named: Dict[str, str] = {}
    folder = request.target
    found = _without_dreams(_found(sources), folder)
    read = {files.identity(source): source for source in [*request.sources, *found]}
    for source in found:
        path = Path(source)
        name = path.name if path.suffix.lower() in picture.extensions() else path.stem + ".png"
        other = named.setdefault(os.path.normcase(name), source)
        if files.real(other) != files.real(source):
            raise UsageError(f"{other} and {source} would both become {name}: rename one, or use two folders")
        if other != source:  # the same file under another name
            continue
        target = files.join(folder, name)
        there = files.identity(target)
        if there is not None and there in read:
            what = "it" if read[there] == source else read[there]
            raise UsageError(f"the dream of {source} would replace {what}: choose another folder")
        if files.is_stream(target):
            raise UsageError(f"{target} is not a file, and a batch writes files: choose another folder")
        jobs[source] = target
    return jobs


def _found(sources: Sequence[str]) -> List[str]:
    """The pictures; says which other files in the folders are left out."""
    found: List[str] = []
    others: List[str] = []
    for source in sources:
        there = files.find(source)
        here = [source] if there is None else [name for name in there if picture.is_named_so(Path(name))]
        left = [name for name in there or [] if name not in here and not Path(name).name.startswith(".")]
        if not here:
            why = f", only {_kinds(left)}" if left else ""
            raise UsageError(f"there are no pictures in {source}{why}: check the path")
        found += here
        others += left
    others = list(dict.fromkeys(others))
    if others:
        say(f"left out, because they are not pictures that can be read: {_kinds(others)}")
    return list(dict.fromkeys(found))


def _kinds(names: Sequence[str]) -> str:
    """How many files there are of each kind: 3 files (2 .txt, 1 .heic: pip install pillow-heif)."""
    kinds = Counter(Path(name).suffix.lower() or "without extension" for name in names)
    needs = {kind: ": pip install pillow-heif" for kind in kinds if heic.is_named_so(Path("x" + kind))}
    counts = (f"{number} {kind}{needs.get(kind, '')}" for kind, number in kinds.most_common(_MOST_KINDS))
    more = ", ..." if len(kinds) > _MOST_KINDS else ""
    return f"{len(names)} file{'s' if len(names) > 1 else ''} ({', '.join(counts)}{more})"


def _without_dreams(found: List[str], folder: str) -> List[str]:
    """The pictures outside the folder for the dreams; all of them if every one is inside."""
    inside = os.path.join(files.real(folder), "")  # noqa: PTH118
    left = [name for name in found if not files.real(name).startswith(inside)]
    if left and len(left) < len(found):
        count = len(found) - len(left)
        say(f"left out, because the dreams go to {folder}: {count} picture{'s' if count > 1 else ''} in that folder")
    return left or found


class _Batch:
    """The state of one batch: counts what was dreamt and what failed."""

    def __init__(self, request: Request, jobs: Dict[str, str]):
        self._request, self._jobs = request, jobs
        self._said: Set[str] = set()
        self._dreamt = self._before = self._failed = 0

    def run(self, pool: WorkerPool) -> int:
        """Dreams everything; returns the exit code."""
        count = len(self._jobs)
        say(f"{count} picture{'s' if count > 1 else ''}, {pool.where}")
        jobs = (Job(source, (self._request_for(source, pool),)) for source in self._jobs)
        self._progress = bar("{n_fmt} of {total_fmt} pictures", count)
        try:
            with self._progress, interruptible("the pictures in progress") as interrupted:
                as_completed = executors.as_completed(pool, dream_file, jobs, interrupted)
                with contextlib.closing(as_completed):
                    for source, future in as_completed:
                        self._take(source, future)
            signal_number = interrupted()
        except KeyboardInterrupt:  # the second Ctrl-C, which drops what is in progress
            signal_number = int(signal.SIGINT)
        except DreamError:  # no workers, or none left
            if self._left < count:
                self._sum_up()
            raise
        self._sum_up()
        return 128 + signal_number if self._left and signal_number else int(self._failed > 0)

    @property
    def _left(self) -> int:
        return len(self._jobs) - self._dreamt - self._before - self._failed

    def _request_for(self, source: str, pool: WorkerPool) -> Request:
        request = replace(self._request, source=source, target=self._jobs[source])
        return executors.for_workers(request, pool)

    def _take(self, source: str, future: "Future[BatchResult]") -> None:
        """Counts and reports the result of a file."""
        try:
            done = executors.result(future)
        except DreamError as error:
            self._failed += 1
            reason = str(error)
            self._tell(reason if reason.startswith((source, files.absolute(source))) else f"{source}: {reason}")
        else:
            self._dreamt += not done.before
            self._before += done.before
            for line in done.said:
                if line not in self._said:  # messages that apply to several files appear once
                    self._said.add(line)
                    self._tell(line)
        self._progress.update()

    def _tell(self, line: str) -> None:
        self._progress.clear()
        say(line)

    def _sum_up(self) -> None:
        numbers = {"dreamt": self._dreamt, "done before": self._before, "failed": self._failed}
        words = [f"{number} {what}" for what, number in numbers.items() if number] or ["none dreamt"]
        if self._left:
            words.append(f"{self._left} left (run the same command to resume)")
        say(f"{', '.join(words)}: {self._request.target}")
