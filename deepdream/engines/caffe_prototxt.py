"""Nets written anew for real Caffe, which reads them as text only."""

from typing import Any, Sequence

from google.protobuf import text_format

from ..caffe_format import schema
from ..caffe_format.topology import LayerSpec, Topology


def whole(topology: Topology) -> str:
    """The prototxt of all layers, differentiated by the inputs and by the weights."""
    net = schema.NetParameter(force_backward=True)
    for spec in topology.layers:
        _add(net, spec)
    return str(text_format.MessageToString(net))


def pruned(topology: Topology, needed: Sequence[LayerSpec]) -> str:
    """The prototxt of these layers, of which the last is differentiated by the inputs and by nothing else.

    force_backward would have Caffe work out the gradients of all weights too, a third of a step. Without it, Caffe goes
    back from where a layer has a loss_weight to where one has something to learn: a factor of 1 on each input.
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
    """Adds a layer; the topology has left out those of other phases, and its bottoms are those behind the Splits."""
    layer = net.layer.add()
    layer.CopyFrom(spec.param)
    for field in ("bottom", "top", "include", "exclude"):
        layer.ClearField(field)
    layer.bottom.extend(spec.bottoms)
    layer.top.extend(spec.tops)
    return layer
