"""Runs in a worker: one dream after another, with a net that is loaded once."""

import collections
import threading
from typing import AbstractSet, Callable, Collection, Iterator, List, NamedTuple, Tuple

import numpy as np

from ..console import captured_messages, say
from ..dream import Step
from ..errors import DreamError
from ..images import picture
from ..images.picture import Picture
from ..images.recipe import HOW, Recipe, difference
from ..pipeline.memory import MemoryPlan
from ..pipeline.prepare import DreamJob, NetCache
from ..pipeline.request import Request, read_inputs
from ..storage import files

_one_at_a_time = threading.Lock()  # dreams in one process share the net
_net = NetCache()


class BatchResult(NamedTuple):
    """The result for one file: whether it was dreamt before, and the messages about it, line by line."""

    before: bool
    said: List[str]


def dream_file(request: Request) -> BatchResult:
    """Dreams a file, unless it was dreamt with these settings before. If the seed was drawn, any seed is the same.

    Raises DreamError if anything fails, or if the target exists and is something else, unless force is set.
    """
    said: List[str] = []
    with _one_at_a_time, captured_messages(said.append):
        job = _net.prepare(request, read_inputs(request))
        files.check_link(request.target)
        there = files.exists(request.target)
        if there and not request.force:
            _check_done(request.target, job.recipe, HOW | {"seed"} if request.is_seed_drawn else HOW)
            return BatchResult(True, said)
        base, clip = job.inputs.base, job.request.dream.clip
        pixels = picture.to_uint8(_dream(job), clip)
        lost = picture.loss(request.target, base.alpha)
        if lost:
            say(lost)
        picture.write(request.target, pixels, job.recipe, base.alpha, new=not there)
    return BatchResult(False, said)


def dream_picture(request: Request, base: Picture, plan: MemoryPlan, recipe: Recipe) -> np.ndarray:
    """The dream of a picture in memory, (h, w, 3) float32.

    plan, recipe: of the dream, as the main process expects it. Raises DreamError if anything fails, or if this worker
    would compute the dream differently.
    """
    with _one_at_a_time, captured_messages(lambda _: None):
        return _dream(_job(request, base, plan, recipe))


def dream_partway(
    request: Request, base: Picture, plan: MemoryPlan, recipe: Recipe, iterations: Collection[int]
) -> List[Tuple[int, np.ndarray]]:
    """The results of partway() for a picture in memory. For plan, recipe and errors see dream_picture."""
    with _one_at_a_time, captured_messages(lambda _: None):
        return list(partway(_job(request, base, plan, recipe), iterations))


def partway(
    job: DreamJob, iterations: Collection[int], go_on: Callable[[Step], bool] = lambda _: True
) -> Iterator[Tuple[int, np.ndarray]]:
    """Yields each of these iterations of the last octave, with the dream at that point, (h, w, 3) uint8.

    go_on: called after every step; the dream stops if it returns False.
    """
    dream, base = job.request.dream, job.inputs.base.pixels
    if 0 in iterations:
        yield 0, picture.to_uint8(base.astype(np.float32), dream.clip)
    for step in job.steps(base):
        goes_on = go_on(step)
        if step.octave + 1 == dream.octave_n and step.iteration + 1 in iterations:
            yield step.iteration + 1, picture.to_uint8(step.whole(), dream.clip)
        if not goes_on:
            return


def _dream(job: DreamJob) -> np.ndarray:
    base = job.inputs.base.pixels
    last = collections.deque(job.steps(base), maxlen=1)
    return last[0].picture() if last else base.astype(np.float32)


def _job(request: Request, base: Picture, plan: MemoryPlan, recipe: Recipe) -> DreamJob:
    job = _net.prepare(request, read_inputs(request, base), plan)
    here, there = ({key: one.get(key) for key in sorted(HOW)} for one in (job.recipe, recipe))
    key = difference(here, there)
    if key is not None:
        raise DreamError(f"a worker has {key} {here[key]}, and the main process {there[key]}: use the same on both")
    return job


def _check_done(target: str, recipe: Recipe, free: AbstractSet[str]) -> None:
    """Raises DreamError if the target is not the dream of a recipe. free: keys in which it may differ."""
    try:
        there = picture.read_recipe(target)
    except DreamError as error:
        reason = str(error).split(": ")[0]
        raise DreamError(f"{target} exists and is not a dream ({reason}): use --force to replace it") from None
    key = difference(there, recipe, free)
    if key is not None:
        other = f"{key} {there.get(key)}, and this one has {recipe.get(key)}"
        raise DreamError(f"{target} is already there, a dream with {other}: use --force to replace it")
