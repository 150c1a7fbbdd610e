"""One dream from file to file: prepare it, dream with a progress bar, store the result with its recipe."""

import tempfile
import uuid
from pathlib import Path
from typing import Optional, Tuple, Union

import numpy as np

from . import files, picture, transparency
from .dream import Step, dream_steps
from .errors import DreamError
from .preparation import Prepared, prepare
from .request import Recipe, Request
from .terminal import Progress, interruptible, moment, say


def run(request: Request, like: Optional[Recipe] = None) -> int:
    """Dreams and writes the result; returns the exit code: 128 and the signal's number where one cut the dream short.

    like: see prepare.
    """
    _check(request)
    prepared = prepare(request, like)
    if request.frames:
        files.make_folder(request.frames)
    request, alpha = prepared.request, prepared.inputs.base.alpha
    last, cut_short = _dream(prepared)
    image, recipe = outcome(prepared, last)
    del prepared, last  # a large picture's memory may be needed to write it
    with interruptible("the picture"):  # encoding a large one takes seconds, too
        _write(request, image, recipe, alpha)
    if isinstance(cut_short, DreamError):
        raise cut_short
    return 128 + cut_short if "moment" in recipe and cut_short else 0


def outcome(prepared: Prepared, last: Optional[Step]) -> Tuple[np.ndarray, Recipe]:
    """(h, w, 3) float32, what a dream has come to, and its recipe, which says the moment if that is not the end.

    last: the last step done, None where there was none.
    """
    dream, recipe = prepared.request.dream, prepared.recipe
    if last is None:
        return prepared.inputs.base.pixels.astype(np.float32), recipe
    if (last.octave + 1, last.iteration + 1) != (dream.octave_n, dream.iter_n):
        recipe = {**recipe, "moment": moment(dream, last)}
    return last.whole(), recipe


def _dream(prepared: Prepared) -> Tuple[Optional[Step], Union[int, DreamError, None]]:
    """Dreams, with a bar and frames; returns the last step done, and the signal or the frame's fault that ended it."""
    request, base = prepared.request, prepared.inputs.base
    steps = dream_steps(prepared.net, base.pixels, request.dream, prepared.ascend)
    last: Optional[Step] = None
    with Progress(request.dream, base.pixels.shape[:2]) as progress, interruptible() as interrupted:
        for last in steps:
            progress.show(last)
            try:
                if request.frames:
                    _write_frame(request, last, prepared.recipe, base.alpha)
            except DreamError as fault:
                return last, fault  # a disk that is full need not be the one that the dream goes to
            if interrupted():
                return last, interrupted()
    return last, None


def _check(request: Request) -> None:
    """Everything that can be wrong with the outputs, before the work."""
    picture.check_target(request.target)
    if request.frames and Path(request.frames).is_dir():
        picture.check_target(files.join(request.frames, _frame_name(0, 0)))


def _write(request: Request, image: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray]) -> None:
    pixels = picture.to_uint8(image, request.dream.clip)
    lost = picture.loss(request.target, alpha)
    if lost:
        say(lost)
    try:
        picture.write(request.target, pixels, recipe, alpha)
    except DreamError as error:
        raise DreamError(f"{error}; the dream is in {_rescued(request, pixels, recipe, alpha)}") from None
    where = "standard output" if request.target == "-" else request.target
    so_far = recipe.get("moment")
    say(f"stopped at {so_far}: the dream so far is in {where}" if so_far else f"the dream is in {where}")


def _rescued(request: Request, pixels: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray]) -> Path:
    """Where a dream of hours went when it could not be written where it should: the folder for temporary files."""
    path = Path(tempfile.gettempdir()) / f"dreamify-{uuid.uuid4().hex[:8]}.png"
    picture.write(str(path), pixels, recipe, alpha)
    return path


def _write_frame(request: Request, step: Step, recipe: Recipe, alpha: Optional[np.ndarray]) -> None:
    target = files.join(str(request.frames), _frame_name(step.octave, step.iteration))
    pixels = picture.to_uint8(step.picture(), request.dream.clip)
    alpha = transparency.resized(alpha, *pixels.shape[:2])
    picture.write(target, pixels, {**recipe, "moment": moment(request.dream, step)}, alpha)


def _frame_name(octave: int, iteration: int) -> str:
    return f"octave{octave + 1:02}-iteration{iteration + 1:04}.png"
