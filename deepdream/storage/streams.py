"""Output that is not a regular file: the standard streams, other open descriptors, named pipes and devices."""

import contextlib
import os
import select
import stat
import sys
from pathlib import Path
from typing import Iterable, Optional, Tuple, Union

from ..errors import DreamError, NobodyReads

_LINKS = 40  # the number of links that the system follows


def reserve() -> None:
    """Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed.

    Otherwise the next file opened would get one of these numbers, and messages would be printed into it. The substitute
    for standard output is not writable, so that output is not lost silently.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if number == 1 else os.O_WRONLY)  # the lowest number that is free
            os.set_inheritable(opened, True)  # worker processes need it, too
    if sys.stderr is None:  # print(file=None) would print to standard output
        sys.stderr = Path(os.devnull).open("w")  # type: ignore[unreachable]  # noqa: SIM115


def print_out(text: str) -> None:
    """Prints a line to standard output.

    Raises NobodyReads if its reader has closed it, DreamError if it is closed or cannot be written.
    """
    if sys.stdout is None:
        raise _closed(1)
    try:
        print(text, flush=True)
    except OSError as error:
        raise output_fault(error) from None


def output_fault(error: OSError) -> DreamError:
    """Returns the exception to raise after an error in writing to standard output."""
    sys.stdout = None  # type: ignore[assignment]  # otherwise Python would flush it at exit and complain
    if isinstance(error, BrokenPipeError):
        return NobodyReads("the reader of standard output has closed it")
    return DreamError(f"standard output cannot be written: {error.strerror or error}")


def descriptor(name: str) -> Optional[int]:
    """Returns the number of the descriptor that a name such as /dev/stdout or /dev/fd/3 stands for, else None."""
    path = Path(name)
    for _ in range(_LINKS):
        folder = os.path.realpath(str(path.parent))
        if folder in ("/dev/fd", f"/proc/{os.getpid()}/fd") and path.name.isdecimal():
            return int(path.name)
        try:
            path = Path(folder, os.readlink(str(path)))  # Path.readlink needs Python 3.9
        except OSError:  # not a link
            return None
    return None


def is_stream(name: str) -> bool:
    """Whether a path is a descriptor, or exists and is neither a file nor a folder: it is written into."""
    if descriptor(name) is not None:
        return True
    mode = _mode(name)
    return mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_disk(name: str) -> bool:
    """Whether a path is a block device; writing to it would destroy what is stored there."""
    mode = _mode(name)
    return mode is not None and stat.S_ISBLK(mode)


def check(name: str) -> None:
    """Raises DreamError if a stream cannot be written, as far as that is known without opening it."""
    number = 1 if name == "-" else descriptor(name)
    if number is not None:
        if not _is_writable(number) or (name == "-" and sys.stdout is None):
            raise _closed(number)
        return
    mode = _mode(name)
    if mode is not None and stat.S_ISSOCK(mode):
        raise DreamError(f"{name} is a socket, which cannot be opened: name a file or a named pipe")
    if not os.access(name, os.W_OK):
        raise DreamError(f"{name} cannot be written (Permission denied): fix its permissions, or write somewhere else")


def write(name: str, blocks: Iterable[bytes]) -> None:
    """Writes into an existing stream; waits for the reader of a named pipe. Raises OSError."""
    number = descriptor(name)
    if number == 1 and sys.stdout is not None:
        sys.stdout.flush()
    opened = os.open(name, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)) if number is None else number
    try:
        for block in blocks:
            rest = memoryview(block)
            while rest:
                try:
                    rest = rest[os.write(opened, rest) :]
                except BlockingIOError:  # the stream is in non-blocking mode: wait here
                    select.select([], [opened], [])
    finally:
        if number is None:
            os.close(opened)


def identity(source: Union[str, int]) -> Optional[Tuple[int, int]]:
    """Returns a value that is equal for all names of one file or folder; None for anything else.

    source: a path, or the number of an open descriptor.
    """
    with contextlib.suppress(OSError, ValueError):
        found = os.stat(source)  # noqa: PTH116
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            return found.st_dev, found.st_ino
    return None


def _mode(name: str) -> Optional[int]:
    try:
        return os.stat(name).st_mode  # noqa: PTH116
    except (OSError, ValueError):
        return None


def _is_writable(number: int) -> bool:
    try:
        import fcntl

        return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except ImportError:  # Windows
        return sys.stdout is not None
    except OSError:
        return False


def _closed(number: int) -> DreamError:
    name = "standard output" if number == 1 else f"descriptor {number}"
    return DreamError(f"{name} is closed, or not open for writing: name a file, or open it for writing")
