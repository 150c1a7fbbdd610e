"""Lists what the page offers: the models on this machine, and the layers of each with samples of what they show."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from ..caffe_format.convolutional import as_convolutional
from ..errors import UsageError
from ..modelzoo import labels, zoo
from ..modelzoo.auto import STAND_IN, choose
from ..modelzoo.load import usable_topology
from ..modelzoo.model import Model
from ..settings import AUTO, DREAM, GOOGLENET, NetSettings

_HERE = Path(__file__).resolve().parent
SAMPLES = _HERE / "layers"  # a folder for each model, see sample
PRESET_SAMPLES = _HERE / "presets"  # the same, see Preset.sample
ICON = PRESET_SAMPLES / GOOGLENET / "eyes.jpg"
_PROJECT = _HERE.parent if (_HERE.parent / "examples").is_dir() else _HERE.parents[1]  # an installation or a checkout
EXAMPLES = [_PROJECT / "examples" / f"{name}.jpg" for name in ("clouds", "face", "street")]


class Preset(NamedTuple):
    """Settings with a name, for a model."""

    name: str
    layer: str
    iterations: int = 10
    octaves: int = 4

    def sample(self, model: str) -> Path:
        """The path of the small picture of what it makes of the first example."""
        return PRESET_SAMPLES / model / f"{self.name.lower().replace(' ', '-')}.jpg"


PRESETS = {
    GOOGLENET: [
        Preset("Google 1", "inception_4c/output"),
        Preset("Google 2", "inception_3b/5x5_reduce"),
        Preset("Dogs", "inception_4b/output", iterations=15),
        Preset("Eyes", "inception_3b/output", iterations=15),
        Preset("Ripples", "conv2/3x3"),
        Preset("Strong", "inception_4c/output", iterations=40),
    ],
    STAND_IN: [
        Preset("Bears", "block10/output"),
        Preset("Spirals", "block7/output"),
        Preset("Heads", "block11/output", iterations=20),
        Preset("Eyes", "block9/output", iterations=15),
        Preset("Ripples", "block6/output"),
        Preset("Strong", "block10/output", iterations=40),
    ],
}


class Layers(NamedTuple):
    """The layers of a model that can be dreamt on, and its presets."""

    model: str  # its name
    default: str
    choices: List[Tuple[str, str]]  # the label and the name of each
    samples: Dict[str, str]  # {name: path of a small picture of what the layer shows}, for the layers that have one
    presets: List[Preset]


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
    samples = {name: str(path) for name, path in paths.items() if path.is_file()}
    presets = [preset for preset in PRESETS.get(found.name, ()) if preset.layer in names]
    return Layers(found.name, _default(found, names), choices, samples, presets)


def find_classes(model: str, engine: str) -> List[Tuple[str, str]]:
    """The label and the number of each class that a model knows; none if it is no classifier. Raises as choose does."""
    found = choose(model, engine)
    topology = as_convolutional(usable_topology(found))
    try:
        count = topology.dreamable()[topology.classifier()]
    except UsageError:
        return []
    listing = found.card.classes or labels.listing_for(count)
    names = labels.names(listing) if listing else [""] * count
    return [(f"{number} {name}".strip(), str(number)) for number, name in enumerate(names[:count])]


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
