"""Where a zoom goes, and what it keeps beside that until it is done, so that it can go on after any end.

OUT is a folder of frames, or an animation. Beside it, hidden: the state (the frame to dream next), and for an animation
a folder with the frames so far. All of it is removed when the zoom is complete.
"""

import contextlib
import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, NoReturn, Optional

import numpy as np

from . import animation, picture
from .errors import DreamError, UsageError

Recipe = Dict[str, Any]

_LEFTOVER = re.compile(r"\.dreamify-[0-9a-f]{32}")  # picture.write's, where a process was killed in the middle of it


@dataclass(frozen=True)
class State:
    """A zoom between two frames.

    done: frames that are written. frame: (h, w, 3) float32, RGB of 0-255, what is to be dreamt next.
    """

    done: int
    frame: np.ndarray
    recipe: Recipe


class Place:
    """The files of one zoom.

    target: a folder, or a file that ends in one of animation.FORMATS.
    Raises UsageError for anything else, DreamError where its folder is missing.
    """

    def __init__(self, target: str):
        self.target = target
        self._out = Path(os.path.realpath(target))
        suffix = Path(target).suffix.lower()
        is_folder = self._out.is_dir() or not suffix or target.endswith(("/", os.sep))
        self.kind = None if is_folder else animation.FORMATS.get(suffix)  # Pillow's name of an animation's format
        if target == "-" or not (is_folder or self.kind):
            raise UsageError(
                f"{target} is nothing that a zoom can be written to: end its name in "
                f"{' or '.join(animation.FORMATS)}, or name a folder, which has no extension or a / at its end"
            )
        if is_folder and self._out.exists() and not self._out.is_dir():
            raise UsageError(f"{target} is a file: name a folder, or a file in {' or '.join(animation.FORMATS)}")
        if not self._out.parent.is_dir():
            raise DreamError(f"the folder {self._out.parent} does not exist: create it, or write somewhere else")
        self._state, self._aside = self._beside("zoom"), self._beside("part")
        self._frames = self._beside("frames") if self.kind else self._out

    def _beside(self, what: str) -> Path:
        return self._out.parent / f".{self._out.name}.{what}"

    @property
    def ways_out(self) -> str:
        """What a person can do who wants another zoom than the one that was begun there."""
        return f"to begin anew remove {self._state} and {self._frames}, or choose another OUT"

    def frame(self, number: int) -> Path:
        return self._frames / f"{number:04}.png"

    def state(self) -> Optional[State]:
        """The zoom that was begun there, if one was. Raises DreamError where it is damaged or its frames are not there.

        Frames that were not done when it ended may be there; they will be written again, with the same bytes.
        """
        if not self._state.exists():
            return None
        try:
            if not zipfile.is_zipfile(str(self._state)):  # NumPy of old leaves a complaint behind when it finds out
                raise ValueError("cut short")
            with np.load(str(self._state), allow_pickle=False) as stored:
                state = State(int(stored["done"]), stored["frame"], json.loads(str(stored["recipe"])))
            sound = state.frame.dtype == np.float32 and state.frame.ndim == 3 and isinstance(state.recipe, dict)
        except Exception:  # whatever NumPy, zip and JSON say of bytes that are not theirs
            sound = False
        if not sound:
            raise DreamError(f"{self._state}, which a zoom goes on from, is damaged: {self.ways_out}")
        there = self._names()
        missing = [path.name for path in map(self.frame, range(state.done)) if path.name not in there]
        if missing:
            raise DreamError(f"{missing[0]} is missing in {self._frames}: put it back, or {self.ways_out}")
        if not self.kind and not set(there) <= {self.frame(number).name for number in range(state.done + 1)}:
            self._refuse()
        return state

    def finished(self) -> Optional[Recipe]:
        """The recipe of the whole zoom that is in OUT; None where OUT is new or empty, or its frames are still coming.

        Raises UsageError where something else is in it.
        """
        if self.kind:
            recipe = self._recipe_in(self._out) if self._out.exists() else None
            if self._out.exists() and (recipe is None or "zoom_rate" not in recipe):
                self._refuse()
            return recipe
        there = [] if self._state.exists() else self._names()
        if not there:
            return None
        recipe = self._recipe_in(self.frame(0))
        count = (recipe or {}).get("zoom_frames")
        if recipe is None or there != [self.frame(number).name for number in range(len(there))] or len(there) != count:
            self._refuse()
        recipe.pop("frame", None)
        return recipe

    def begin(self, state: State) -> None:
        """Keeps the state, and makes the folder for the frames. Raises DreamError where either cannot be."""
        self.keep(state)
        try:
            self._frames.mkdir(exist_ok=True)
            for path in self._frames.iterdir():
                if _LEFTOVER.fullmatch(path.name):
                    path.unlink()
        except OSError as error:
            raise DreamError(f"the folder {self._frames} cannot be made or used: {error.strerror}") from None
        picture.check_target(str(self.frame(0)))

    def keep(self, state: State) -> None:
        """Puts a state in the place of the one before. Raises DreamError where that fails."""
        content: Dict[str, Any] = {"done": state.done, "frame": state.frame, "recipe": json.dumps(state.recipe)}
        self._write_aside(self._state, lambda file: np.savez(file, **content))

    def finish(self, recipe: Recipe) -> None:
        """Writes the animation, if it is one, from its frames, and removes all that is hidden."""
        if self.kind:
            frames = [self.frame(number) for number in range(recipe["zoom_frames"])]
            data = animation.encode(self.kind, frames, recipe)
            self._write_aside(self._out, lambda file: file.write(data))
        self.clear()

    def clear(self) -> None:
        """Removes what is hidden; the state last, without which the frames would be nobody's."""
        if self.kind:
            shutil.rmtree(str(self._frames), ignore_errors=True)
        for path in (self._aside, self._state):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _names(self) -> List[str]:
        if not self._frames.is_dir():
            return []
        return sorted(path.name for path in self._frames.iterdir() if not _LEFTOVER.fullmatch(path.name))

    @staticmethod
    def _recipe_in(path: Path) -> Optional[Recipe]:
        try:
            return picture.read_recipe(str(path))
        except DreamError:
            return None

    def _refuse(self) -> NoReturn:
        held = "is there and is no zoom" if self.kind else "holds other things than the frames of one zoom"
        raise UsageError(f"{self.target} {held}: choose another OUT")

    def _write_aside(self, path: Path, write: Callable[[BinaryIO], Any]) -> None:
        """The file appears under its name when it is complete, or not at all."""
        try:
            with self._aside.open("wb") as file:
                write(file)
            self._aside.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._aside.unlink()
            reason = error.strerror or str(error)
            raise DreamError(f"{path} cannot be written ({reason}): see to that; the same command goes on") from None
