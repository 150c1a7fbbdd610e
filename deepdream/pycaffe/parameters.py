"""The numbers of a net: from its fillers or a weights file, and into one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

import numpy as np
from google.protobuf import text_format

from ..caffe_format import schema
from ..caffe_format.layer_spec import Shape
from ..caffe_format.stored_blobs import Blobs, stored_blobs
from ..caffe_format.topology import Topology
from ..caffe_format.weights import Weights, share
from ..errors import DreamError
from .fillers import filled
from .proto import caffe_pb2

if TYPE_CHECKING:
    from ..caffe_format.message import Message
    from .blob import Blob


def initial(prototxt: str, topology: Topology, weights_file: str | None) -> Weights:
    """The parameters of each layer that has some: those of the file where it has the layer, else what fillers make.

    Raises DreamError if the file is no weights file, or a layer has other shapes in it.
    """
    stored = stored_blobs(Path(weights_file)) if weights_file else {}
    weights: Weights = {}
    fillers: dict[str, Message] | None = None
    for layer in topology.layers:
        shapes = topology.param_shapes[layer.name]
        if not shapes or layer.name in weights:
            continue
        if layer.name in stored:
            weights[layer.name] = _arrays(layer.name, shapes, stored, weights_file)
        else:
            fillers = _fillers(prototxt) if fillers is None else fillers
            weights[layer.name] = filled(layer.type, fillers.get(layer.name), shapes)
    share(topology, weights, list(stored))
    return weights


def copied(weights_file: str, topology: Topology) -> Weights:
    """The parameters that a file has of layers of the net, in the file's order. Raises DreamError as initial does."""
    stored = stored_blobs(Path(weights_file))
    names = [name for name in stored if name in topology.index]
    return {name: _arrays(name, topology.param_shapes[name], stored, weights_file) for name in names}


def written(name: str, topology: Topology, params: Mapping[str, Sequence[Blob]]) -> bytes:
    """The bytes of a .caffemodel: all layers of the net with their parameters."""
    net = schema.NetParameter(name=name)
    for spec in topology.layers:
        layer = net.layer.add()
        layer.CopyFrom(spec.param)
        layer.ClearField("bottom")
        layer.bottom.extend(spec.bottoms)
        for param in params.get(spec.name, ()):
            # The schema declares packed floats as bytes, which is what they are on the wire.
            blob = layer.blobs.add(data=np.ascontiguousarray(param.data, "<f4").tobytes())
            blob.shape.dim.extend(param.shape)
    return bytes(net.SerializeToString())


def _arrays(name: str, shapes: list[Shape], stored: Blobs, file: str | None) -> list[np.ndarray]:
    blobs = stored[name]
    arrays = [blob.array(shape) for blob, shape in zip(blobs, shapes) if blob.fits(shape)]
    if len(blobs) != len(shapes) or len(arrays) != len(shapes):
        texts = [", ".join("x".join(map(str, shape)) for shape in some) for some in (shapes, [b.shape for b in blobs])]
        raise DreamError(f"{file} holds the weights of another net: layer {name} needs {texts[0]}, not {texts[1]}")
    if any(array is None for array in arrays):
        raise DreamError(f"{file} is damaged at layer {name}")
    return [array for array in arrays if array is not None]


def _fillers(prototxt: str) -> dict[str, Message]:
    """{layer: the message that has its fillers}, of a net of any age."""
    net = caffe_pb2.NetParameter()
    text_format.Merge(Path(prototxt).read_text(encoding="utf-8-sig"), net, allow_unknown_field=True)
    found = {}
    for layer in (*net.layer, *net.layers):
        if "layer" in layer.DESCRIPTOR.fields_by_name and layer.HasField("layer"):
            found[layer.layer.name] = layer.layer
            continue
        messages = [value for field, value in layer.ListFields() if field.name.endswith("_param")]
        fitting = [message for message in messages if _has_fillers(message)]
        if fitting:
            found[layer.name] = fitting[0]
    return found


def _has_fillers(message: Message) -> bool:
    fields = getattr(getattr(message, "DESCRIPTOR", None), "fields_by_name", {})
    return "weight_filler" in fields or "filler" in fields
