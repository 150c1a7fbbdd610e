"""Writes nets as prototxt text, the only format that real Caffe reads."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Sequence

from google.protobuf import text_format

from ..caffe_format import schema
from ..caffe_format.layer_spec import LayerSpec
from ..caffe_format.topology import Topology

if TYPE_CHECKING:
    from ..caffe_format.message import Message


def whole(topology: Topology) -> str:
    """Writes the prototxt of all layers, with gradients for the inputs and the weights."""
    net = schema.NetParameter(force_backward=True)
    for spec in topology.layers:
        _add(net, spec)
    return str(text_format.MessageToString(net))


def pruned(topology: Topology, needed: Sequence[LayerSpec]) -> str:
    """Writes the prototxt of these layers, with gradients of the last one for the inputs only.

    With force_backward, Caffe would also compute the gradients of all weights, which takes a third of a step. Without
    it, Caffe's backward pass runs from a layer with a loss_weight to one with something to learn, so each input gets a
    learnable factor of 1.
    """
    net = schema.NetParameter()
    for spec in needed:
        layer = _add(net, spec)
        layer.ClearField("param")
        for _ in topology.param_shapes[spec.name]:
            layer.param.add(lr_mult=0)
        for name in spec.tops if spec.type == "Input" else ():
            once = net.layer.add(name="once " + name, type="Scale", bottom=[name], top=[name], propagate_down=[True])
            once.scale_param.num_axes = 0
    net.layer[-1].loss_weight.extend([1] * len(needed[-1].tops))
    return str(text_format.MessageToString(net))


def _add(net: Message, spec: LayerSpec) -> Message:
    """Adds a layer as it is in the topology, whose bottoms follow the Splits and which has dropped other phases."""
    layer = net.layer.add()
    layer.CopyFrom(spec.param)
    for field in ("bottom", "top", "include", "exclude"):
        layer.ClearField(field)
    layer.bottom.extend(spec.bottoms)
    layer.top.extend(spec.tops)
    return layer


@contextmanager
def as_file(text: str) -> Iterator[str]:
    """Yields the path of a temporary file with this text, since Caffe reads nets only from files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deploy.prototxt"
        path.write_text(text, encoding="utf-8")
        yield str(path)
