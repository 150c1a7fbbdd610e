"""Reads and writes whole files: by path, by address (s3://bucket/in.jpg) through fsspec, or - for a standard stream.

Only addresses use fsspec; file:// is handled as a local path.
"""

import contextlib
import glob
import os
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Iterator, List, Optional, Tuple, Union
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..errors import DreamError, UsageError
from ..units import byte_text
from . import atomic, streams

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_BLOCK = 2**20  # bytes
_MAX_SIZE = 2**30  # bytes of a file: more than any picture within the pixel limit of Pillow needs


class NameTaken(DreamError):
    """A new file cannot be written, because there is one of its name."""


def is_address(name: str) -> bool:
    """Whether a name is the address of a remote file, such as s3://bucket/in.jpg."""
    return bool(re.match("[A-Za-z][A-Za-z0-9+.-]+://", name)) and not name.startswith("file://")


def local(name: str) -> str:
    """Returns the path that a file:// address stands for; a path stays as it is."""
    return url2pathname(urlsplit(name).path) if name.startswith("file://") else name


def join(folder: str, name: str) -> str:
    """Returns the path or address of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_address(folder) else str(_path(folder) / name)


def absolute(name: str) -> str:
    """Makes a path absolute; an address stays as it is."""
    return name if is_address(name) else str(_path(name).absolute())


def real(name: str) -> str:
    """Returns the canonical name of a file. Raises DreamError for an invalid address."""
    if is_address(name):
        with _elsewhere(name, "cannot be used") as (system, path):
            return str(system.unstrip_protocol(path))
    return os.path.realpath(str(_path(name)))


def identity(name: str, is_output: bool = False) -> Union[str, Tuple[int, int], None]:
    """Returns a value that is equal for all names of one file or folder, links included; None if it does not exist.

    is_output: whether - means standard output. Addresses are compared only by spelling. Raises DreamError for an
    invalid address.
    """
    if is_address(name):
        return real(name)
    return streams.identity(int(is_output) if name == "-" else str(_path(name)))


def exists(name: str) -> bool:
    """Whether a file exists. Raises DreamError if an address cannot be queried."""
    if not is_address(name):
        return os.path.exists(str(_path(name)))  # noqa: PTH110  # Path.exists raises PermissionError
    with _elsewhere(name, "cannot be queried") as (system, path):
        system.invalidate_cache()  # drop cached listings: other processes write, too
        return bool(system.exists(path))


def find(source: str) -> Optional[List[str]]:
    """Returns the files in a folder or those that match a pattern such as "in/**/*.jpg", sorted; None for a plain file.

    Raises DreamError if an address cannot be queried.
    """
    if is_address(source):
        with _elsewhere(source, "cannot be listed") as (system, path):
            if glob.has_magic(source):
                found = system.glob(path)
            elif system.isdir(path):
                found = [entry["name"] for entry in system.ls(path, detail=True) if entry["type"] == "file"]
            else:
                return None
            return sorted(map(system.unstrip_protocol, found))
    place = _path(source)
    if place.is_dir():
        return sorted(str(entry) for entry in place.iterdir() if entry.is_file())
    if not place.exists() and glob.has_magic(source):
        return sorted(name for name in glob.glob(str(place), recursive=True) if Path(name).is_file())  # noqa: PTH207
    return None


def make_folder(folder: str) -> None:
    """Makes a folder if it does not exist; its parent must exist. Raises DreamError if that fails."""
    if is_address(folder):
        with _elsewhere(folder, "cannot be made") as (system, path):
            if not system.isdir(path):
                system.mkdir(path, create_parents=False)
        return
    check_link(folder)
    try:
        _path(folder).mkdir(exist_ok=True)
    except OSError as error:
        raise DreamError(f"the folder {folder} cannot be made ({error.strerror}): check its path") from None
    atomic.remove_stale(_path(folder))


def remove(name: str) -> None:
    """Removes a file. Raises DreamError if that fails."""
    if is_address(name):
        with _elsewhere(name, "cannot be removed") as (system, path):
            system.rm_file(path)
        return
    try:
        _path(name).unlink()
    except OSError as error:
        raise DreamError(
            f"{name} cannot be removed ({error.strerror}): check its permissions and those of its folder"
        ) from None


def read(source: str) -> Tuple[bytes, str]:
    """Returns the bytes of a file, and its name for messages.

    source: a path, an address, or "-" for standard input. Raises DreamError if it cannot be read or is empty.
    """
    name = "standard input" if source == "-" else source
    try:
        if is_address(source):
            with _elsewhere(source, "cannot be read") as (system, path):
                _check_size(system.info(path).get("size"), name)  # some services do not report it, or report it wrongly
                with system.open(path, "rb") as file:
                    data = _whole(file, name)
        elif source == "-":
            if sys.stdin is None:
                raise DreamError("standard input is closed: name a file, or open it")
            data = _whole(sys.stdin.buffer, name)
        else:
            with _path(source).open("rb") as file:
                _check_size(os.fstat(file.fileno()).st_size, name)
                data = _whole(file, name)
    except FileNotFoundError:
        raise DreamError(f"there is no file {name}: check the path") from None
    except MemoryError:
        raise DreamError(f"there is not enough memory to read {name}: shrink it first") from None
    except OSError as error:
        if source != "-" and os.path.isdir(str(_path(source))):  # noqa: PTH112  # Path.is_dir raises PermissionError
            raise DreamError(f"{name} is a folder: name a picture in it") from None
        raise DreamError(f"{name} cannot be read ({error.strerror}): check the file and its permissions") from None
    if not data:
        raise DreamError(f"{name} is empty: there is no picture in it")
    return data, name


def check(target: str) -> None:
    """Checks, before hours of work, that a file can be written; of an address, only that it is valid.

    Raises UsageError if it is a folder, DreamError if its folder is missing or read-only or if it is a broken link.
    """
    if is_address(target):
        with _elsewhere(target, "cannot be written"):
            return
    if target == "-" or is_stream(target):
        streams.check(target if target == "-" else str(_path(target)))
        return
    check_link(target)
    path = Path(real(target))
    if path.is_dir():
        raise UsageError(f"{target} is a folder: name a file in it, such as {join(target, 'dream.png')}")
    if not path.parent.is_dir():
        raise DreamError(f"the folder {_path(target).parent} does not exist: create it, or write somewhere else")
    atomic.remove_stale(path.parent)
    try:  # only writing tells: os.access ignores full disks, and network folders that deny root
        tempfile.TemporaryFile(dir=str(path.parent)).close()
    except OSError as error:
        raise _unwritable(target, error) from None


def check_link(target: str) -> None:
    """Raises DreamError for a broken link."""
    if is_address(target):
        return
    path = _path(target)
    if path.is_symlink() and not exists(target):
        raise DreamError(f"{target} is a link to {os.readlink(str(path))}, which does not exist: remove the link")


def is_stream(target: str) -> bool:
    """Whether a path is an open descriptor, a named pipe or a device, which are written into, not replaced."""
    return not is_address(target) and streams.is_stream(str(_path(target)))


def write(target: str, data: bytes, new: bool = False) -> None:
    """Writes a file, which appears under its name once it is complete, or not at all.

    Named pipes and devices are written into; a named pipe waits for a reader.

    target: a path, an address, or "-" for standard output. new: do not replace an existing file.
    Raises DreamError if writing fails, NameTaken with `new` if the file exists.
    """
    if new and is_address(target) and exists(target):
        raise _came_between(target)
    if is_address(target):
        place = _elsewhere(target, "cannot be written")
        # The file appears at the end of the transaction.
        with place as (system, path), system.transaction, system.open(path, "wb") as file:
            file.write(data)
        return
    try:
        if target == "-":
            streams.check(target)
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif is_stream(target):
            streams.write(str(_path(target)), [data])
        else:
            atomic.write(Path(real(target)), data, new)  # writes to the target of a link, so that the link stays
    except FileExistsError:
        raise _came_between(target) from None
    except OSError as error:
        if target == "-":
            sys.stdout = None  # otherwise Python would flush it at exit and complain
        raise _unwritable(target, error) from None


def _came_between(target: str) -> NameTaken:
    return NameTaken(f"{target} is there now, and was not when this began: move it away, or write somewhere else")


def _check_size(size: Optional[int], name: str) -> None:
    """Raises DreamError if a file is larger than the limit."""
    if size is not None and size > _MAX_SIZE:
        raise DreamError(f"{name} has more than {byte_text(_MAX_SIZE)} bytes, the limit: shrink it first")


def _whole(file: BinaryIO, name: str) -> bytes:
    """Reads a whole file. Raises DreamError if it is larger than the limit, such as an endless device."""
    blocks: List[bytes] = []
    size = 0
    for block in iter(partial(file.read, _BLOCK), b""):
        blocks.append(block)
        size += len(block)
        _check_size(size, name)
    return b"".join(blocks)


def _path(name: str) -> Path:
    return Path(local(name))


@contextlib.contextmanager
def _elsewhere(address: str, fault: str) -> Iterator[Tuple["AbstractFileSystem", str]]:
    """Yields the fsspec file system of an address, and the path in it. Turns all errors in it into DreamErrors."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise DreamError(f"{address} needs fsspec, which is not installed here: pip install fsspec") from None
    try:
        yield url_to_fs(address)
    except DreamError:
        raise
    except FileNotFoundError:
        raise DreamError(f"there is no {address}: check the address") from None
    except ImportError as error:
        raise DreamError(f"{address} needs a package that is not installed here: {error}") from None
    except Exception as error:  # the packages of the services raise unrelated exceptions
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DreamError(f"{address} {fault} ({reason}): check the address and your permissions there") from None


def _unwritable(target: str, error: OSError) -> DreamError:
    name = "standard output" if target == "-" else target
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError) and hasattr(os, "geteuid"):  # in a container, the user often differs
        with contextlib.suppress(OSError):
            owner = Path(real(target)).parent.stat().st_uid
            if owner != os.geteuid():
                reason += f": the folder belongs to user {owner}, and this is user {os.geteuid()}"
    return DreamError(f"{name} cannot be written ({reason}): fix this, or write somewhere else")
