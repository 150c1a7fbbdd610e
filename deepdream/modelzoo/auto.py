"""--model auto: the network of 2015 if it is available, else one that the required packages contain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..engines import is_caffe
from ..errors import DreamError
from ..settings import AUTO, GOOGLENET
from . import zoo
from .zoo import Model

STAND_IN = "efficientnet_lite0"


@dataclass(frozen=True)
class Choice:
    """The model that dreams, and whether it is the fallback for GOOGLENET."""

    model: Model
    is_fallback: bool = False

    def layer(self, asked: str) -> str:
        """The layer to use for the one asked for: on the fallback, its layer at the depth of GOOGLENET's layer.

        asked: any name; one that has no such layer is returned as it is.
        """
        table = self.model.layer_map if self.is_fallback else {}
        fitting = [name for name in table if asked.startswith(name)]
        return table[max(fitting, key=len)] if fitting else asked


def choose(model: str, engine: str, progress: bool = False, begun: str | None = None) -> Choice:
    """The model for a name, a folder, or AUTO.

    engine: for AUTO, real Caffe gets the network of 2015 or an error. begun: the model that a sequence was begun with,
    which must not change. progress: show a bar if stderr is a terminal.
    Raises what model_zoo.resolve raises.
    """
    if model != AUTO:
        return Choice(zoo.resolve(model, progress))
    if begun == STAND_IN:
        return Choice(zoo.resolve(STAND_IN, progress), True)
    found = zoo.find(GOOGLENET) or _fetched(progress)
    if isinstance(found, Model):
        return Choice(found)
    if is_caffe(engine):
        raise found
    try:
        return Choice(zoo.resolve(STAND_IN, progress), True)
    except DreamError as error:
        why = f"run `dreamify models fetch {GOOGLENET}` to see why"
        raise DreamError(f"{GOOGLENET} cannot be downloaded ({why}), and {error}") from None


@lru_cache(maxsize=None)  # a download that failed would fail again, after the same wait
def _fetched(progress: bool) -> Model | DreamError:
    try:
        return zoo.fetch(GOOGLENET, progress, in_a_hurry=True)
    except DreamError as error:
        return error
