"""Atomic writes: a temporary file or folder with a hidden name gets its final name when it is complete.

It lies in the same folder as its destination, and the process that writes it holds a lock on it. A temporary file that
is not locked was left by a killed process, and `remove_stale` removes it; without locks (Windows, some network file
systems), it stays.
"""

import contextlib
import os
import re
import shutil
import stat
import uuid
from pathlib import Path
from typing import Callable, Iterator

from .lock import Lock

_NAME = re.compile(r"\.dreamify-[0-9a-f]{32}")


def write(path: Path, data: bytes, new: bool = False) -> None:
    """Writes a file, which appears under its name once it is complete, or not at all; raises OSError.

    Replaces an existing file and keeps its permissions. new: leave an existing file alone and raise FileExistsError.
    """
    with _temporary(path.parent, Path.touch) as temporary:
        with temporary.open("r+b") as file:
            keep_permissions(path, file.fileno())  # before there is any content to protect
            file.write(data)
        put(temporary, path, new)


def put(temporary: Path, path: Path, new: bool = False) -> None:
    """Gives a complete temporary file its final name; it may keep the temporary one as well. Raises OSError.

    new: raise FileExistsError if the name is taken.
    """
    if not new:
        temporary.replace(path)
        return
    try:
        os.link(str(temporary), str(path))  # fails if the name is taken, which a rename does not
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: take the name with an empty file first
        os.close(os.open(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        temporary.replace(path)


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


def folder(within: Path) -> "contextlib.AbstractContextManager[Path]":
    """Makes an empty temporary folder in another folder; it is removed at the end. Raises OSError."""
    return _temporary(within, Path.mkdir)


def remove_stale(folder: Path) -> None:
    """Removes temporary files and folders that killed processes have left in a folder."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name):
                with contextlib.suppress(BlockingIOError), Lock(path) as lock:
                    if lock.is_held:
                        _remove(path)


@contextlib.contextmanager
def _temporary(folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    while True:
        path = folder / f".dreamify-{uuid.uuid4().hex}"
        make(path)
        lock = Lock(path, wait=True)
        if path.exists():
            break
        lock.release()  # another process removed the path before it was locked
    try:
        yield path
    finally:
        _remove(path)  # does nothing if it has its final name by now
        lock.release()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(str(path), ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
