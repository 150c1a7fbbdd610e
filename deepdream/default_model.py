"""--model auto: the network of 2015 where it can be had, else one that comes with the packages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from . import model_zoo
from .engines import is_caffe
from .errors import DreamError
from .model_zoo import Model
from .settings import AUTO, GOOGLENET

STAND_IN = "efficientnet_lite0"


@dataclass(frozen=True)
class Choice:
    """The model that dreams, and whether it does so in the place of GOOGLENET."""

    model: Model
    stands_in: bool = False

    def layer(self, asked: str) -> str:
        """The layer to dream on for the one asked for: on the stand-in, for GOOGLENET's, the one of its depth.

        asked: any name; one that stands for nothing is given back.
        """
        table = self.model.counterparts if self.stands_in else {}
        fitting = [name for name in table if asked.startswith(name)]
        return table[max(fitting, key=len)] if fitting else asked


def choose(model: str, engine: str, progress: bool = False, begun: str | None = None) -> Choice:
    """The model of a name, of a folder, or of AUTO.

    engine: of AUTO, real Caffe gets the network of 2015 or none. begun: the model that a dream was begun with, which is
    to go on with it. progress: show a bar while stderr is a terminal.
    Raises what model_zoo.resolve raises.
    """
    if model != AUTO:
        return Choice(model_zoo.resolve(model, progress))
    if begun == STAND_IN:
        return Choice(model_zoo.resolve(STAND_IN, progress), True)
    found = model_zoo.find(GOOGLENET) or _fetched(progress)
    if isinstance(found, Model):
        return Choice(found)
    if is_caffe(engine):
        raise found
    try:
        return Choice(model_zoo.resolve(STAND_IN, progress), True)
    except DreamError as error:
        why = f"`dreamify models fetch {GOOGLENET}` says why"
        raise DreamError(f"{GOOGLENET} cannot be downloaded ({why}), and {error}") from None


@lru_cache(maxsize=None)  # what failed once would fail again, after as long a wait
def _fetched(progress: bool) -> Model | DreamError:
    try:
        return model_zoo.fetch(GOOGLENET, progress, in_a_hurry=True)
    except DreamError as error:
        return error
