"""Makes one dream: prepares it, dreams with a progress bar and stores the result with its recipe."""

import contextlib
import tempfile
import uuid
from pathlib import Path
from typing import Optional, Tuple, Union

import numpy as np

from ..console import interruptible, say
from ..dream import Step
from ..errors import DreamError, UsageError
from ..images import picture
from ..images.recipe import PROGRESS, Recipe
from ..pipeline.prepare import DreamJob, prepare_again, repeat
from ..pipeline.request import Request
from ..settings import GROWTH, GrowthSettings
from ..storage import files
from . import free_names, outputs
from .growth import Growth
from .progress import Progress, in_words
from .step_frames import StepFrames

Fault = Union[DreamError, MemoryError]


def run(request: Request, like: Optional[Recipe] = None, growing: GrowthSettings = GROWTH) -> int:
    """Dreams and writes the result; returns the exit code: 128 plus the signal number if a signal cut it short.

    If the dream fails after its first step, the dream so far is written and then the error is raised.
    like: the recipe of an earlier dream that this one repeats. growing: for request.growth.
    """
    picture.check_target(request.target)
    is_there = not request.is_target_chosen and outputs.check(request)
    if not request.growth:
        return _run(request, like, is_there, None)
    with contextlib.closing(Growth(request, growing)) as growth:
        try:
            code = _run(request, like, is_there, growth)
            growth.finish()
            return code
        except KeyboardInterrupt:  # the second Ctrl-C, within a step, or one while the film is written
            say("interrupted, the step in progress is discarded: run the same command to resume")
            return 130


def _run(request: Request, like: Optional[Recipe], is_there: bool, growth: Optional[Growth]) -> int:
    frames = StepFrames(request) if request.frames else None
    with contextlib.closing(frames) if frames else contextlib.nullcontext():
        if frames:
            frames.check()
        prepared = prepare_again(request, growth.begun if growth else {})
        if like is not None:
            repeat(prepared, like)
        if frames:
            frames.begin(prepared.recipe)
        last, cut_short = _dream(prepared, frames, growth)
    request, alpha = prepared.request, prepared.inputs.base.alpha
    image, recipe = finalize(prepared, last)
    del prepared, last  # writing a large picture may need this memory
    unread = _write(request, image, recipe, alpha, is_there)
    if isinstance(cut_short, (DreamError, MemoryError)):
        raise cut_short
    if unread:
        return 128 + unread
    return 128 + cut_short if PROGRESS in recipe and cut_short else 0


def finalize(prepared: DreamJob, last: Optional[Step]) -> Tuple[np.ndarray, Recipe]:
    """The final picture, (h, w, 3) float32, and its recipe, which records the progress if the dream is unfinished.

    last: the last completed step, None if there was none.
    """
    dream, recipe = prepared.request.dream, prepared.recipe
    if last is None:
        return prepared.inputs.base.pixels.astype(np.float32), recipe
    if (last.octave + 1, last.iteration + 1) != (dream.octave_n, dream.iter_n):
        recipe = {**recipe, PROGRESS: in_words(dream, last)}
    return last.whole(), recipe


def _dream(
    prepared: DreamJob, frames: Optional[StepFrames], growth: Optional[Growth]
) -> Tuple[Optional[Step], Union[int, Fault, None]]:
    """Dreams, with a bar and frames; returns the last completed step, and the signal or error that ended the dream.

    Raises DreamError or MemoryError if it fails before the first step is complete.
    """
    dream, base = prepared.request.dream, prepared.inputs.base
    last: Optional[Step] = None
    begun = growth.begin(prepared) if growth else None
    if begun and frames and not frames.has(begun.steps):
        say(f"{prepared.request.frames} lacks frames of these steps, which are dreamt again")
        begun = None
    with Progress(dream, base.size, begun) as progress, interruptible() as interrupted:
        try:
            for last in prepared.steps(base.pixels, begun=begun):
                progress.show(last)
                if frames:
                    frames.write(last, prepared.recipe, base.alpha)
                if growth:
                    growth.write(last)
                if interrupted():
                    return last, interrupted()
                if last.iteration + 1 == dream.iter_n and last.octave + 1 < dream.octave_n:
                    last = last.kept()  # the next octave starts from another picture
        except Exception as error:  # engines may raise anything
            fault = _as_fault(error)
            if last is None:
                raise fault from error
            fault.__cause__ = fault.__context__ = None  # free what it refers to: writing the picture needs the memory
            return last, fault.with_traceback(None)
    return last, None


def _as_fault(error: Exception) -> Fault:
    """Converts any error into one with a message for the user."""
    if isinstance(error, UsageError):
        return DreamError(str(error))
    if isinstance(error, (DreamError, MemoryError)):
        return error
    reason = f"{type(error).__name__}: {error}".strip().split("\n")[0]
    return DreamError(f"the dream failed ({reason}): try a smaller picture, or another --device")


def _write(
    request: Request, image: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray], is_there: bool
) -> Optional[int]:
    """Writes the dream to its target. If that fails, saves it elsewhere and raises DreamError.

    is_there: whether a file that may be replaced was at the target when the dream began. Returns the signal that
    arrived while waiting for someone to read a pipe, which may never happen; the dream is then saved elsewhere, too.
    """
    pixels, is_stream = picture.to_uint8(image, request.dream.clip), files.is_stream(request.target)
    lost = picture.loss(request.target, alpha)
    if lost:
        say(lost)
    where = "standard output" if request.target == "-" else request.target
    with interruptible("the picture", at_once=is_stream) as interrupted:  # encoding a large picture takes seconds, too
        try:
            if is_there:
                outputs.check(request)  # hours later, it may be a different file
            where = _put(request, pixels, recipe, alpha, new=not is_there) or where
        except DreamError as error:
            raise DreamError(f"{error}; the dream is in {_rescued(pixels, recipe, alpha)}") from None
        except KeyboardInterrupt:
            if not is_stream:
                raise
            say(f"{where} was not read to the end: the dream is in {_rescued(pixels, recipe, alpha)}")
            return interrupted()
    so_far = recipe.get(PROGRESS)
    say(f"stopped at {so_far}: the dream so far is in {where}" if so_far else f"the dream is in {where}")
    return None


def _put(request: Request, pixels: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray], new: bool) -> Optional[str]:
    """Writes a file. Returns its name if that was chosen again, because another file has taken the first one."""
    target = request.target
    while True:
        try:
            picture.write(target, pixels, recipe, alpha, new=new)
            return target if request.is_target_chosen else None
        except files.NameTaken:
            if not request.is_target_chosen:
                raise
            target = free_names.free(request.target)


def _rescued(pixels: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray]) -> Path:
    """Saves a dream that could not be written to its target in the folder for temporary files; returns its path."""
    path = Path(tempfile.gettempdir()) / f"dreamify-{uuid.uuid4().hex[:8]}.png"
    picture.write(str(path), pixels, recipe, alpha, new=True)
    return path
