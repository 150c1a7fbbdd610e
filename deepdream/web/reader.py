"""Reads visitors' pictures in a separate process that can be killed, so that no picture blocks the page forever.

A small file can take hours to decode: for example, a JPEG with a hundred thousand scans, or a large picture in a format
that Pillow decodes in Python.
"""

import contextlib
import multiprocessing
import signal
import threading
import warnings
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple, Optional, Tuple, Union

from PIL import Image

from ..errors import DreamError
from ..images import picture
from ..images.picture import Picture
from ..images.recipe import Recipe, to_json

_PATIENCE = 30  # seconds to read a picture: one of 50 megapixels takes 0.3 (JPEG) to 7 (JPEG 2000)
_TURN = 60  # seconds to wait while other pictures are being read
_CONTEXT = multiprocessing.get_context("spawn")
_BUSY = "too many pictures are being read here: try again in a while"
_SLOW = "{} takes more than {} seconds to read: save it again as a PNG or a plain JPEG"
_DIED = "{} cannot be read here, possibly for lack of memory: shrink it first"


_MAX_RECIPE = 2**14  # characters; ours take about a thousand


class Seen(NamedTuple):
    """What is known of a picture after looking at it."""

    width: int
    height: int
    recipe: Optional[Recipe]  # of a dream; it may come from anyone


class Reader:
    """One process that reads one picture at a time. It starts on first use, and again after it was killed."""

    def __init__(self, patience: float = _PATIENCE, turn: float = _TURN):
        """patience: seconds to read a picture. turn: seconds to wait while other pictures are being read."""
        self._patience, self._turn = patience, turn
        self._lock = threading.Lock()
        self._process: Optional[BaseProcess] = None
        self._pipe: Optional[Connection] = None

    def read(self, path: str, max_size: Optional[int], megapixels: float) -> Picture:
        """Read a picture like picture.read, if it has no more than this many megapixels.

        Raises DreamError if it cannot be read, if that takes too long, or if other pictures take too long.
        """
        found = self._asked(path, max_size, megapixels)
        assert isinstance(found, Picture)
        return found

    def look(self, path: str, megapixels: float) -> Seen:
        """Read a picture for its size and its recipe. Raises what read raises."""
        found = self._asked(path, None, megapixels, only_look=True)
        assert isinstance(found, Seen)
        return found

    def close(self) -> None:
        """Kill the process; a read in progress fails."""
        process = self._process
        if process:
            process.kill()

    def _asked(
        self, path: str, max_size: Optional[int], megapixels: float, only_look: bool = False
    ) -> Union[Picture, Seen]:
        if not self._lock.acquire(timeout=self._turn):
            raise DreamError(_BUSY)
        try:
            return self._read(path, max_size, megapixels, only_look)
        finally:
            self._lock.release()

    def _read(self, path: str, max_size: Optional[int], megapixels: float, only_look: bool) -> Union[Picture, Seen]:
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._process, self._pipe = _start()
        failure = _DIED.format(path)
        with contextlib.suppress(OSError, EOFError):  # it was killed
            self._pipe.send((path, max_size, megapixels, only_look, self._patience))
            if self._pipe.poll(self._patience):
                outcome = self._pipe.recv()
                if isinstance(outcome, (Picture, Seen)):
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
    """Run the main loop of the process, until the page ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which then kills this process
    with contextlib.suppress(OSError, EOFError):
        while True:
            path, max_size, megapixels, only_look, patience = pipe.recv()
            if hasattr(signal, "alarm"):  # if the page was killed, nothing else would end this process
                signal.alarm(int(patience) + 2)
            outcome = _outcome(path, max_size, megapixels, only_look)
            if hasattr(signal, "alarm"):
                signal.alarm(0)
            pipe.send(outcome)


def _outcome(path: str, max_size: Optional[int], megapixels: float, only_look: bool) -> object:
    """Return the picture, or what was seen of it, or the exception if reading it failed."""
    try:
        pixels = _declared_pixels(path)
        if pixels > megapixels * 1e6:
            words = f"{path} has {pixels / 1e6:.1f} megapixels, and {megapixels:g} is the limit: shrink it first"
            return DreamError(words)
        found = picture.read(path, max_size)
        return Seen(found.size[1], found.size[0], _recipe(path)) if only_look else found
    except DreamError as error:
        return error
    except MemoryError:
        return DreamError(_DIED.format(path))
    except Exception as error:  # the other process may not be able to unpickle its class
        return RuntimeError(f"{path}: {error!r}")


def _declared_pixels(path: str) -> int:
    """The number of pixels that a picture's header states; 0 if unreadable, which picture.read then reports."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.width * image.height
    except Exception:  # decoders can raise anything
        return 0


def _recipe(path: str) -> Optional[Recipe]:
    """The recipe in a picture, if it is a dream."""
    try:
        recipe = picture.read_recipe(path)
    except DreamError:
        return None
    return recipe if len(to_json(recipe)) < _MAX_RECIPE else None
