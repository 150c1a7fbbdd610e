"""Lists what the page offers: the models on this machine, and the layers of each with samples of what they show."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from ..modelzoo import zoo
from ..modelzoo.auto import choose
from ..modelzoo.load import usable_topology
from ..modelzoo.model import Model
from ..settings import AUTO, DREAM, GOOGLENET, NetSettings

_HERE = Path(__file__).resolve().parent
SAMPLES = _HERE / "layers"  # a folder for each model, see sample
_PROJECT = _HERE.parent if (_HERE.parent / "examples").is_dir() else _HERE.parents[1]  # an installation or a checkout
EXAMPLES = [_PROJECT / "examples" / f"{name}.jpg" for name in ("clouds", "face", "street")]


class Layers(NamedTuple):
    """The layers of a model that can be dreamt on."""

    default: str
    choices: List[Tuple[str, str]]  # the label and the name of each
    samples: Dict[str, str]  # {name: path of a small picture of what the layer shows}, for the layers that have one


def find_models(net: NetSettings) -> Dict[str, str]:
    """Return {label on the page: model name or folder}, with the default model first.

    Lists only models on this machine, so that no visitor starts a download of several minutes. AUTO is downloaded now
    if necessary.
    Raises whatever choose raises.
    """
    offered = {_called(net): net.model}
    others = [name for name, model in zoo.list_models().items() if isinstance(model, Model) or model == zoo.NOT_MADE]
    return {**offered, **{name: name for name in others if name != net.model}}


def find_layers(model: str, engine: str) -> Layers:
    """The layers of a model, given its name or its folder. Raises whatever choose raises."""
    found = choose(model, engine)
    names = list(usable_topology(found).dreamable())
    notes = {name: found.card.note(name) for name in names}
    choices = [(f"{name}: {note}" if note else name, name) for name, note in notes.items()]
    paths = {name: sample(found.name, name) for name in names}
    return Layers(_default(found, names), choices, {name: str(path) for name, path in paths.items() if path.is_file()})


def sample(model: str, layer: str) -> Path:
    """The path of the small picture of what a layer shows, if there is one."""
    return SAMPLES / model / f"{layer.replace('/', '-')}.jpg"


def _called(net: NetSettings) -> str:
    model = choose(net.model, net.engine, progress=True)
    if model.is_fallback:
        return f"{AUTO}: {model.name}, as {GOOGLENET} is missing"
    return f"{AUTO}: {model.name}" if net.model == AUTO else model.name


def _default(model: Model, names: List[str]) -> str:
    """The default layer of the 2015 program, or one at the same depth."""
    fitting = [name for name in (DREAM.end, model.card.counterpart(DREAM.end)) if name in names]
    return fitting[0] if fitting else names[len(names) * 2 // 3]
