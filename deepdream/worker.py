"""What workers do: one dream after the other, with a net that is loaded once."""

import json
import threading
from typing import Callable, Collection, Iterator, List, NamedTuple, Set, Tuple

import numpy as np

from . import files, picture
from .dream import Step, dream_steps, dreamt
from .errors import DreamError
from .picture import Picture
from .preparation import KeptNet, Prepared
from .request import Recipe, Request
from .terminal import heard, say

# Keys of a recipe that say how a dream was computed, not what was asked for.
_HOW = {"version", "engine", "engine_version", "device", "threads", "memory"}
_one_at_a_time = threading.Lock()  # dreams in one process, for they share the net
_net = KeptNet()


class Done(NamedTuple):
    """What came of a file: whether it had been dreamt before, and what the program said of it, line by line."""

    before: bool
    said: List[str]


def dream_file(request: Request, force: bool, open_seed: bool) -> Done:
    """Dreams a file, unless it has been dreamt with these settings before. open_seed: any seed will do.

    Raises DreamError for whatever fails, and for another dream in its place.
    """
    said: List[str] = []
    with _one_at_a_time, heard(said.append):
        prepared = _net.prepare(request)
        before = not force and _is_done(request.target, prepared.recipe, {*_HOW, "seed"} if open_seed else _HOW)
        if not before:
            base, dream = prepared.inputs.base, prepared.request.dream
            image = dreamt(prepared.net, base.pixels, dream, prepared.ascend)
            lost = picture.loss(request.target, base.alpha)
            if lost:
                say(lost)
            picture.write(request.target, picture.to_uint8(image, dream.clip), prepared.recipe, base.alpha)
    return Done(before, said)


def dream_picture(request: Request, base: Picture, recipe: Recipe) -> np.ndarray:
    """(h, w, 3) float32: the dream of a picture that is at hand.

    recipe: the dream's, as whoever wants it knows it. Raises DreamError for whatever fails, and where this worker would
    compute it otherwise than that says.
    """
    with _one_at_a_time, heard(lambda _: None):
        prepared = _prepared(request, base, recipe)
        return dreamt(prepared.net, base.pixels, prepared.request.dream, prepared.ascend)


def dream_moments(
    request: Request, base: Picture, recipe: Recipe, iterations: Collection[int]
) -> List[Tuple[int, np.ndarray]]:
    """What moments gives for a picture that is at hand. recipe, and what is raised: see dream_picture."""
    with _one_at_a_time, heard(lambda _: None):
        return list(moments(_prepared(request, base, recipe), iterations))


def moments(
    one: Prepared, iterations: Collection[int], go_on: Callable[[Step], bool] = lambda _: True
) -> Iterator[Tuple[int, np.ndarray]]:
    """A dream after so many iterations of its last octave, each with its picture, (h, w, 3) uint8.

    go_on: is asked after every step.
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


def _prepared(request: Request, base: Picture, recipe: Recipe) -> Prepared:
    prepared = _net.prepare(request, base)
    for key in _HOW:
        here, there = prepared.recipe.get(key), recipe.get(key)
        if here != there:
            raise DreamError(f"a worker has {key} {here}, and what began this {there}: have the same on both")
    return prepared


def _is_done(target: str, recipe: Recipe, free: Set[str]) -> bool:
    """Whether the dream of a recipe is there. free: keys in which it may differ. Raises DreamError for another one."""
    if not files.exists(target):
        return False
    there = picture.read_recipe(target)
    asked: Recipe = json.loads(json.dumps(recipe))
    for key in [*asked, *there]:
        if key not in free and there.get(key) != asked.get(key):
            difference = f"{key} {there.get(key)}, and this one has {asked.get(key)}"
            raise DreamError(f"{target} is there, a dream with {difference}: --force replaces it")
    return True
