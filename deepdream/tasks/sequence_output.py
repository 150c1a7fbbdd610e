"""Where a sequence of dreams is stored, with checkpoints that let it resume after any interruption.

OUT is a folder of frames, an animation or a film. Hidden files beside it hold the state (the last dream) and, unless
OUT is a folder, the frames so far. They are removed when the sequence is complete.
"""

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NoReturn, Optional

import numpy as np
from PIL import Image

from ..errors import DreamError, UsageError
from ..images import picture, transparency
from ..images.recipe import Recipe
from ..pipeline.request import Request
from ..storage import atomic, files, streams
from ..storage.lock import Lock
from ..video import writer
from ..video.reader import read_recipe
from . import checkpoint, outputs
from .checkpoint import Checkpoint

_FILE_MANAGERS = {"thumbs.db", "desktop.ini"}  # files that file managers create when a folder is viewed
_LONGEST_NAME = 255  # bytes, on nearly every file system
_BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class SequenceFormat:
    """A kind of sequence.

    name: used in messages, as the prefix of its recipe keys (NAME_...) and as the extension of its state file.
    formats: file extension to format name, of what it can be written to besides a folder.
    digits: of the frame number in a frame's file name.
    slower: what to type for fewer frames per second, with {rate} or {every} in it.
    maker: the command that makes it. out: what its output is called there.
    """

    name: str
    formats: Dict[str, str]
    digits: int
    slower: str
    maker: str
    out: str = "OUT"


def is_shown(path: Path) -> bool:
    """Whether a file in a folder is visible and was put there by the user, not by a file manager."""
    return not path.name.startswith(".") and path.name.lower() not in _FILE_MANAGERS


class SequenceOutput:
    """The files of one sequence.

    target: a folder, or a file or named pipe with the extension of one of the kind's formats, on this machine's disk.
    request: what the sequence is made from.
    Raises UsageError for anything else and for an input of the request, DreamError if its parent folder is missing or
    it is a dangling link.
    """

    def __init__(self, target: str, kind: SequenceFormat, request: Request):
        self.target = target
        self.kind = kind
        self._request = request
        *others, last = kind.formats
        formats = f"{', '.join(others)} or {last}"
        if target == "-" or files.is_address(target) or streams.descriptor(target) is not None:
            where = "standard output" if target == "-" else target
            raise UsageError(
                f"a {kind.name} is written to this machine's disk, not to {where}: "
                f"name a file in {formats}, or a folder"
            )
        outputs.refuse_inputs(target, request)
        files.check_link(target)
        self._out = Path(files.real(target))
        self._is_new = not self._out.exists()
        self._is_stream = files.is_stream(target)
        suffix = Path(target).suffix.lower()
        is_folder = self._out.is_dir() or not suffix or target.endswith(("/", os.sep))
        self.format = None if is_folder else kind.formats.get(suffix)
        if not (is_folder or self.format):
            raise UsageError(
                f"a {kind.name} cannot be written to {target}: end its name in "
                f"{formats}, or name a folder, with no extension or with a / at the end"
            )
        if is_folder and self._out.exists() and not self._out.is_dir():
            what = "not a folder" if self._is_stream else "a file"
            raise UsageError(f"{target} is {what}: name a folder, or a file in {formats}")
        if self._is_stream:
            streams.check(str(self._out))
        if not self._out.parent.is_dir():
            raise DreamError(f"the folder {self._out.parent} does not exist: create it, or write somewhere else")
        self._state, self._temporary = self._beside(kind.name), self._beside("part")
        self._frames = self._beside("frames") if self.format else self._out
        self._lock: Optional[Lock] = None

    def _beside(self, what: str) -> Path:
        name = f".{self._out.name}.{what}"
        if len(os.fsencode(name)) > _LONGEST_NAME:
            name = f".{hashlib.sha256(os.fsencode(self._out.name)).hexdigest()}.{what}"
        return self._out.parent / name

    @property
    def ways_out(self) -> str:
        """How to make a different sequence than the one that was begun at this output."""
        return f"to start over remove {self._state} and {self._frames}, or choose another {self.kind.out}"

    def frame(self, number: int) -> Path:
        return self._frames / f"{number:0{self.kind.digits}}.png"

    def state(self) -> Optional[Checkpoint]:
        """The checkpoint of a sequence begun here, if any. Raises DreamError if it is damaged or lacks frames.

        There may also be a frame newer than the checkpoint; it will be written again, with the same bytes.
        """
        if not self._state.exists():
            return None
        state = checkpoint.load(self._state)
        if state is None:
            raise DreamError(f"{self._state}, the checkpoint of a {self.kind.name}, is damaged: {self.ways_out}")
        there = set(self._names())
        missing = [path.name for path in map(self.frame, range(state.done)) if path.name not in there]
        if missing:
            raise DreamError(f"{missing[0]} is missing from {self._frames}: put it back, or {self.ways_out}")
        if not self.format and not there <= {self.frame(number).name for number in range(state.done + 1)}:
            self._refuse()
        return state

    def finished(self) -> Optional[Recipe]:
        """The recipe of the finished sequence in OUT; None if OUT is new, empty or unfinished.

        Raises UsageError if OUT holds anything else.
        """
        if self.format:
            if self._is_stream or not self._out.exists():
                return None
            recipe = self._recipe_in(self._out)
            if recipe is None:
                self._refuse()
            return recipe
        there = [] if self._state.exists() else self._names()
        if not there:
            return None
        recipe = self._recipe_in(self.frame(0))
        count = (recipe or {}).get(f"{self.kind.name}_frames", len(there))  # for a film it is not recorded
        frames = sorted(self.frame(number).name for number in range(len(there)))
        if recipe is None or count != len(there) or there != frames:  # count may be anything: it is read from a file
            self._refuse()
        recipe.pop("frame", None)
        return recipe

    def check_whole(self, count: int) -> None:
        """Raises UsageError if OUT is a folder that lacks some frames of a finished sequence."""
        there = len(self._names())
        if not self.format and there < count:
            found = f"{self.target} holds {there} of the {count} frames"
            raise UsageError(f"{found}: put the missing ones back, or choose another {self.kind.out}")

    def begin(self, state: Checkpoint) -> None:
        """Makes the folder for the frames and saves the state. Raises DreamError if either fails."""
        try:
            self._frames.mkdir(exist_ok=True)
            self.lock()
        except OSError as error:
            raise DreamError(f"the folder {self._frames} cannot be made or used: {error.strerror}") from None
        picture.check_target(str(self.frame(0)))
        self.keep(state)

    def lock(self) -> None:
        """Locks the sequence begun here, if any, against other runs while this process lives.

        Raises DreamError if another run is writing to it.
        """
        if self._lock is not None or not self._frames.is_dir():
            return
        try:
            self._lock = Lock(self._frames.resolve())
        except BlockingIOError:
            raise DreamError(
                f"another run is writing to {self.target}: wait for it, or choose another {self.kind.out}"
            ) from None

    def close(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def keep(self, state: Checkpoint) -> None:
        """Replaces the saved state with a new one. Raises DreamError if that fails."""
        self._write_atomically(self._state, lambda path: checkpoint.save(path, state))

    def frames(self, count: int, has_alpha: bool = False) -> Iterator[np.ndarray]:
        """Yields the frames, (h, w, 3) uint8, or (h, w, 4) with has_alpha; otherwise transparency becomes white.

        Raises DreamError if one cannot be read.
        """
        for number in range(count):
            path = self.frame(number)
            try:
                with Image.open(path) as image:
                    pixels = np.asarray(image.convert("RGBA" if has_alpha or image.mode == "RGBA" else "RGB"))
            except (OSError, SyntaxError, ValueError) as error:
                raise DreamError(f"the frame {path} cannot be read ({error}): {self.ways_out}") from None
            yield pixels if has_alpha else transparency.on_white(*transparency.split(pixels))

    def has_alpha(self, count: int) -> bool:
        """Whether any frame has transparency that OUT can store."""
        if not transparency.is_held(self._holds()):
            return False
        for number in range(count):
            with contextlib.suppress(Exception), Image.open(self.frame(number)) as image:  # frames() reports the error
                if image.mode == "RGBA":
                    return True
        return False

    def loss(self, alpha: Optional[np.ndarray]) -> Optional[str]:
        """A message if OUT cannot store this transparency, (h, w) uint8; None if nothing is lost."""
        return transparency.loss(self._holds(), alpha)

    def _holds(self) -> str:
        """The format name by which transparency.py knows what OUT can store."""
        if self.format == "WEBM" and not writer.holds_alpha(self.format):
            return "this PyAV's WebM"
        return self.format or "PNG"

    def finish(self, write: Callable[[Path], None]) -> None:
        """Writes the animation or film, unless OUT is a folder, and removes the hidden files."""
        if self.format:
            self._write_atomically(self._out, write)
        self.clear()

    def make_way(self) -> None:
        """Removes an unfinished sequence here and, from a folder, the frames of a finished one.

        Raises UsageError if the folder holds an input of the request or anything else.
        """
        if not self.format:
            paths = [self._frames / name for name in self._names()]
            for path in paths:
                outputs.refuse_inputs(str(path), self._request)
                if self._recipe_in(path) is None:
                    self._refuse()
            for path in paths:
                path.unlink()
        self.clear()

    def clear(self) -> None:
        """Removes the hidden files, the state last: without it, leftover frames would belong to no sequence."""
        if self.format:
            shutil.rmtree(str(self._frames), ignore_errors=True)
        for path in (self._temporary, self._state):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _names(self) -> List[str]:
        if not self._frames.is_dir():
            return []
        return sorted(path.name for path in self._frames.iterdir() if is_shown(path))

    def _recipe_in(self, path: Path) -> Optional[Recipe]:
        """The recipe in a file, if it is of this kind of sequence."""
        if not path.is_file():
            return None
        try:
            recipe = read_recipe(str(path))
        except DreamError:
            return None
        return recipe if any(key.startswith(f"{self.kind.name}_") for key in recipe) else None

    def _refuse(self) -> NoReturn:
        kind = self.kind
        if not self.format:
            raise UsageError(
                f"{self.target} holds files that are not frames of one {kind.name}: choose another {kind.out}"
            )
        raise UsageError(
            f"{self.target} exists and was not made by {kind.maker}: choose another {kind.out}, "
            "or replace it with --force"
        )

    def _write_atomically(self, path: Path, write: Callable[[Path], None]) -> None:
        """Writes a file that appears under its name only when complete; a pipe is fed only then."""
        is_out = path == self._out
        try:
            with contextlib.suppress(FileNotFoundError):  # it might be a link or a pipe
                self._temporary.unlink()
            write(self._temporary)
            with self._temporary.open("r+b") as file:
                if is_out and self._is_stream:
                    streams.write(str(self._out), iter(partial(file.read, _BLOCK), b""))
                    return
                atomic.keep_permissions(path, file.fileno())
            atomic.put(self._temporary, path, new=is_out and self._is_new)
        except FileExistsError:
            raise DreamError(
                f"{path} is there now, and was not when this began: move it away and run the same command to resume"
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise DreamError(
                f"{path} cannot be written ({reason}): fix this and run the same command to resume"
            ) from None
        finally:
            with contextlib.suppress(OSError):  # already renamed, unless something failed
                self._temporary.unlink()
