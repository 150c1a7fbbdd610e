"""Atomic writes: files and folders have a hidden name, next to their destination, until they are complete.

The writing process holds a lock, which the system releases when the process ends in any way. Whatever is not locked was
left by a killed process, and `clear` removes it. Without locks (Windows, some network file systems) it is not removed.
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
    """Writes a file, which appears under its name once it is complete, or not at all; raises OSError.

    Replaces an existing file and keeps its permissions. new: leave an existing file alone and raise FileExistsError.
    """
    with _held(path.parent, Path.touch) as aside:
        with aside.open("r+b") as file:
            keep_permissions(path, file.fileno())  # before there is any content to protect
            file.write(data)
        put(aside, path, new)


def put(aside: Path, path: Path, new: bool = False) -> None:
    """Gives a complete file its final name; it may keep its hidden one as well. Raises OSError.

    new: raise FileExistsError if the name is taken.
    """
    if not new:
        aside.replace(path)
        return
    try:
        os.link(str(aside), str(path))  # fails if the name is taken, which a rename does not
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(str(path)):
            raise FileExistsError(str(path)) from None
        aside.replace(path)


def keep_permissions(path: Path, descriptor: int) -> None:
    """Gives an open file the permissions of the file that it will replace, and its owner if that is allowed."""
    try:
        old = path.stat()
    except OSError:
        return
    if not (stat.S_ISREG(old.st_mode) and hasattr(os, "fchown")):
        return
    for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, group)
    with contextlib.suppress(OSError):  # some file systems have no permissions
        os.fchmod(descriptor, old.st_mode & 0o777)
    with contextlib.suppress(OSError, AttributeError):  # the mode means something else without the ACL
        acl = "system.posix_acl_access"
        os.setxattr(descriptor, acl, os.getxattr(str(path), acl))


def claim(folder: Path) -> Optional[int]:
    """Locks a folder against other claims until the returned descriptor is closed.

    Returns None if locks are not supported or the folder is not readable. Raises BlockingIOError if another process has
    claimed it, OSError if it cannot be opened.
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
    """Makes a hidden, empty folder in another one for incomplete files; it is removed at the end. Raises OSError."""
    return _held(within, Path.mkdir)


def clear(folder: Path) -> None:
    """Removes hidden files and folders that killed processes have left in a folder."""
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
        if lock is not None:  # another process has removed it in the meantime
            os.close(lock)
    try:
        yield path
    finally:
        _remove(path)  # does nothing if it has its final name by now
        if lock is not None:
            os.close(lock)


def _lock(path: Path, wait: bool) -> Optional[int]:
    """Returns the descriptor that holds the lock, or None if it cannot be locked or is not a file or folder."""
    if fcntl is None:
        return None
    try:
        # Do not wait for anything else of that name, such as a named pipe.
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
