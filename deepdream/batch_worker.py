"""What a worker of a batch does: one file after the other, with a net that is loaded once."""

import contextlib
import io
import json
import threading
from pathlib import Path
from typing import List, NamedTuple, Set

from . import picture
from .dream import dreamt
from .errors import DreamError
from .preparation import KeptNet
from .request import Recipe, Request

# Keys of a recipe that say how a dream was computed, not what was asked for.
_HOW = {"version", "engine", "engine_version", "device", "threads", "memory"}
_one_at_a_time = threading.Lock()
_net = KeptNet()


class Done(NamedTuple):
    """What came of a file: whether it had been dreamt before, and what the program said of it, line by line."""

    before: bool
    said: List[str]


def dream_file(request: Request, force: bool, open_seed: bool) -> Done:
    """Dreams one file, in a worker, unless it has been dreamt with these settings before.

    Others in this process wait for it, for they share the net. open_seed: any seed will do.
    Raises DreamError for whatever fails, and for another dream in its place.
    """
    with _one_at_a_time, contextlib.redirect_stderr(io.StringIO()) as said:
        prepared = _net.prepare(request)
        before = not force and _is_done(request.target, prepared.recipe, {*_HOW, "seed"} if open_seed else _HOW)
        if not before:
            base, dream = prepared.inputs.base, prepared.request.dream
            image = dreamt(prepared.net, base.pixels, dream, prepared.ascend)
            picture.write(request.target, picture.to_uint8(image, dream.clip), prepared.recipe, base.alpha)
    return Done(before, [line.replace("dreamify: ", "", 1) for line in said.getvalue().splitlines()])


def _is_done(target: str, recipe: Recipe, free: Set[str]) -> bool:
    """Whether the dream of a recipe is there. free: keys in which it may differ. Raises DreamError for another one."""
    if not Path(target).exists():
        return False
    there = picture.read_recipe(target)
    asked: Recipe = json.loads(json.dumps(recipe))
    for key in [*asked, *there]:
        if key not in free and there.get(key) != asked.get(key):
            difference = f"{key} {there.get(key)}, and this one has {asked.get(key)}"
            raise DreamError(f"{target} is there, a dream with {difference}: --force replaces it")
    return True
