"""Saves the picture of every step in a folder (--frames), which holds the frames of one dream."""

import re
from pathlib import Path
from typing import AbstractSet, List, Optional

import numpy as np

from ..console import say
from ..dream import Step
from ..errors import DreamError, UsageError
from ..images import picture, transparency
from ..images import recipe as recipes
from ..images.recipe import PROGRESS, Recipe
from ..pipeline.request import Request
from ..storage import files
from ..storage.lock import Lock
from . import outputs
from .progress import in_words
from .sequence_output import is_shown

_NAME = re.compile(r"octave\d{2,}-iteration\d{4,}\.png")


class StepFrames:
    """The frames folder of a request, locked against other dreams until `close`."""

    def __init__(self, request: Request):
        self._request = request
        self._folder = str(request.frames)
        self._lock: Optional[Lock] = None

    def check(self) -> None:
        """Checks, before any work is done, that an existing folder is writable."""
        files.check_link(self._folder)
        if Path(self._folder).is_dir():
            picture.check_target(files.join(self._folder, _name(0, 0)))

    def begin(self, recipe: Recipe) -> None:
        """Makes the folder, and removes the frames of an earlier dream if they may be replaced.

        They may be replaced if their recipe differs only in what was drawn or chosen automatically (the seed, the
        device), or if --force is given. Raises UsageError if the folder holds anything else, DreamError if it cannot be
        made or another dream is writing there.
        """
        files.make_folder(self._folder)
        try:
            if not files.is_address(self._folder):
                self._lock = Lock(Path(files.real(self._folder)))
        except BlockingIOError:
            raise DreamError(
                f"another dream is writing to {self._folder}: wait for it, or name another folder"
            ) from None
        free = {*recipes.HOW, PROGRESS}
        if self._request.is_seed_drawn:
            free |= {"seed"} | ({"input_sha256", "guide_sha256"} if "input" in recipe else set())
        self._make_room(recipe, free)

    def has(self, steps: int) -> bool:
        """Whether the frames of that many steps, from the first on, are there."""
        names = {Path(name).name for name in self._names()}
        return all(_name(*divmod(number, self._request.dream.iter_n)) in names for number in range(steps))

    def write(self, step: Step, recipe: Recipe, alpha: Optional[np.ndarray]) -> None:
        """Writes the frame of a step. Raises DreamError if that fails.

        alpha: (H, W) uint8, of the whole picture; it is resized to the size of the step.
        """
        dream = self._request.dream
        target = files.join(self._folder, _name(step.octave, step.iteration))
        pixels = picture.to_uint8(step.picture(), dream.clip)
        alpha = transparency.resized(alpha, *pixels.shape[:2])
        picture.write(target, pixels, {**recipe, PROGRESS: in_words(dream, step)}, alpha)

    def close(self) -> None:
        """Unlocks the folder."""
        if self._lock is not None:
            self._lock.release()

    def _make_room(self, recipe: Recipe, free: AbstractSet[str]) -> None:
        out = files.identity(self._request.target, is_output=True)
        stale: List[str] = []
        for name in self._names():
            if out is not None and files.identity(name) == out:
                continue
            there = _recipe_in(name) if _NAME.fullmatch(Path(name).name) else None
            if there is None or PROGRESS not in there:
                raise UsageError(
                    f"{self._folder} holds files that are not frames of one dream, such as {Path(name).name}: "
                    "name another folder"
                )
            outputs.refuse_inputs(name, self._request)
            key = recipes.difference(there, recipe, free)
            if key is not None and not self._request.force:
                raise UsageError(
                    f"{self._folder} holds the frames of a dream with {key} {there.get(key)}, and this one has "
                    f"{recipe.get(key)}: name another folder, or replace them with --force"
                )
            if recipes.difference(there, recipe, {PROGRESS}) is not None:
                stale.append(name)
        if stale:
            say(f"replacing {len(stale)} frames of an earlier dream in {self._folder}")
        for name in stale:
            files.remove(name)

    def _names(self) -> List[str]:
        """The visible files in the folder."""
        if files.is_address(self._folder):
            names = files.find(self._folder) or []
        else:
            names = [str(path) for path in sorted(Path(files.absolute(self._folder)).iterdir())]
        return [name for name in names if is_shown(Path(name))]


def _recipe_in(name: str) -> Optional[Recipe]:
    """The recipe of a picture; None for anything else. Does not wait on a pipe."""
    try:
        return None if files.is_stream(name) else picture.read_recipe(name)
    except DreamError:
        return None


def _name(octave: int, iteration: int) -> str:
    return f"octave{octave + 1:02}-iteration{iteration + 1:04}.png"
