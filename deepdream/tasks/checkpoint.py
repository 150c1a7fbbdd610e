"""Where a sequence of dreams goes, and what it keeps beside that until it is done, so that it can go on after any end.

OUT is a folder of frames, an animation or a film. Beside it, hidden: the state (what was dreamt last), and unless OUT
is a folder, one with the frames so far. All of it is removed when the sequence is complete.
"""

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Optional

import numpy as np
from PIL import Image

from ..errors import DreamError, UsageError
from ..images import picture, transparency
from ..storage import atomic, files, streams
from ..video import writer
from ..video.reader import read_recipe

Recipe = Dict[str, Any]

_FILE_MANAGERS = {"thumbs.db", "desktop.ini"}  # theirs, which come when somebody looks at a folder
_LONGEST_NAME = 255  # bytes of a file's, on nearly every file system
_BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class SequenceFormat:
    """A sort of sequence.

    name: of it in messages, of its keys in a recipe, NAME_..., and of its state's file.
    formats: what it can be written to besides a folder: an extension, and what the format is called.
    digits: of a frame's number in its file's name.
    """

    name: str
    formats: Dict[str, str]
    digits: int


@dataclass(frozen=True)
class Checkpoint:
    """A sequence between two frames.

    done: frames that are written. dream: (h, w, 3) float32, RGB, the last of them; before the first, the picture.
    """

    done: int
    dream: np.ndarray
    recipe: Recipe


def is_shown(path: Path) -> bool:
    """Whether a file in a folder is one that a person sees there, and has put there."""
    return not path.name.startswith(".") and path.name.lower() not in _FILE_MANAGERS


class SequenceOutput:
    """The files of one sequence.

    target: a folder, or a file that ends in one of the kind's formats; a named pipe so called is written into.
    Raises UsageError for anything else, DreamError where its folder is missing, or it is a link that leads nowhere.
    """

    def __init__(self, target: str, kind: SequenceFormat):
        self.target = target
        self._kind = kind
        files.check_link(target)
        self._out = Path(os.path.realpath(target))
        self._is_new = not self._out.exists()
        self._is_stream = streams.is_stream(target)
        suffix = Path(target).suffix.lower()
        is_folder = self._out.is_dir() or not suffix or target.endswith(("/", os.sep))
        self.format = None if is_folder else kind.formats.get(suffix)
        *others, last = kind.formats
        formats = f"{', '.join(others)} or {last}"
        if target == "-" or not (is_folder or self.format):
            raise UsageError(
                f"{target} is nothing that a {kind.name} can be written to: end its name in "
                f"{formats}, or name a folder, which has no extension or a / at its end"
            )
        if is_folder and self._out.exists() and not self._out.is_dir():
            what = "no folder" if self._is_stream else "a file"
            raise UsageError(f"{target} is {what}: name a folder, or a file in {formats}")
        if self._is_stream:
            streams.check(target)
        if not self._out.parent.is_dir():
            raise DreamError(f"the folder {self._out.parent} does not exist: create it, or write somewhere else")
        self._state, self._aside = self._beside(kind.name), self._beside("part")
        self._frames = self._beside("frames") if self.format else self._out
        self._claim: Optional[int] = None

    def _beside(self, what: str) -> Path:
        name = f".{self._out.name}.{what}"
        if len(os.fsencode(name)) > _LONGEST_NAME:
            name = f".{hashlib.sha256(os.fsencode(self._out.name)).hexdigest()}.{what}"
        return self._out.parent / name

    @property
    def ways_out(self) -> str:
        """What a person can do who wants another sequence than the one that was begun there."""
        return f"to begin anew remove {self._state} and {self._frames}, or choose another OUT"

    def frame(self, number: int) -> Path:
        return self._frames / f"{number:0{self._kind.digits}}.png"

    def state(self) -> Optional[Checkpoint]:
        """The sequence that was begun there, if one was. Raises DreamError where it is damaged or frames are missing.

        Frames that were not done when it ended may be there; they will be written again, with the same bytes.
        """
        if not self._state.exists():
            return None
        try:
            if not self._state.is_file():
                raise ValueError("a pipe, say, that would be waited for")
            if not zipfile.is_zipfile(str(self._state)):  # NumPy of old leaves a complaint behind when it finds out
                raise ValueError("cut short")
            with np.load(str(self._state), allow_pickle=False) as stored:
                state = Checkpoint(int(stored["done"]), stored["dream"], json.loads(str(stored["recipe"])))
            sound = state.dream.dtype == np.float32 and state.dream.ndim == 3 and isinstance(state.recipe, dict)
        except Exception:  # whatever NumPy, zip and JSON say of bytes that are not theirs
            sound = False
        if not sound:
            raise DreamError(f"{self._state}, which a {self._kind.name} goes on from, is damaged: {self.ways_out}")
        there = set(self._names())
        missing = [path.name for path in map(self.frame, range(state.done)) if path.name not in there]
        if missing:
            raise DreamError(f"{missing[0]} is missing in {self._frames}: put it back, or {self.ways_out}")
        if not self.format and not there <= {self.frame(number).name for number in range(state.done + 1)}:
            self._refuse()
        return state

    def finished(self) -> Optional[Recipe]:
        """The recipe of the whole sequence that is in OUT; None where OUT is new or empty, or frames are still coming.

        Raises UsageError where something else is in it.
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
        count = (recipe or {}).get(f"{self._kind.name}_frames", len(there))  # a film does not say beforehand
        frames = sorted(self.frame(number).name for number in range(len(there)))
        if recipe is None or count != len(there) or there != frames:  # the count is whatever the file says
            self._refuse()
        recipe.pop("frame", None)
        return recipe

    def check_whole(self, count: int) -> None:
        """Raises UsageError where OUT is a folder that has lost some of a finished sequence's frames."""
        there = len(self._names())
        if not self.format and there < count:
            found = f"{self.target} holds {there} of the {count} frames"
            raise UsageError(f"{found}: put the others back, or choose another OUT")

    def begin(self, state: Checkpoint) -> None:
        """Keeps the state, and makes the folder for the frames. Raises DreamError where either cannot be."""
        try:
            self._frames.mkdir(exist_ok=True)
            self.claim()
        except OSError as error:
            raise DreamError(f"the folder {self._frames} cannot be made or used: {error.strerror}") from None
        picture.check_target(str(self.frame(0)))
        self.keep(state)

    def claim(self) -> None:
        """Keeps other runs away from what was begun, if something was, as long as this process lives.

        Raises DreamError where another run is at work there.
        """
        if self._claim is not None or not self._frames.is_dir():
            return
        try:
            self._claim = atomic.claim(self._frames)
        except BlockingIOError:
            raise DreamError(f"another run is writing to {self.target}: wait for it, or choose another OUT") from None

    def close(self) -> None:
        """Lets other runs in."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def keep(self, state: Checkpoint) -> None:
        """Puts a state in the place of the one before. Raises DreamError where that fails."""
        content: Dict[str, Any] = {"done": state.done, "dream": state.dream, "recipe": json.dumps(state.recipe)}
        self._write_aside(self._state, lambda path: _save(path, content))

    def frames(self, count: int, has_alpha: bool = False) -> Iterator[np.ndarray]:
        """(h, w, 3) uint8, or for has_alpha (h, w, 4), one after the other; what OUT cannot hold of it is white.

        Raises DreamError for one that cannot be read.
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
        """Whether any of the frames has transparency that OUT can hold."""
        if not transparency.is_held(self._holds()):
            return False
        for number in range(count):
            with contextlib.suppress(Exception), Image.open(self.frame(number)) as image:  # frames() says what is wrong
                if image.mode == "RGBA":
                    return True
        return False

    def loss(self, alpha: Optional[np.ndarray]) -> Optional[str]:
        """What to say of the transparency, (h, w) uint8, that OUT cannot hold; None where nothing is lost."""
        return transparency.loss(self._holds(), alpha)

    def _holds(self) -> str:
        """The format, by which transparency.py knows what OUT can hold of it."""
        if self.format == "WEBM" and not writer.holds_alpha(self.format):
            return "this PyAV's WebM"
        return self.format or "PNG"

    def finish(self, write: Callable[[Path], None]) -> None:
        """Has the animation or the film written, if it is one, and removes all that is hidden."""
        if self.format:
            self._write_aside(self._out, write)
        self.clear()

    def make_way(self, refuse_input: Callable[[str], None]) -> None:
        """Removes what was begun here, and from a folder the frames of a finished sequence.

        refuse_input: raises UsageError for a file that is read. Raises it where anything else is in the folder.
        """
        if not self.format:
            paths = [self._frames / name for name in self._names()]
            for path in paths:
                refuse_input(str(path))
                if self._recipe_in(path) is None:
                    self._refuse()
            for path in paths:
                path.unlink()
        self.clear()

    def clear(self) -> None:
        """Removes what is hidden; the state last, without which the frames would be nobody's."""
        if self.format:
            shutil.rmtree(str(self._frames), ignore_errors=True)
        for path in (self._aside, self._state):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _names(self) -> List[str]:
        if not self._frames.is_dir():
            return []
        return sorted(path.name for path in self._frames.iterdir() if is_shown(path))

    def _recipe_in(self, path: Path) -> Optional[Recipe]:
        """The recipe in a file, where it is one of such a sequence."""
        if not path.is_file():
            return None
        try:
            recipe = read_recipe(str(path))
        except DreamError:
            return None
        return recipe if any(key.startswith(f"{self._kind.name}_") for key in recipe) else None

    def _refuse(self) -> NoReturn:
        name = self._kind.name
        if not self.format:
            raise UsageError(f"{self.target} holds other things than the frames of one {name}: choose another OUT")
        raise UsageError(
            f"{self.target} is there and was not made by dreamify {name}: "
            "choose another OUT, or replace it with --force"
        )

    def _write_aside(self, path: Path, write: Callable[[Path], None]) -> None:
        """The file appears under its name when it is complete, or not at all; a pipe is written into when it is."""
        is_out = path == self._out
        try:
            with contextlib.suppress(FileNotFoundError):  # it might be anything, a link or a pipe
                self._aside.unlink()
            write(self._aside)
            with self._aside.open("r+b") as file:
                if is_out and self._is_stream:
                    streams.write(self.target, iter(partial(file.read, _BLOCK), b""))
                    return
                atomic.keep_permissions(path, file.fileno())
            atomic.put(self._aside, path, new=is_out and self._is_new)
        except FileExistsError:
            raise DreamError(
                f"{path} is there now, and was not when this began: move it away, and the same command goes on"
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise DreamError(f"{path} cannot be written ({reason}): see to that; the same command goes on") from None
        finally:
            with contextlib.suppress(OSError):  # it has its final name now, unless something failed
                self._aside.unlink()


def _save(path: Path, content: Dict[str, Any]) -> None:
    with path.open("wb") as file:  # NumPy would add its own extension to a name
        np.savez(file, **content)
