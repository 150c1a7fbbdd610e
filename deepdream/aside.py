"""Files and folders that are written under a hidden name, beside where they belong, until they are whole.

Who writes there holds a lock, which the system takes from a process that ends, in whatever way: what nobody holds is
what a process that was killed has left, and `clear` removes it. Where there are no locks (Windows, some network file
systems) it stays.
"""

import contextlib
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import Callable, Iterator, Optional

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.dreamify-[0-9a-f]{32}")


def write(path: Path, data: bytes) -> None:
    """Writes a file, which appears under its name when it is complete, or not at all; raises OSError."""
    with _held(path.parent, Path.touch) as aside:
        with aside.open("r+b") as file:
            file.write(data)
        aside.replace(path)


def folder(within: Path) -> "contextlib.AbstractContextManager[Path]":
    """An empty folder for what is not whole yet, hidden in another one, and removed at the end; raises OSError."""
    return _held(within, Path.mkdir)


def clear(folder: Path) -> None:
    """Removes what processes that were killed have left of what they wrote there."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name):
                lock = _lock(path, wait=False)
                if lock is not None:
                    _remove(path)
                    os.close(lock)


@contextlib.contextmanager
def _held(folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    while True:
        path = folder / f".dreamify-{uuid.uuid4().hex}"
        make(path)
        lock = _lock(path, wait=True)
        if path.exists():
            break
        if lock is not None:  # somebody has cleared it away in between
            os.close(lock)
    try:
        yield path
    finally:
        _remove(path)  # unless it has its final name now
        if lock is not None:
            os.close(lock)


def _lock(path: Path, wait: bool) -> Optional[int]:
    """The file descriptor that holds the lock; None where there is none to be had."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(str(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(str(path), ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
