"""Reads visitors' pictures in a process of its own, which can be ended: no picture keeps the page waiting for ever.

A small file can take a decoder hours: a JPEG of a hundred thousand scans, a large picture in a format that Pillow reads
in Python.
"""

import contextlib
import multiprocessing
import signal
import threading
import warnings
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Optional, Tuple

from PIL import Image

from ..errors import DreamError
from ..images import picture
from ..images.picture import Picture

_PATIENCE = 30  # seconds to read a picture: one of 50 megapixels takes 0.3 (JPEG) to 7 (JPEG 2000)
_TURN = 60  # seconds to wait for others' pictures
_CONTEXT = multiprocessing.get_context("spawn")
_BUSY = "too many pictures are being read here: try again in a while"
_SLOW = "{} takes more than {} seconds to read: save it anew, as a PNG or a plain JPEG"
_DIED = "{} cannot be read here, maybe for want of memory: shrink it first"


class Reader:
    """One process, for one picture at a time. It is started when it is needed first, and again after it was ended."""

    def __init__(self, patience: float = _PATIENCE, turn: float = _TURN):
        """patience: seconds to read a picture. turn: seconds to wait for others' pictures."""
        self._patience, self._turn = patience, turn
        self._lock = threading.Lock()
        self._process: Optional[BaseProcess] = None
        self._pipe: Optional[Connection] = None

    def read(self, path: str, max_size: Optional[int], megapixels: float) -> Picture:
        """Reads a picture as picture.read does, if it has no more pixels than that.

        Raises DreamError where it cannot be read, where that takes too long, and where others' pictures do.
        """
        if not self._lock.acquire(timeout=self._turn):
            raise DreamError(_BUSY)
        try:
            return self._read(path, max_size, megapixels)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Ends the process; what it is reading fails."""
        process = self._process
        if process:
            process.kill()

    def _read(self, path: str, max_size: Optional[int], megapixels: float) -> Picture:
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._process, self._pipe = _start()
        failure = _DIED.format(path)
        with contextlib.suppress(OSError, EOFError):  # it was killed
            self._pipe.send((path, max_size, megapixels, self._patience))
            if self._pipe.poll(self._patience):
                outcome = self._pipe.recv()
                if isinstance(outcome, Picture):
                    return outcome
                raise outcome
            failure = _SLOW.format(path, f"{self._patience:g}")
        self._process.kill()
        self._process = None
        raise DreamError(failure)


def _start() -> Tuple[BaseProcess, Connection]:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_serve, args=(theirs,), name="reader", daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _serve(pipe: Connection) -> None:
    """What the process does, until the page ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which then ends this
    with contextlib.suppress(OSError, EOFError):
        while True:
            path, max_size, megapixels, patience = pipe.recv()
            if hasattr(signal, "alarm"):  # where the page was killed, nobody else would end it
                signal.alarm(int(patience) + 2)
            outcome = _outcome(path, max_size, megapixels)
            if hasattr(signal, "alarm"):
                signal.alarm(0)
            pipe.send(outcome)


def _outcome(path: str, max_size: Optional[int], megapixels: float) -> object:
    """The picture, or the exception that there was."""
    try:
        pixels = _declared_pixels(path)
        if pixels > megapixels * 1e6:
            words = f"{path} has {pixels / 1e6:.1f} megapixels, and {megapixels:g} is the limit: shrink it first"
            return DreamError(words)
        return picture.read(path, max_size)
    except DreamError as error:
        return error
    except MemoryError:
        return DreamError(_DIED.format(path))
    except Exception as error:  # of any class, which the other process need not know
        return RuntimeError(f"{path}: {error!r}")


def _declared_pixels(path: str) -> int:
    """What a picture's file says of its size, before it is decoded; 0 where it says nothing, of which others tell."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.width * image.height
    except Exception:  # decoders raise whatever comes
        return 0
