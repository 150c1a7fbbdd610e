"""Makes a sequence of dreams frame by frame, each from the one before, and resumes it after an interruption."""

import contextlib
import itertools
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Callable, Generator, Iterable, Iterator, Optional, Sequence, Tuple

import numpy as np

from ..compat import Protocol
from ..console import bar, interruptible, say
from ..dream import Step
from ..images import picture, transparency
from ..images import recipe as recipes
from ..images.picture import Picture
from ..images.recipe import Recipe
from ..pipeline.prepare import DreamJob, prepare_again
from ..pipeline.request import Request
from ..settings import WORKERS, WorkerSettings
from ..video.film import VideoFormat
from . import executors
from .checkpoint import Checkpoint
from .executors import Job, WorkerPool
from .sequence_files import There, tell_what_is_lost, write
from .sequence_output import SequenceFormat, SequenceOutput
from .worker import dream_picture

Dreams = Generator[np.ndarray, None, None]
Interrupted = Callable[[], Optional[int]]


class Frames(Protocol):
    """The frames that a sequence dreams."""

    kind: SequenceFormat
    count: int  # of frames, as far as known
    recipe: Recipe  # entries beyond those of a single dream

    @property
    def form(self) -> VideoFormat:
        """The format of the film that they make."""

    def start(self, number: int, last: np.ndarray) -> Optional[np.ndarray]:
        """The picture that frame `number` is dreamt from, (h, w, 3) float32; None after the last frame.

        last: the dream before it, (h, w, 3) float32; for frame 0, the source picture. Calls may start at any number and
        then go up by one.
        """

    def shares(self, number: int) -> Optional[Sequence[float]]:
        """The share of each of the request's layers in frame `number`; None if there is one for all frames."""

    def alpha(self, number: int, first: Optional[np.ndarray]) -> Optional[np.ndarray]:
        """The alpha of frame `number`, (h, w) uint8, after its start(); None if it is opaque.

        first: alpha of the source picture, (h, w) uint8. Calls may start at any number and then go up by one.
        """

    def counted(self) -> int:
        """The exact number of frames; a film is read to the end for it."""

    def times(self) -> Sequence[Fraction]:
        """The start time of each frame in seconds, then the end of the last. Valid once all frames are known."""


def run(request: Request, frames: Frames, base: Optional[Picture] = None, workers: WorkerSettings = WORKERS) -> int:
    """Makes or resumes a sequence; returns the exit code: 128 plus the signal number if a signal cut it short.

    request: its target is a folder for the frames, or a file in one of the kind's formats. base: the first frame, if it
    is read already. workers: what computes the dreams; by default this process, which is required if a frame depends on
    the dream before it.
    Raises UsageError if the target has another format, is an input or holds something else, or if the sequence was
    begun with other settings; DreamError if anything fails.
    """
    with contextlib.closing(SequenceOutput(request.target, frames.kind, request)) as place:
        pool = executors.if_asked(request.net, workers)
        return _run(replace(request, net=pool.net) if pool else request, frames, base, place, pool)


def _run(
    request: Request, frames: Frames, base: Optional[Picture], place: SequenceOutput, pool: Optional[WorkerPool]
) -> int:
    name = frames.kind.name
    there = There(place, request)
    prepared = prepare_again(request, there.recipe or {}, base)
    recipe = recipe_of(prepared, frames)
    there.agree(recipe)
    if there.finished:
        there.tell_finished(frames.counted())
        return 0
    tell_what_is_lost(place, frames.form, prepared.inputs.base.size)
    if there.state:
        say(f"resuming after {there.state.done} of {frames.count} frames")
    state = there.state or Checkpoint(0, prepared.inputs.base.pixels.astype(np.float32), recipe)
    place.begin(state)
    try:
        state, cut_short = _dream(prepared, frames, place, state, pool)
        if cut_short:
            say(f"stopped after {state.done} of {frames.count} frames: run the same command to resume")
            return 128 + cut_short
        place.finish(lambda path: write(path, place, frames.form, frames.times(), state))
    except KeyboardInterrupt:  # the second Ctrl-C, within a frame, or one while the file is written
        say("interrupted, the frame in progress is discarded: run the same command to resume")
        return 130
    say(f"the {name} of {state.done} frame{'s' if state.done > 1 else ''} is in {request.target}")
    return 0


def recipe_of(prepared: DreamJob, frames: Frames) -> Recipe:
    """The recipe of a sequence."""
    return recipes.normalized({**prepared.recipe, **frames.recipe})


def _dream(
    prepared: DreamJob, frames: Frames, place: SequenceOutput, state: Checkpoint, pool: Optional[WorkerPool]
) -> Tuple[Checkpoint, Optional[int]]:
    """Dreams the missing frames; returns the checkpoint reached, and the signal that cut it short, if any."""
    what = "the frames in progress" if pool else "this step"
    with bar("frame {n_fmt} of {total_fmt}", frames.count, state.done) as progress, interruptible(what) as interrupted:
        dreamt = partial(_with_workers, pool) if pool else here
        with contextlib.closing(dreamt(prepared, frames, state, interrupted)) as dreams:
            for reached in kept(prepared, frames, place, state, dreams):
                state = reached
                progress.update()
        cut_short = interrupted()
        if cut_short and frames.start(state.done, state.dream) is None:  # the signal came after the last frame
            cut_short = None
    return state, cut_short


def kept(
    prepared: DreamJob, frames: Frames, place: SequenceOutput, state: Checkpoint, dreams: Iterable[np.ndarray]
) -> Iterator[Checkpoint]:
    """Writes each dream, (h, w, 3) float32, as the next frame; yields the checkpoint after it."""
    clip, first = prepared.request.dream.clip, prepared.inputs.base.alpha
    is_lost = False  # whether lost transparency was reported
    for dream in dreams:
        # The picture first: if the program ends before the state is saved, it makes the same picture again.
        recipe = {**state.recipe, "frame": state.done}
        alpha = transparency.if_any(frames.alpha(state.done, first))
        lost = None if is_lost else place.loss(alpha)
        if lost:
            say(lost)
            is_lost = True
        picture.write(str(place.frame(state.done)), picture.to_uint8(dream, clip), recipe, alpha)
        state = Checkpoint(state.done + 1, dream, state.recipe)
        place.keep(state)
        yield state


def here(
    prepared: DreamJob,
    frames: Frames,
    state: Checkpoint,
    interrupted: Interrupted,
    watch: Optional[Callable[[Step], object]] = None,
) -> Dreams:
    """Yields the missing frames, (h, w, 3) float32, computed in this process. It ends after a step if interrupted.

    watch: called after each step.
    """
    last = state.dream
    for number in itertools.count(state.done):
        start = frames.start(number, last)
        if start is None or interrupted():
            return
        done: Optional[Step] = None
        for step in prepared.steps(start, _seed(prepared.request, number), shares=frames.shares(number)):
            if watch:
                watch(step)
            if interrupted():
                return
            done = step
        last = done.picture() if done else start
        yield last


def _with_workers(
    pool: WorkerPool, prepared: DreamJob, frames: Frames, state: Checkpoint, interrupted: Interrupted
) -> Dreams:
    """Yields the missing frames, (h, w, 3) float32, computed by workers until a signal arrives."""

    def coming() -> Iterator[Job]:
        for number in itertools.count(state.done):
            start = frames.start(number, state.dream)
            if start is None:
                return
            dream = replace(prepared.request.dream, seed=_seed(prepared.request, number))
            request = executors.for_workers(replace(prepared.request, dream=dream), pool)
            base = Picture(start.astype(np.uint8), None, "")
            yield Job(number, (request, base, prepared.plan, prepared.recipe))

    for _, future in executors.as_completed(pool, dream_picture, coming(), interrupted, in_order=True):
        yield executors.result(future)


def _seed(request: Request, number: int) -> int:
    """The seed of a frame: one for each, so that the result does not depend on where the run started."""
    return (int(request.dream.seed or 0) + number) % 2**32
