"""Reads weights files as NumPy arrays and checks that they fit a given net."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import numpy as np

from ..errors import DreamError
from .layer_spec import LayerSpec, Shape
from .stored_blobs import Blobs, StoredBlob, stored_blobs
from .topology import Topology

Weights = Dict[str, List[np.ndarray]]


def read_weights(path: Path, topology: Topology) -> Weights:
    """Reads each layer's parameters in the shapes of the topology: {layer name: [weights, bias, ...]}.

    It accepts today's layers and those from before December 2014, and blobs with a shape as well as the older 4-D ones
    (where a bias is 1x1x1xN). Layers that are in the file but not in the net, such as those of a training net, are
    ignored, as in Caffe. Parameters that share a name are one array.

    Raises:
        DreamError: the file is missing, damaged or not a Caffe model, or it belongs to another net; the message then
            names the first layer whose shapes differ.
    """
    blobs = stored_blobs(path)
    for layer in topology.layers:
        wrong = _wrong(layer, topology, blobs, "the file")
        if wrong:
            raise DreamError(f"{path} holds the weights of another net: layer {layer.name} {wrong}")
    return _arrays(path, topology, blobs)


def read_usable(path: Path, topology: Topology) -> tuple[Topology, Weights]:
    """Reads the parameters, and returns the net without the layers whose parameters the file lacks.

    Raises what read_weights raises if that leaves no layer that has parameters.
    """
    blobs = stored_blobs(path)
    usable = _usable(path, topology, blobs)
    return usable, _arrays(path, usable, blobs)


def with_weights(topology: Topology, path: Path) -> Topology:
    """The net without the layers whose parameters a weights file lacks. Raises what read_usable raises."""
    return _usable(path, topology, stored_blobs(path))


def _usable(path: Path, topology: Topology, blobs: Blobs) -> Topology:
    file = Path(path).name
    wrong = {layer.name: _wrong(layer, topology, blobs, file) for layer in topology.layers}
    reasons = {name: f"layer {name} {what}" for name, what in wrong.items() if what}
    if not reasons:
        return topology
    usable = topology.without(reasons)
    if not any(usable.param_shapes[layer.name] for layer in usable.layers):
        raise DreamError(f"{path} holds the weights of another net: {next(iter(reasons.values()))}")
    return usable


def _wrong(layer: LayerSpec, topology: Topology, blobs: Blobs, file: str) -> str:
    """What is wrong with a layer's parameters in the file; "" if nothing is."""
    wanted, found = topology.param_shapes[layer.name], _found(layer, topology, blobs)
    if len(found) == len(wanted) and all(blob.fits(shape) for blob, shape in zip(found, wanted)):
        return ""
    return f"needs {_text(wanted)}, but {file} has {_text([blob.shape for blob in found])}"


def _found(layer: LayerSpec, topology: Topology, blobs: Blobs) -> list[StoredBlob]:
    """The blobs of a layer, or those that it shares by name with layers before it."""
    own = blobs.get(layer.name)
    wanted = topology.param_shapes[layer.name]
    if own is not None or len(layer.param.param) < len(wanted):
        return own or []
    shared = []
    for spec in layer.param.param[: len(wanted)]:
        place = next(
            (
                (other.name, i)
                for other in topology.layers
                for i, one in enumerate(other.param.param)
                if spec.name and one.name == spec.name and len(blobs.get(other.name, [])) > i
            ),
            None,
        )
        if place:
            shared.append(blobs[place[0]][place[1]])
    return shared


def _arrays(path: Path, topology: Topology, blobs: Blobs) -> Weights:
    weights: Weights = {}
    for layer in topology.layers:
        wanted = topology.param_shapes[layer.name]
        if wanted and layer.name not in weights:
            found = _found(layer, topology, blobs)
            weights[layer.name] = [_array(path, layer.name, blob, shape) for blob, shape in zip(found, wanted)]
    share(topology, weights, list(blobs))
    return weights


def share(topology: Topology, weights: Weights, order: list[str]) -> None:
    """Makes parameters of one name one array, as in Caffe: that of the layer that is last in `order`, the file's."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for layer in topology.layers:
        for i, spec in enumerate(layer.param.param[: len(weights.get(layer.name, []))]):
            if spec.name:
                groups.setdefault(spec.name, []).append((layer.name, i))
    for name, places in groups.items():
        last = max(places, key=lambda place: order.index(place[0]) if place[0] in order else -1)
        array = weights[last[0]][last[1]]
        for layer_name, i in places:
            if weights[layer_name][i].shape != array.shape:
                raise DreamError(
                    f"layer {layer_name} shares its parameter {name} with layer {last[0]}, whose shape differs: "
                    "give the parameter a name of its own"
                )
            weights[layer_name][i] = array


def _array(path: Path, layer: str, blob: StoredBlob, shape: Shape) -> np.ndarray:
    array = blob.array(shape)
    if array is None:
        raise DreamError(f"{path} is damaged at layer {layer}: download it again")
    return array


def _text(shapes: list[Shape]) -> str:
    return " and ".join("x".join(map(str, shape)) or "one number" for shape in shapes) or "nothing"
