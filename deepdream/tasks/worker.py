"""Runs in a worker: one dream after another, with a net that is loaded once."""

import threading
from typing import AbstractSet, Callable, Collection, Iterator, List, NamedTuple, Tuple

import numpy as np

from ..console import captured_messages, say
from ..dream import Step, dream_steps, dreamt
from ..errors import DreamError
from ..images import picture
from ..images.picture import Picture
from ..images.recipe import HOW, difference
from ..pipeline.prepare import DreamJob, NetCache
from ..pipeline.request import Recipe, Request
from ..storage import files

_one_at_a_time = threading.Lock()  # dreams in one process share the net
_net = NetCache()


class BatchResult(NamedTuple):
    """The result for one file: whether it was dreamt before, and the messages about it, line by line."""

    before: bool
    said: List[str]


def dream_file(request: Request, open_seed: bool) -> BatchResult:
    """Dreams a file, unless it was dreamt with these settings before. open_seed: any seed counts as the same.

    Raises DreamError if anything fails, or if the target exists and is something else, unless force is set.
    """
    said: List[str] = []
    with _one_at_a_time, captured_messages(said.append):
        prepared = _net.prepare(request)
        files.check_link(request.target)
        there = files.exists(request.target)
        if there and not request.force:
            _check_done(request.target, prepared.recipe, HOW | {"seed"} if open_seed else HOW)
            return BatchResult(True, said)
        base, dream = prepared.inputs.base, prepared.request.dream
        image = dreamt(prepared.net, base.pixels, dream, prepared.ascend)
        pixels = picture.to_uint8(image, dream.clip)
        lost = picture.loss(request.target, base.alpha)
        if lost:
            say(lost)
        picture.write(request.target, pixels, prepared.recipe, base.alpha, new=not there)
    return BatchResult(False, said)


def dream_picture(request: Request, base: Picture, recipe: Recipe) -> np.ndarray:
    """The dream of a picture in memory, (h, w, 3) float32.

    recipe: of the dream, as the main process expects it. Raises DreamError if anything fails, or if this worker would
    compute the dream differently.
    """
    with _one_at_a_time, captured_messages(lambda _: None):
        prepared = _prepared(request, base, recipe)
        return dreamt(prepared.net, base.pixels, prepared.request.dream, prepared.ascend)


def dream_moments(
    request: Request, base: Picture, recipe: Recipe, iterations: Collection[int]
) -> List[Tuple[int, np.ndarray]]:
    """The results of moments() for a picture in memory. For recipe and errors see dream_picture."""
    with _one_at_a_time, captured_messages(lambda _: None):
        return list(moments(_prepared(request, base, recipe), iterations))


def moments(
    one: DreamJob, iterations: Collection[int], go_on: Callable[[Step], bool] = lambda _: True
) -> Iterator[Tuple[int, np.ndarray]]:
    """Yields each of these iterations of the last octave, with the dream at that point, (h, w, 3) uint8.

    go_on: called after every step; the dream stops if it returns False.
    """
    dream, base = one.request.dream, one.inputs.base.pixels
    if 0 in iterations:
        yield 0, picture.to_uint8(base.astype(np.float32), dream.clip)
    for step in dream_steps(one.net, base, dream, one.ascend):
        goes_on = go_on(step)
        if step.octave + 1 == dream.octave_n and step.iteration + 1 in iterations:
            yield step.iteration + 1, picture.to_uint8(step.whole(), dream.clip)
        if not goes_on:
            return


def _prepared(request: Request, base: Picture, recipe: Recipe) -> DreamJob:
    prepared = _net.prepare(request, base)
    for key in HOW:
        here, there = prepared.recipe.get(key), recipe.get(key)
        if here != there:
            raise DreamError(f"a worker has {key} {here}, and the main process {there}: use the same on both")
    return prepared


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
