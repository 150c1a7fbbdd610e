"""The axes of a sheet: which settings have several values, and the requests that result."""

import itertools
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

from ..caffe_format.sizes import octaves_that_fit
from ..caffe_format.topology import Topology
from ..console import say
from ..errors import UsageError
from ..modelzoo.load import usable_topology
from ..modelzoo.model import Model
from ..pipeline.layers import find_layer, stands_for
from ..pipeline.prepare import DreamJob
from ..pipeline.request import Inputs, Request
from ..settings import ALL, DREAM, SHEET, SHEET_SEED

Values = Dict[str, Sequence[Any]]  # {field of DreamSettings: its values}

# How a value reads on its own, without the name of its setting beside it.
_CAPTIONS = {
    "end": "{}",
    "iter_n": "{} iterations",
    "octave_n": "{} octaves",
    "octave_scale": "scale {}",
    "seed": "seed {}",
}
_OPTIONS = {name: f"--{option}" for option, name in SHEET.items()}


class Axis(NamedTuple):
    """A setting that differs from dream to dream."""

    name: str  # the field of DreamSettings
    values: Tuple[Any, ...]

    @property
    def option(self) -> str:
        """The name of the setting on the command line and in recipes."""
        return DREAM.option(self.name)

    @property
    def is_every_layer(self) -> bool:
        return self.name == "end" and ALL in self.values

    def caption(self, value: Any) -> str:
        """A value in words."""
        text = _CAPTIONS[self.name].format(value)
        return text[:-1] if text in ("1 iterations", "1 octaves") else text


def find_axes(request: Request, values: Values) -> Tuple[Request, List[Axis]]:
    """The request with all single values set, and the axes: rows first, then columns.

    Raises UsageError for no axis or more than two, for a setting without a value, and for values out of range.
    """
    if request.kind in ("channel", "class") and "end" in values:
        raise UsageError(f"--{request.kind} names its own layers: leave out --layers")
    chosen = {name: tuple(dict.fromkeys(values[name])) for name in _OPTIONS if name in values}
    for name, distinct in chosen.items():
        if not distinct:
            raise UsageError(f"{_OPTIONS[name]} needs at least one value")
    axes = [Axis(name, distinct) for name, distinct in chosen.items()]
    axes = [axis for axis in axes if len(axis.values) > 1 or axis.is_every_layer]
    if not axes:
        options = f"{', '.join(list(_OPTIONS.values())[:-1])} or {list(_OPTIONS.values())[-1]}"
        raise UsageError(f"a sheet needs several values of one or two settings: give {options} more than one value")
    if len(axes) > 2:
        several = ", ".join(_OPTIONS[axis.name] for axis in axes)
        raise UsageError(f"a sheet has only rows and columns: give several values to two of {several} at most")
    single = {name: distinct[0] for name, distinct in chosen.items()}
    request = replace(request, dream=replace(request.dream, **{"seed": SHEET_SEED, **single}))
    requests(request, axes)  # refuses what is out of range
    return request, axes


def requests(request: Request, axes: Sequence[Axis]) -> List[Request]:
    """A request for each dream, row by row. Raises UsageError for a value out of range."""
    names = [axis.name for axis in axes]
    every = itertools.product(*(axis.values for axis in axes))
    return [replace(request, dream=replace(request.dream, **dict(zip(names, chosen)))) for chosen in every]


def name_layers(model: Model, axes: List[Axis]) -> List[Axis]:
    """The axes with every layer named. Raises UsageError for an unknown layer, with the closest names."""
    if axes[0].name != "end":
        return axes
    topology = usable_topology(model)
    if axes[0].is_every_layer:
        return [Axis("end", tuple(topology.dreamable())), *axes[1:]]
    layers = {asked: find_layer(asked, topology, model.layer) for asked in axes[0].values}
    for asked, layer in layers.items():
        if asked != layer:
            say(stands_for(asked, layer))
    return [Axis("end", tuple(dict.fromkeys(layers.values()))), *axes[1:]]


def suitable_layers(prepared: DreamJob, request: Request, axes: List[Axis]) -> Tuple[List[Axis], List[str]]:
    """The axes with only the layers that suit the pictures at all octaves, and the layers left out.

    If the number of octaves was left open, one suitable octave is enough.
    """
    topology, inputs = prepared.net.topology, prepared.inputs
    dreams = [other.dream for other in requests(request, axes[1:])]
    octaves = {(1 if request.fit_octaves else dream.octave_n, dream.octave_scale) for dream in dreams}
    good = [layer for layer in axes[0].values if _suits(topology, inputs, octaves, layer)]
    return [Axis("end", tuple(good)), *axes[1:]], [layer for layer in axes[0].values if layer not in good]


def _suits(topology: Topology, inputs: Inputs, octaves: Set[Tuple[int, float]], layer: str) -> bool:
    """Whether the pictures are large enough for a layer. octaves: pairs of their number and scale."""
    base, *guide = inputs.sizes
    return all(octaves_that_fit(topology, base, n, scale, layer) == n for n, scale in octaves) and all(
        octaves_that_fit(topology, size, 1, DREAM.octave_scale, layer) for size in guide
    )
