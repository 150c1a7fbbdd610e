"""Makes the film of a dream as the command line does, frame by frame, with what the page needs: reports and a stop."""

import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterator, List, Optional

import numpy as np

from ..compat import Protocol
from ..console import captured_messages
from ..dream import Step
from ..errors import DreamError
from ..images import picture, transparency
from ..images.recipe import Recipe
from ..pipeline.prepare import DreamJob
from ..settings import ZOOM
from ..tasks import sequence
from ..tasks.checkpoint import Checkpoint
from ..tasks.growth import Growth
from ..tasks.sequence_files import tell_what_is_lost, write
from ..tasks.sequence_output import SequenceOutput
from ..tasks.zoom import Frames
from . import pace
from .dream import Dream, Progress
from .pace import Pace
from .results import FilmResult, write_small
from .storage import FULL, Storage, sizes
from .telling import Teller

_FEWEST = 2  # frames of a film
_NO_FILM = "stopped before the second frame: there is no film"
_GIVEN_UP = "stopped while the film was written: there is no film"


class _GivenUp(DreamError):
    """The film is not wanted any more."""


class _Frames(Protocol):
    """The frames of one film, in files beside it until it is written."""

    @property
    def done(self) -> int:
        """How many are there."""

    def make(self, teller: Teller) -> Iterator[None]:
        """Make the frames; yield after each one."""

    def last(self) -> np.ndarray:
        """The last one as it is seen, (h, w, 3) uint8."""

    def write(self, count: Callable[[], None]) -> Recipe:
        """Write the film of those that are there; return its recipe. count: called after each frame; may raise."""

    def close(self) -> None:
        """Remove everything but the film."""


def make(dream: Dream, prepared: DreamJob, rates: Pace, storage: Storage) -> Progress:
    """Make the film that is asked for with a dream; return the last report, with the film unless it was given up.

    Raises DreamError if it fails. Nothing remains but the film.
    """
    assert dream.film
    folder, total = Path(dream.request.target).parent, dream.film.count(prepared.request.dream)
    notes: List[str] = []
    is_full = False
    with captured_messages(notes.append), storage.in_use(folder):
        kind = _GrowthFrames if dream.film.kind == "growth" else _ZoomFrames
        with contextlib.closing(kind(dream, prepared)) as frames:
            teller = Teller(dream, prepared, rates)
            for _ in frames.make(teller):
                is_full = not storage.has_room(_needed(folder, prepared))
                if dream.is_stopped or is_full:
                    break
            if is_full and frames.done < _FEWEST:
                raise DreamError(FULL)
            if dream.is_dropped or frames.done < _FEWEST:
                return Progress(_NO_FILM, is_last=True)
            try:
                result = _written(frames, dream)
            except _GivenUp:
                return Progress(_GIVEN_UP, is_last=True)
    seed = f"(seed {prepared.request.dream.seed})"
    words = f"the film is done: {total} frames {seed}"
    if frames.done < total:
        why = ", as there is no room for more here" if is_full else ""
        words = f"stopped after {frames.done} of {total} frames{why}: this is the film so far {seed}"
    return Progress("; ".join([words, *notes]), 1.0, film=result, is_last=True)


def _written(frames: _Frames, dream: Dream) -> FilmResult:
    """Write the film, with reports. Raises _GivenUp if the dream is dropped meanwhile."""
    assert dream.film
    begun, written, count = time.monotonic(), 0, frames.done
    dream.tell(Progress("writing the film", 0.0, is_writing=True))

    def told() -> None:
        nonlocal written
        if dream.is_dropped:
            raise _GivenUp
        written += 1
        dream.left = (time.monotonic() - begun) / written * (count - written)
        left = pace.in_words(dream.left)
        words = f"writing the film, frame {written} of {count}, {left} left"
        dream.tell(Progress(words, written / count, is_writing=True))

    recipe, thumbnail = frames.write(told), dream.film_path.with_name("small.jpg")
    write_small(thumbnail, frames.last())
    return FilmResult(dream.film.kind, dream.film_path, thumbnail, recipe)


def _needed(folder: Path, prepared: DreamJob) -> int:
    """Bytes for one more frame with its checkpoint, and for the film, which takes no more than its frames."""
    h, w = prepared.inputs.base.size
    return 16 * h * w + sum(size for _, size in sizes(folder))


class _GrowthFrames:
    def __init__(self, dream: Dream, prepared: DreamJob):
        self._dream, self._prepared = dream, prepared
        self._growth = Growth(prepared.request)
        self._step: Optional[Step] = None

    @property
    def done(self) -> int:
        return self._growth.done

    def make(self, teller: Teller) -> Iterator[None]:
        self._growth.begin(self._prepared)
        if self._dream.is_stopped:
            return
        for step in self._prepared.steps(self._prepared.inputs.base.pixels):
            self._step = step
            self._growth.write(step)
            teller.tell(step)
            yield

    def last(self) -> np.ndarray:
        assert self._step
        pixels = picture.to_uint8(self._step.whole(), self._prepared.request.dream.clip)
        return transparency.on_white(pixels, self._prepared.inputs.base.alpha)

    def write(self, count: Callable[[], None]) -> Recipe:
        return self._growth.write_film(count)

    def close(self) -> None:
        self._growth.discard()
        self._growth.close()


class _ZoomFrames:
    def __init__(self, dream: Dream, prepared: DreamJob):
        assert dream.film
        self._dream, self._prepared = dream, prepared
        self._frames = self._of(dream.film.frames)
        self._place = SequenceOutput(str(dream.film_path), self._frames.kind, prepared.request)
        pixels = prepared.inputs.base.pixels.astype(np.float32)
        self._state = Checkpoint(0, pixels, sequence.recipe_of(prepared, self._frames))

    @staticmethod
    def _of(count: int) -> Frames:
        return Frames(replace(ZOOM, frames=count), ())

    @property
    def done(self) -> int:
        return self._state.done

    def make(self, teller: Teller) -> Iterator[None]:
        prepared, frames, place = self._prepared, self._frames, self._place
        tell_what_is_lost(place, frames.form, prepared.inputs.base.size)
        place.begin(self._state)
        dreams = sequence.here(prepared, frames, self._state, lambda: self._dream.is_stopped or None, teller.tell)
        with contextlib.closing(dreams):
            for state in sequence.kept(prepared, frames, place, self._state, dreams):
                self._state = state
                teller.show(self.last())
                yield

    def last(self) -> np.ndarray:
        pixels = picture.to_uint8(self._state.dream, self._prepared.request.dream.clip)
        return transparency.on_white(pixels, self._frames.alpha(self.done - 1, self._prepared.inputs.base.alpha))

    def write(self, count: Callable[[], None]) -> Recipe:
        """That of a zoom with as many frames as are there."""
        frames, state = self._of(self.done), self._state
        state = replace(state, recipe=sequence.recipe_of(self._prepared, frames))
        self._place.finish(lambda path: write(path, self._place, frames.form, frames.times(), state, count))
        return state.recipe

    def close(self) -> None:
        self._place.clear()
        self._place.close()
