"""What the page offers to pick: the models that are on this machine, and the layers of each with what they show."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from ..caffe_format.topology import read_topology
from ..modelzoo import zoo
from ..modelzoo.auto import Choice, choose
from ..settings import AUTO, DREAM, GOOGLENET, NetSettings

_HERE = Path(__file__).resolve().parent
SAMPLES = _HERE / "layers"  # a folder for each model, see sample
_PROJECT = _HERE.parent if (_HERE.parent / "examples").is_dir() else _HERE.parents[1]  # installed, or a checkout
EXAMPLE = _PROJECT / "examples" / "clouds.jpg"


class Layers(NamedTuple):
    """The layers of a model that can be dreamt on."""

    default: str
    choices: List[Tuple[str, str]]  # what is said of each, and its name
    samples: Dict[str, str]  # by the names of some: the path of a small picture of what they show


def find_models(net: NetSettings) -> Dict[str, str]:
    """{what it is called on the page: its name, or its folder}, the one that dreams by default first.

    Only what is on this machine, so that no visitor has it download for minutes; AUTO is made to be so now.
    Raises what choose raises.
    """
    offered = {_called(net): net.model}
    others = [status.name for status in zoo.statuses() if status.folder or status.state == "not made yet"]
    return {**offered, **{name: name for name in others if name != net.model}}


def find_layers(model: str, engine: str) -> Layers:
    """The layers of a model by its name or its folder. Raises what choose raises."""
    choice = choose(model, engine)
    names = list(read_topology(choice.model.prototxt).dreamable())
    notes = {name: choice.model.note(name) for name in names}
    choices = [(f"{name}: {note}" if note else name, name) for name, note in notes.items()]
    paths = {name: sample(choice.model.name, name) for name in names}
    return Layers(_default(choice, names), choices, {name: str(path) for name, path in paths.items() if path.is_file()})


def sample(model: str, layer: str) -> Path:
    """Where the small picture of what a layer shows is, if there is one."""
    return SAMPLES / model / f"{layer.replace('/', '-')}.jpg"


def _called(net: NetSettings) -> str:
    choice = choose(net.model, net.engine, progress=True)
    if choice.is_fallback:
        return f"{AUTO}: {choice.model.name}, for want of {GOOGLENET}"
    return f"{AUTO}: {choice.model.name}" if net.model == AUTO else choice.model.name


def _default(choice: Choice, names: List[str]) -> str:
    """The layer of 2015, or the one of its depth."""
    stand_in = Choice(choice.model, True).layer(DREAM.end)
    fitting = [name for name in (DREAM.end, stand_in) if name in names]
    return fitting[0] if fitting else names[len(names) * 2 // 3]
