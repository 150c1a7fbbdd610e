"""Files and folders that are written under a hidden name, beside where they belong, until they are whole.

Who writes there holds a lock, which the system takes from a process that ends, in whatever way: what nobody holds is
what a process that was killed has left, and `clear` removes it. Where there are no locks (Windows, some network file
systems) it stays.
"""

import contextlib
import os
import re
import shutil
import stat
import uuid
from pathlib import Path
from typing import Callable, Iterator, Optional

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.dreamify-[0-9a-f]{32}")


def write(path: Path, data: bytes, new: bool = False) -> None:
    """Writes a file, which appears under its name when it is complete, or not at all; raises OSError.

    A file that is there is replaced, and the new one has its permissions. new: it is left as it is instead, and
    FileExistsError raised.
    """
    with _held(path.parent, Path.touch) as aside:
        with aside.open("r+b") as file:
            keep_permissions(path, file.fileno())  # before there is anything in it to be read
            file.write(data)
        put(aside, path, new)


def put(aside: Path, path: Path, new: bool = False) -> None:
    """Gives a file that is whole its name, beside which it may keep its own; raises OSError.

    new: raises FileExistsError where something has that name.
    """
    if not new:
        aside.replace(path)
        return
    try:
        os.link(str(aside), str(path))  # it fails where there is something, as no rename does
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(str(path)):
            raise FileExistsError(str(path)) from None
        aside.replace(path)


def keep_permissions(path: Path, descriptor: int) -> None:
    """Gives an open file the permissions of the one that it is to replace, and its owner where that is allowed."""
    try:
        old = path.stat()
    except OSError:
        return
    if not (stat.S_ISREG(old.st_mode) and hasattr(os, "fchown")):
        return
    for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, group)
    with contextlib.suppress(OSError):  # some file systems know of none
        os.fchmod(descriptor, old.st_mode & 0o777)
    with contextlib.suppress(OSError, AttributeError):  # without its list of further users the mode means another thing
        acl = "system.posix_acl_access"
        os.setxattr(descriptor, acl, os.getxattr(str(path), acl))


def claim(folder: Path) -> Optional[int]:
    """Keeps others who claim the folder out of it, until the descriptor that is returned is closed.

    None where there are no locks, or the folder may not be read. Raises BlockingIOError where somebody else has claimed
    it, OSError where it cannot be opened.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(str(folder), os.O_RDONLY)
    except PermissionError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


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
    """The file descriptor that holds the lock; None where there is none to be had, and for no file or folder."""
    if fcntl is None:
        return None
    try:
        # Whatever else may have such a name, a named pipe say, is not waited for.
        descriptor = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        os.close(descriptor)
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
