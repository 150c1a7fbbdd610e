"""Reads a .caffemodel as NumPy arrays and checks that they fit a given net."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List

import numpy as np
from google.protobuf.message import DecodeError

from ..compat import prod
from ..errors import DreamError
from . import schema
from .layer_spec import Shape
from .topology import Topology

if TYPE_CHECKING:
    from .message import Message

_MAX_BYTES = 2**31 - 1  # protobuf's limit for a message

Weights = Dict[str, List[np.ndarray]]


def read_weights(path: Path, topology: Topology) -> Weights:
    """Reads each layer's parameters in the shapes of the topology: {layer name: [weights, bias, ...]}.

    It accepts today's layers and those from before December 2014, and blobs with a shape as well as the older 4-D ones
    (where a bias is 1x1x1xN). Layers that are in the file but not in the net, such as those of a training net, are
    ignored, as in Caffe.

    Raises:
        DreamError: the file is missing, damaged or not a Caffe model, or it belongs to another net; the message then
            names the first layer whose shapes differ.
    """
    blobs = _blobs_by_layer(path)
    weights = {}
    for layer in topology.layers:
        wanted = topology.param_shapes[layer.name]
        found = blobs.get(layer.name, [])
        if len(found) != len(wanted) or not all(_fits(blob, shape) for blob, shape in zip(found, wanted)):
            has = _text([_shape(blob) for blob in found])
            raise DreamError(
                f"{path} holds the weights of another net: "
                f"layer {layer.name} needs {_text(wanted)}, but the file has {has}"
            )
        if wanted:
            weights[layer.name] = [_array(path, layer.name, blob, shape) for blob, shape in zip(found, wanted)]
    return weights


def _blobs_by_layer(path: Path) -> dict[str, list[Message]]:
    net = schema.NetParameter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # old protobuf releases warn before they raise
            if Path(path).stat().st_size > _MAX_BYTES:
                raise DecodeError
            net.ParseFromString(Path(path).read_bytes())
    except DecodeError:
        raise DreamError(f"{path} is damaged or not a .caffemodel: download it again") from None
    except OSError as error:
        raise DreamError(f"{path} cannot be read: {error.strerror}") from None
    layers = [*net.layers, *net.layer]
    if not any(layer.blobs for layer in layers):
        raise DreamError(f"{path} holds no weights, so it is damaged or not a .caffemodel: download it again")
    return {layer.name: list(layer.blobs) for layer in layers if layer.blobs}


def _is_old(blob: Message) -> bool:
    """Whether the blob has the older 4-D shape. For a single number, which has no dimensions, Caffe writes no shape."""
    return any(blob.HasField(name) for name in ("num", "channels", "height", "width"))


def _shape(blob: Message) -> Shape:
    return (blob.num, blob.channels, blob.height, blob.width) if _is_old(blob) else tuple(blob.shape.dim)


def _fits(blob: Message, wanted: Shape) -> bool:
    ones = (1,) * (4 - len(wanted)) if _is_old(blob) else ()
    return _shape(blob) == ones + wanted


def _array(path: Path, layer: str, blob: Message, shape: Shape) -> np.ndarray:
    data, dtype = (blob.double_data, "<f8") if blob.double_data else (blob.data, "<f4")
    if len(data) != prod(shape) * np.dtype(dtype).itemsize:
        raise DreamError(f"{path} is damaged at layer {layer}: download it again")
    return np.frombuffer(data, dtype).reshape(shape)


def _text(shapes: list[Shape]) -> str:
    return " and ".join("x".join(map(str, shape)) or "one number" for shape in shapes) or "nothing"
