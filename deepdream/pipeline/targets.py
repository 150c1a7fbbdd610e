"""Resolves what the user asked for into objectives: a layer, some of its channels, a class or several layers."""

import math
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from ..ascent import Term
from ..caffe_format.topology import Topology
from ..errors import UsageError, shown
from ..keyframes import Path, text_of
from ..modelzoo import labels
from ..objectives import objective_channel
from ..settings import DreamSettings, ObjectiveSettings
from ..settings_base import MAXIMA
from .layers import find_layer


class Target(NamedTuple):
    """What a dream maximizes, resolved on a net."""

    terms: Sequence[Term]
    text: str  # in words, for messages
    recipe: Dict[str, str]  # its entries in the recipe
    asked: Dict[str, str]  # recipe entries for what the user asked for, if that differs


def find_target(
    objective: ObjectiveSettings,
    dream: DreamSettings,
    topology: Topology,
    listing: Optional[str],
    layer_for: Callable[[str], str] = lambda asked: asked,
    path: Path = (),
) -> Target:
    """Resolves the target of the settings on a net.

    Layers may be named in any form that find_layer knows; the recipe has their full names.

    topology: for a class, that of the net in convolutional form. listing: the shipped list of class names; None to
    choose one by the number of classes. layer_for: maps an unknown name to the layer that it stands for.
    path: the layers of a path, which have a term each, in place of the one of `dream`.
    Raises UsageError if the layer, channel or class does not exist, or the text cannot be parsed.
    """
    if objective.channel is not None:
        return _channel(objective.channel, topology, layer_for)
    if objective.class_ is not None:
        return _class(objective.class_, topology, listing)
    if objective.layers is not None:
        return _layers(objective.layers, topology, layer_for)
    if path:
        found = [(frame, find_layer(layer, topology, layer_for)) for frame, layer in path]
        text = text_of(found)
        return Target(
            [Term(end) for _, end in found], f"layers {text}", {"layer": text}, _asked("layer", text_of(path), text)
        )
    end = find_layer(dream.end, topology, layer_for)
    return Target([Term(end)], f"layer {end}", {"layer": end}, _asked("layer", dream.end, end))


def _asked(key: str, asked: str, used: str) -> Dict[str, str]:
    return {f"asked_{key}": asked} if asked != used else {}


def _channel(text: str, topology: Topology, layer_for: Callable[[str], str]) -> Target:
    asked, _, numbers = text.rpartition(":")
    try:
        channels = [int(number) for number in numbers.split(",")]
    except ValueError:
        asked = ""
    if not asked:
        raise UsageError(f"channel must be LAYER:N or LAYER:N,N, such as inception_4c/output:61, not {shown(text)}")
    layer = find_layer(asked, topology, layer_for)
    count = topology.dreamable()[layer]
    for channel in channels:
        if not 0 <= channel < count:
            raise UsageError(f"layer {layer} has no channel {shown(channel)}: its channels are 0 to {count - 1}")
    by_layer: Dict[str, List[int]] = {}
    for channel in dict.fromkeys(channels):
        end, number = topology.channel_source(layer, channel)
        by_layer.setdefault(end, []).append(number)
    terms = [Term(end, objective_channel(found), channels=tuple(found)) for end, found in by_layer.items()]
    plural = "s" if len(channels) > 1 else ""
    used = f"{layer}:{numbers}"
    said = f"channel{plural} {numbers} of layer {layer}"
    return Target(terms, said, {"channel": used}, _asked("channel", text, used))


def _class(text: str, topology: Topology, listing: Optional[str]) -> Target:
    end = topology.classifier()
    count = topology.dreamable()[end]
    listing = listing or labels.listing_for(count)
    names = labels.names(listing) if listing else []
    number = labels.find(text, names, count)
    recipe = {"class": str(number), **({"class_name": names[number]} if names else {})}
    said = " ".join(["class", str(number), *names[number : number + 1]])
    return Target([Term(end, objective_channel([number]), channels=(number,))], said, recipe, {})


def _layers(text: str, topology: Topology, layer_for: Callable[[str], str]) -> Target:
    terms: List[Term] = []
    named: List[str] = []
    used: List[str] = []
    for part in text.split(","):
        asked, colon, weight = part.strip().rpartition(":") if ":" in part else (part.strip(), "", "1")
        try:
            number = float(weight)
        except ValueError:
            number = math.nan
        if not (asked and abs(number) <= MAXIMA[float]):
            raise UsageError(
                "layers must be LAYER:WEIGHT,LAYER:WEIGHT, such as conv2/3x3:1,pool3:-0.5, with weights from "
                f"{-MAXIMA[float]} to {MAXIMA[float]}, not {shown(text)}"
            )
        end = find_layer(asked, topology, layer_for)
        terms.append(Term(end, weight=number))
        for names, name in ((named, asked), (used, end)):
            names.append(f"{name}:{weight}" if colon else name)
    text = ",".join(used)
    return Target(terms, f"layers {text}", {"layers": text}, _asked("layers", ",".join(named), text))
