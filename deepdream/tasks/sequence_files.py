"""What sequences share about their output: what is there already, what it cannot hold, and the film at the end."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

import numpy as np

from ..arrays import Size
from ..console import bar, say
from ..errors import DreamError, UsageError
from ..images import animation
from ..images import recipe as recipes
from ..images.recipe import Recipe
from ..pipeline.request import Request
from ..video import writer
from ..video.film import FORMATS, VideoFormat
from .checkpoint import Checkpoint
from .sequence_output import SequenceOutput


class There:
    """What is at the output of a sequence already, which is locked against other runs.

    finished: the recipe of a sequence that is complete. state: the checkpoint of one that was begun. With --force, what
    is complete or damaged counts as nothing.
    Raises UsageError if the output holds anything else, DreamError if it is damaged or its format cannot be written.
    """

    def __init__(self, place: SequenceOutput, request: Request):
        self._place, self._request = place, request
        if place.format in FORMATS.values():
            writer.check(str(place.format))
        place.lock()
        self.finished: Optional[Recipe] = None if request.force else place.finished()
        self.state: Optional[Checkpoint] = None if self.finished else self._state()

    def _state(self) -> Optional[Checkpoint]:
        try:
            return self._place.state()
        except DreamError:
            if not self._request.force:
                raise
            return None

    @property
    def recipe(self) -> Optional[Recipe]:
        """The recipe that the sequence there was begun with, if there is one."""
        return self.finished or (self.state.recipe if self.state else None)

    def agree(self, recipe: Recipe) -> None:
        """Refuses to resume or replace a sequence with other settings; with --force, removes it."""
        if self._request.force and self.recipe != recipe:
            self._place.make_way()
            self.state = None
        begun = self.recipe
        key = None if begun is None else recipes.difference(begun, recipe)
        if begun is None or key is None:
            return
        difference = f"a {self._place.kind.name} with {key} {begun.get(key)}, and this is one with {recipe.get(key)}"
        if self.finished:
            way_out = f"choose another {self._place.kind.out}, or replace it with --force"
            raise UsageError(f"{self._place.target} is {difference}: {way_out}")
        raise UsageError(f"{self._place.target} was begun as {difference}: {self._place.ways_out}")

    def tell_finished(self, count: int) -> None:
        """Reports that all frames are there. Raises UsageError if some are not."""
        self._place.clear()
        self._place.check_whole(count)
        say(f"all {count} frames are already in {self._place.target}")


def tell_what_is_lost(place: SequenceOutput, form: VideoFormat, size: Size) -> None:
    """Reports what OUT cannot store unchanged. size: (height, width) of the frames."""
    if place.format == "MP4":
        height, width = writer.stored_size(place.format, size)
        twice = " and ".join(what for what, more in (("row", height > size[0]), ("column", width > size[1])) if more)
        if twice:
            say(f"the film will be {width}x{height}, with its last {twice} repeated: H.264 requires even sides")
    elif form.aspect != 1:
        say(f"{place.target} will have square pixels, unlike the film: use MP4 to keep their shape")
    if form.sound and place.format not in FORMATS.values():
        say(f"{place.target} will be silent: use MP4 or WebM to keep the sound")
    max_rate = 1000 // animation.SHORTEST
    if place.format == "GIF" and form.rate > max_rate:
        way_out = place.kind.slower.format(rate=max_rate, every=math.ceil(form.rate / max_rate))
        say(f"a GIF shows at most {max_rate} frames per second, so this one plays slower: use {way_out}")


def write(
    path: Path,
    place: SequenceOutput,
    form: VideoFormat,
    times: Sequence[Fraction],
    state: Checkpoint,
    count: Optional[Callable[[], object]] = None,
) -> None:
    """Writes the animation or film from the frames on disk.

    times: of each frame, then of the end, in seconds. count: called after each frame, and may raise to give up; by
    default, a progress bar counts them.
    """
    if count is None:
        with bar("writing frame {n_fmt} of {total_fmt}", state.done) as progress:
            write(path, place, form, times, state, progress.update)
        return
    has_alpha = place.has_alpha(state.done)
    pictures = _counted(place.frames(state.done, has_alpha), count)
    if place.format in FORMATS.values():
        writer.write(path, str(place.format), pictures, times, form, state.recipe, has_alpha)
        return
    with path.open("wb") as file:
        durations, plays = _milliseconds(times), form.plays
        animation.write(file, str(place.format), pictures, durations, state.recipe, plays, has_alpha)


def _counted(pictures: Iterator[np.ndarray], count: Callable[[], object]) -> Iterator[np.ndarray]:
    for image in pictures:
        yield image
        count()


def _milliseconds(times: Sequence[Fraction]) -> Sequence[int]:
    """The duration of each frame in milliseconds, in steps of 10 as in GIF; rounding errors do not add up."""
    marks = [10 * round(100 * time) for time in times]
    return [max(animation.SHORTEST, after - before) for before, after in zip(marks, marks[1:])]
