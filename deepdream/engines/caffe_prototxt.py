"""Writes nets as prototxt text, the only format that real Caffe reads."""

from typing import Any, Sequence

from google.protobuf import text_format

from ..caffe_format import schema
from ..caffe_format.topology import LayerSpec, Topology


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


def _add(net: Any, spec: LayerSpec) -> Any:
    """Adds a layer as it is in the topology, whose bottoms follow the Splits and which has dropped other phases."""
    layer = net.layer.add()
    layer.CopyFrom(spec.param)
    for field in ("bottom", "top", "include", "exclude"):
        layer.ClearField(field)
    layer.bottom.extend(spec.bottoms)
    layer.top.extend(spec.tops)
    return layer
