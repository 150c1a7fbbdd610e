"""--model auto: the network of 2015 if it is available, else one that the required packages contain."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ..engines import is_caffe
from ..errors import DreamError
from ..settings import AUTO, GOOGLENET
from . import zoo
from .model import Model

STAND_IN = "efficientnet_lite0"


def choose(model: str, engine: str, progress: bool = False, begun: str | None = None) -> Model:
    """The model for a name, a folder, or AUTO.

    engine: for AUTO, real Caffe gets the network of 2015 or an error. begun: the model that a sequence was begun with,
    which must not change. progress: show a bar if stderr is a terminal.
    Raises what zoo.resolve raises.
    """
    if model != AUTO:
        return zoo.resolve(model, progress)
    if begun == STAND_IN:
        return _fallback(progress)
    found = zoo.find(GOOGLENET) or _fetched(progress)
    if isinstance(found, Model):
        return found
    if is_caffe(engine):
        raise found
    try:
        return _fallback(progress)
    except DreamError as error:
        why = f"run `dreamify models fetch {GOOGLENET}` to see why"
        raise DreamError(f"{GOOGLENET} cannot be downloaded ({why}), and {error}") from None


def _fallback(progress: bool) -> Model:
    return replace(zoo.resolve(STAND_IN, progress), is_fallback=True)


@lru_cache(maxsize=None)  # a download that failed would fail again, after the same wait
def _fetched(progress: bool) -> Model | DreamError:
    try:
        return zoo.fetch(GOOGLENET, progress, in_a_hurry=True)
    except DreamError as error:
        return error
