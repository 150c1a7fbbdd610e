"""Files, whole or not at all: by path, by address (s3://bucket/in.jpg) through fsspec, or - for the standard streams.

Of fsspec only addresses know; file:// is this machine's, as a path is.
"""

import contextlib
import glob
import os
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, List, Optional, Tuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..errors import DreamError, UsageError
from ..units import byte_text
from . import atomic, streams

_BLOCK = 2**20  # bytes
_MOST = 2**30  # bytes of a file: more than a picture within Pillow's limit of pixels needs


def is_address(name: str) -> bool:
    """Whether a name is an address, such as s3://bucket/in.jpg, of a file that is elsewhere."""
    return bool(re.match("[A-Za-z][A-Za-z0-9+.-]+://", name)) and not name.startswith("file://")


def join(folder: str, name: str) -> str:
    """The path or the address of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_address(folder) else str(_path(folder) / name)


def absolute(name: str) -> str:
    """What a name means from every folder."""
    return name if is_address(name) else str(_path(name).absolute())


def real(name: str) -> str:
    """What two names of one file have in common. Raises DreamError for what is no address."""
    if is_address(name):
        with _elsewhere(name, "cannot be used") as (system, path):
            return str(system.unstrip_protocol(path))
    return os.path.realpath(str(_path(name)))


def identity(name: str, is_output: bool = False) -> Any:
    """What two names of one file or folder have in common, whatever links there are; None where there is neither.

    is_output: whether - means standard output. Of an address only its spelling can be compared. Raises DreamError for
    what is no address.
    """
    if is_address(name):
        return real(name)
    return streams.identity(int(is_output) if name == "-" else str(_path(name)))


def exists(name: str) -> bool:
    """Raises DreamError where an address cannot be asked."""
    if not is_address(name):
        return os.path.exists(str(_path(name)))  # noqa: PTH110  # Path.exists raises PermissionError
    with _elsewhere(name, "cannot be looked for") as (system, path):
        system.invalidate_cache()  # of listings: others write, too
        return bool(system.exists(path))


def find(source: str) -> Optional[List[str]]:
    """The files in a folder, or that match a pattern such as "in/**/*.jpg", by name; None where a source is neither.

    Raises DreamError where an address cannot be asked.
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
    path = _path(source)
    if path.is_dir():
        return sorted(str(entry) for entry in path.iterdir() if entry.is_file())
    if not path.exists() and glob.has_magic(source):
        return sorted(name for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207
    return None


def make_folder(folder: str) -> None:
    """Makes a folder where there is none; the one it is in has to be there. Raises DreamError where that fails."""
    if is_address(folder):
        with _elsewhere(folder, "cannot be made") as (system, path):
            if not system.isdir(path):
                system.mkdir(path, create_parents=False)
        return
    check_link(folder)
    try:
        _path(folder).mkdir(exist_ok=True)
    except OSError as error:
        raise DreamError(f"the folder {folder} cannot be made ({error.strerror}): check where it should be") from None
    atomic.clear(_path(folder))


def remove(name: str) -> None:
    """Removes a file. Raises DreamError where that fails."""
    if is_address(name):
        with _elsewhere(name, "cannot be removed") as (system, path):
            system.rm_file(path)
        return
    try:
        _path(name).unlink()
    except OSError as error:
        raise DreamError(f"{name} cannot be removed ({error.strerror}): see to that") from None


def read(source: str) -> Tuple[bytes, str]:
    """A file's bytes, and its name for messages.

    source: a path, an address, or "-" for standard input. Raises DreamError for what cannot be read, and for an empty
    file.
    """
    name = "standard input" if source == "-" else source
    try:
        if is_address(source):
            with _elsewhere(source, "cannot be read") as (system, path):
                _check_size(system.info(path).get("size"), name)  # which not every service tells, or tells truly
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
        raise DreamError(f"{name} cannot be read ({error.strerror}): check it and its permissions") from None
    if not data:
        raise DreamError(f"{name} is empty: there is no picture in it")
    return data, name


def check(target: str) -> None:
    """See, before hours of work, that a file can be written; of an address, that it can be one.

    Raises UsageError where there is a folder of that name, DreamError for a folder that is missing or read-only, and
    for a link that leads nowhere.
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
    atomic.clear(path.parent)
    try:  # to write is the only test: os.access does not know of full disks, or of network folders that distrust root
        tempfile.TemporaryFile(dir=str(path.parent)).close()
    except OSError as error:
        raise _unwritable(target, error) from None


def check_link(target: str) -> None:
    """Raises DreamError for a link that leads to nothing."""
    if is_address(target):
        return
    path = _path(target)
    if path.is_symlink() and not exists(target):
        raise DreamError(f"{target} is a link to {os.readlink(str(path))}, which is not there: remove the link")


def is_stream(target: str) -> bool:
    """Whether a path is that of an open descriptor, a named pipe or a device, which are written into."""
    return not is_address(target) and streams.is_stream(str(_path(target)))


def write(target: str, data: bytes, new: bool = False) -> None:
    """Write a file, which appears under its name when it is complete, or not at all.

    A named pipe or a device is written into; the former waits for a reader.

    target: a path, an address, or "-" for standard output. new: a file that is there is left as it is.
    Raises DreamError where writing fails, and for a file that is there and should not be.
    """
    if new and is_address(target) and exists(target):
        raise _came_between(target)
    if is_address(target):
        place = _elsewhere(target, "cannot be written")
        # The transaction puts the file in its place at its end.
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
            atomic.write(Path(real(target)), data, new)  # the file itself where there is a link, which stays one
    except FileExistsError:
        raise _came_between(target) from None
    except OSError as error:
        if target == "-":
            sys.stdout = None  # or Python would try to write the rest as it ends, and complain
        raise _unwritable(target, error) from None


def _came_between(target: str) -> DreamError:
    return DreamError(f"{target} is there now, and was not when this began: it stays as it is")


def _check_size(size: Optional[int], name: str) -> None:
    """Raises DreamError for more bytes than are read of any file."""
    if size is not None and size > _MOST:
        raise DreamError(f"{name} has more than {byte_text(_MOST)} bytes, the limit: shrink it first")


def _whole(file: BinaryIO, name: str) -> bytes:
    """All that is in a file. Raises DreamError where that has no end, or as good as none."""
    blocks: List[bytes] = []
    size = 0
    for block in iter(partial(file.read, _BLOCK), b""):
        blocks.append(block)
        size += len(block)
        _check_size(size, name)
    return b"".join(blocks)


def _path(name: str) -> Path:
    return Path(url2pathname(urlsplit(name).path) if name.startswith("file://") else name)


@contextlib.contextmanager
def _elsewhere(address: str, fault: str) -> Any:
    """fsspec's file system of an address, and the path there. Raises DreamError for whatever fails with it."""
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
    except Exception as error:  # what the services' own packages raise has nothing in common
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DreamError(f"{address} {fault} ({reason}): check the address, and what you may do there") from None


def _unwritable(target: str, error: OSError) -> DreamError:
    name = "standard output" if target == "-" else target
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError) and hasattr(os, "geteuid"):  # in a container, the user is easily another
        with contextlib.suppress(OSError):
            owner = Path(real(target)).parent.stat().st_uid
            if owner != os.geteuid():
                reason += f": the folder is user {owner}'s, and this is user {os.geteuid()}"
    return DreamError(f"{name} cannot be written ({reason}): see to that, or write somewhere else")
