"""Films one dream as it grows (--growth): the picture, then every step at full size, the finished dream last."""

import math
import os
from dataclasses import replace
from fractions import Fraction
from typing import Callable, List, Optional

import numpy as np

from ..console import say
from ..dream import Begun, Step
from ..errors import UsageError
from ..images import animation, picture, transparency
from ..images import recipe as recipes
from ..images.recipe import PROGRESS, Recipe
from ..pipeline.prepare import DreamJob
from ..pipeline.request import Request
from ..settings import GROWTH, GrowthSettings
from ..storage import files
from ..video.film import FORMATS, VideoFormat
from ..video.folder import rate_of
from .checkpoint import Checkpoint
from .progress import in_words
from .sequence_files import There, tell_what_is_lost, write
from .sequence_output import SequenceFormat, SequenceOutput

_KIND = SequenceFormat(
    "growth", {**animation.FORMATS, **FORMATS}, 5, slower="--growth-fps {rate}", maker="--growth", out="FILM"
)


class Growth:
    """The growth of one dream, at request.growth; locked against other runs until `close`.

    Raises UsageError if that is an input, OUT, the folder of the frames or holds something else, or if there is nothing
    to show; DreamError if it cannot be written.
    """

    def __init__(self, request: Request, settings: GrowthSettings = GROWTH):
        self._request, target = request, str(request.growth)
        if request.dream.iter_n == 0:
            raise UsageError("a growth shows every step, and with --iterations 0 there is none: leave out --growth")
        self._place = SequenceOutput(target, _KIND, request)
        _refuse_beside(target, request)
        self._fps = settings.fps
        self._form = VideoFormat(rate_of(settings.fps), 1 / rate_of(settings.fps))
        self._there = There(self._place, request)
        self._state: Optional[Checkpoint] = None  # of what is to be written; None for a growth that is complete
        self._count = 0
        self._alpha: Optional[np.ndarray] = None  # (h, w) uint8, of the picture
        self._is_lost = False  # whether lost transparency was reported
        self._moment = ""  # of the last frame, in words

    @property
    def done(self) -> int:
        """How many frames are there."""
        return self._state.done if self._state else 0

    @property
    def begun(self) -> Recipe:
        """The recipe of what is there already; {} for none."""
        return self._there.recipe or {}

    def begin(self, job: DreamJob) -> Optional[Begun]:
        """Writes the picture as the first frame. Returns how far the dream got in an earlier run, if there was one.

        Raises UsageError if what is there is the growth of another dream.
        """
        dream = job.request.dream
        self._count = 1 + dream.octave_n * dream.iter_n
        own = {"growth_frames": self._count, "growth_fps": self._fps}
        recipe = recipes.normalized({**job.recipe, **own})
        self._there.agree(recipe)
        if self._there.finished:
            self._there.tell_finished(self._count)
            return None
        base, state = job.inputs.base, self._there.state
        tell_what_is_lost(self._place, self._form, base.size)
        if state:
            say(f"resuming after {state.done} of {self._count} frames of the growth")
        self._state = state or Checkpoint(0, base.pixels.astype(np.float32), recipe)
        self._place.begin(self._state)
        self._alpha = base.alpha
        if self._state.done == 0:
            self._put(base.pixels, self._state.dream)
        return Begun(self._state.done - 1, self._state.dream) if self._state.done > 1 else None

    def write(self, step: Step) -> None:
        """Writes the frame of a step, unless it is there."""
        dream = self._request.dream
        self._moment = in_words(dream, step)
        if self._state and self._state.done == step.octave * dream.iter_n + step.iteration + 1:
            self._put(picture.to_uint8(step.whole(), dream.clip), step.data())

    def _put(self, pixels: np.ndarray, data: np.ndarray) -> None:
        """Writes the next frame, then the state: if the program ends between them, it makes the same frame again."""
        assert self._state
        number, recipe = self._state.done, self._state.recipe
        alpha = transparency.if_any(self._alpha)
        lost = None if self._is_lost else self._place.loss(alpha)
        if lost:
            say(lost)
            self._is_lost = True
        picture.write(str(self._place.frame(number)), pixels, {**recipe, "frame": number}, alpha)
        self._state = Checkpoint(number + 1, data, recipe)
        self._place.keep(self._state)

    def finish(self) -> None:
        """Writes the film, or says how far it got."""
        state = self._state
        if state is None:
            return
        if state.done < self._count:
            say(f"the growth stopped after {state.done} of {self._count} frames: run the same command to resume")
            return
        self.write_film()
        say(f"the growth of {self._count} frames is in {self._request.growth}")

    def write_film(self, count: Optional[Callable[[], object]] = None) -> Recipe:
        """Writes the film of the frames that are there, and removes them; returns its recipe. count: see `write`."""
        assert self._state
        state = self._state
        if state.done < self._count:
            so_far = {"growth_frames": state.done, PROGRESS: self._moment}
            state = replace(state, recipe={**state.recipe, **so_far})
        times = self._times(state.done)
        self._place.finish(lambda path: write(path, self._place, self._form, times, state, count))
        return state.recipe

    def _times(self, count: int) -> List[Fraction]:
        """The start of each frame, then the end of the last, which is held for a second, in whole frames."""
        rate = self._form.rate
        return [*(number / rate for number in range(count)), (count - 1 + math.ceil(rate)) / rate]

    def discard(self) -> None:
        """Removes what is not finished."""
        self._place.clear()

    def close(self) -> None:
        """Unlocks the output."""
        self._place.close()


def _refuse_beside(target: str, request: Request) -> None:
    """Raises UsageError if the growth is where another output of the dream goes."""
    for what, other in {"OUT": request.target, "--frames": request.frames}.items():
        if other and other != "-" and files.real(other) == files.real(target):
            raise UsageError(f"--growth and {what} are both {target}: name another place for one of them")
    if request.target != "-" and files.real(target) == os.path.dirname(files.real(request.target)):  # noqa: PTH120
        raise UsageError(f"{request.target} would be among the frames in {target}: choose another folder for --growth")
