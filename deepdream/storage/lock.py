"""Locks on files and folders against other processes."""

import os
import stat
from pathlib import Path
from typing import Optional

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Lock:
    """A lock on a file or a folder. The system releases it when the process ends in any way.

    Nothing is locked, and is_held is False, if the system or the file system has no locks, or if the path cannot be
    opened or is neither a file nor a folder. A link is not followed.
    """

    def __init__(self, path: Path, wait: bool = False):
        """wait: wait while another process holds the lock; otherwise raises BlockingIOError."""
        self._descriptor = _open(path)
        if self._descriptor is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise
        except OSError:  # a file system without locks
            self.release()

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def release(self) -> None:
        """Releases the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _open(path: Path) -> Optional[int]:
    """Returns a descriptor of a file or a folder; None for anything else."""
    if fcntl is None:
        return None
    try:
        # O_NONBLOCK: do not wait for the writer of a named pipe.
        descriptor = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return descriptor
    os.close(descriptor)
    return None
