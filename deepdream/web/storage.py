"""Manages the folder of one run of the page: which files may be opened, the size limits and when files are deleted."""

import contextlib
import ipaddress
import os
import stat
import tempfile
import threading
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple, Set, Tuple

from ..errors import DreamError
from ..settings import WEB, WebSettings
from ..units import byte_text

KEPT = 3600  # seconds to keep a file after its last use
# The same for all other files, whether they exist or not, so that visitors learn nothing about this machine.
NOT_HERE = "that picture was not uploaded here, or was deleted since: upload it again"
_MIN_SIZE = 2**16  # bytes to count for any file, since many small files are a burden, too
FULL = "there is no room for more pictures here: try again in an hour"


class _Upload(NamedTuple):
    visitor: str
    size: int  # bytes
    time: float  # of time.monotonic


class Storage:
    """Stores the files of visitors: their uploads, under Gradio's names, and a folder for each dream."""

    def __init__(self, folder: Path, settings: WebSettings = WEB):
        self.folder, self._settings = folder.resolve(), settings
        self._uploads: List[_Upload] = []  # of the last hour
        self._coming: List[int] = []  # bytes of each upload in progress
        self._own: Set[Path] = set()
        self._used: Set[Path] = set()  # folders of films that are being made
        self._lock = threading.Lock()

    def keep(self) -> None:
        """Keep all files that exist now, which belong to the page itself, until it ends."""
        self._own = {path for path in self.folder.rglob("*") if path.is_file()}

    def find(self, path: object) -> Path:
        """Return the real path of a file of this run, and restart the time for which it is kept.

        path: whatever a visitor sent. Raises DreamError for anything but a regular file in the folder of this run.
        """
        try:
            # Do not touch a path that is elsewhere by its name alone: that could mount a disk or a network share.
            if isinstance(path, str) and self.folder in Path(os.path.abspath(path)).parents:  # noqa: PTH100
                found = Path(os.path.abspath(path)).resolve(strict=True)  # noqa: PTH100
                if self.folder in found.parents and stat.S_ISREG(found.lstat().st_mode):
                    os.utime(str(found))
                    return found
        except (OSError, ValueError, RuntimeError):  # a name that is too long, a null character, a loop of links
            pass
        raise DreamError(NOT_HERE)

    def make_folder(self) -> Path:
        """Make an empty folder for a dream. Raises DreamError if there is no room for one."""
        with self._lock:
            self._check_room(1)
        return Path(tempfile.mkdtemp(dir=str(self.folder)))

    @contextlib.contextmanager
    def in_use(self, folder: Path) -> Iterator[None]:
        """Keep everything in a folder of make_folder, however old it is."""
        self._used.add(folder)
        try:
            yield
        finally:
            self._used.discard(folder)

    def has_room(self, more: int) -> bool:
        """Whether there is room for so many bytes more."""
        try:
            with self._lock:
                self._check_room(more)
        except DreamError:
            return False
        return True

    @contextlib.contextmanager
    def receiving(self, address: str, size: int) -> Iterator[None]:
        """Reserve room while an address uploads `size` bytes. Raises DreamError if that exceeds a limit."""
        visitor, now, limit = _visitor(address), time.monotonic(), self._settings.upload_hourly
        size = max(size, _MIN_SIZE)
        with self._lock:
            self._uploads = [upload for upload in self._uploads if upload.time > now - KEPT]
            if size + sum(upload.size for upload in self._uploads if upload.visitor == visitor) > limit:
                raise DreamError(f"{byte_text(limit)}B of uploads per hour is the limit: try again in an hour")
            self._check_room(size)
            self._uploads.append(_Upload(visitor, size, now))
            self._coming.append(size)
        try:
            yield
        finally:
            with self._lock:
                self._coming.remove(size)

    def clear(self) -> None:
        """Delete files that nobody has used for an hour, and folders that have been empty for as long."""
        oldest = time.time() - KEPT
        for parent, _, names in os.walk(str(self.folder), topdown=False):
            folder = Path(parent)
            if not self._used.isdisjoint((folder, *folder.parents)):
                continue
            with contextlib.suppress(OSError):  # an upload may arrive in between
                if folder != self.folder and not names and folder.stat().st_mtime < oldest:
                    folder.rmdir()
            for path in (folder / name for name in names):
                with contextlib.suppress(OSError):
                    if path not in self._own and path.lstat().st_mtime < oldest:
                        path.unlink()

    def _check_room(self, more: int) -> None:
        if self._size() + sum(self._coming) + more > self._settings.storage:
            raise DreamError(FULL)

    def _size(self) -> int:
        """The total size in bytes of all files except the page's own."""
        return sum(max(size, _MIN_SIZE) for path, size in sizes(self.folder) if path not in self._own)


def sizes(folder: Path) -> Iterator[Tuple[Path, int]]:
    """All files in a folder and those inside it, with their bytes. Others may add and remove files meanwhile."""
    for parent, _, names in os.walk(str(folder)):
        for path in (Path(parent, name) for name in names):
            try:
                size = path.lstat().st_size
            except OSError:
                continue
            yield path, size


def _visitor(address: str) -> str:
    """Identify a visitor by the address, or by the /64 network in IPv6, where everybody has a whole network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address
