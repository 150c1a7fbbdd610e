"""The layer that a typed name stands for, on one net; what to do where there is none."""

import re
from typing import Callable, Optional

from ..caffe_format import layer_names
from ..caffe_format.topology import Topology
from ..errors import UsageError, shown
from ..keyframes import is_path
from ..modelzoo import zoo


def find_layer(asked: str, topology: Topology, layer_for: Callable[[str], str] = lambda asked: asked) -> str:
    """The layer that a name stands for: its own, that of its blob, or any unambiguous short form.

    layer_for: maps an unknown name to the layer that it stands for. Raises UsageError, which says what may have been
    meant, if there is none or if it cannot be dreamt on.
    """
    layer = asked if topology.has(asked) else layer_for(asked)
    if not topology.has_layer(layer):
        layer = _maker(layer, topology) or layer_names.find(layer, list(topology.dreamable())) or layer
    if not topology.has_layer(layer):
        hint = _hint(asked, topology)
        if hint:
            raise UsageError(f"there is no layer {shown(asked)} in this net: {hint}")
    return topology.check_end(layer)


def stands_for(asked: str, used: str) -> str:
    """A sentence on what a name is taken for. asked, used: layers, alone or with channels or weights."""
    whose = ", a name of TensorFlow's," if layer_names.from_tensorflow(asked.partition(":")[0]) else ""
    return f"{asked}{whose} stands for {used}"


def _maker(blob: str, topology: Topology) -> Optional[str]:
    """The layer that made a blob; a Split only copies one. None if there is no such blob."""
    maker = next((layer for layer in topology.layers if blob in layer.tops), None)
    if maker is None:
        return None
    if maker.type == "Split":
        (copied,) = maker.bottoms
        return copied if copied in topology.index else _maker(copied, topology)
    return maker.name


def _hint(asked: str, topology: Topology) -> str:
    """What else a name may be, beyond a misspelt layer of this net; "" if nothing is known."""
    if is_path(asked):
        return "layers that change from frame to frame are for dreamify zoom"
    if re.fullmatch(r"[^:,]+:\d+(,\d+)*", asked):
        return f"--channel {asked} dreams on channels of a layer"
    if "," in asked:
        return f"--layer takes one layer, and --layers {asked} dreams on several"
    if asked.isdigit():
        return f"a number of steps is given as --iterations {asked}"
    names = list(topology.dreamable())
    if layer_names.is_ambiguous(asked, names):
        return ""
    models = zoo.models_with(asked, guess=not layer_names.has_module_of(asked, names))
    if not models:
        return ""
    *others, last = models
    named = f"{', '.join(others)} or {last}" if others else last
    return f"it looks like a layer of {named}, so add --model {'NAME' if others else last}"
