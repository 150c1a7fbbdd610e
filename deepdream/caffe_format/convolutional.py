"""Turns a net's InnerProduct layers into convolutions with the same weights: a classifier at every position.

An InnerProduct reads its whole input, so it works at one picture size only. A convolution whose kernel covers that
input gives the same result there, and one result per position on a larger picture: Long, Shelhamer and Darrell, "Fully
convolutional networks for semantic segmentation" (2015).
"""

from typing import Dict, List

from . import schema
from .layer_spec import LayerSpec, Shape
from .shapes import infer_layer
from .topology import Topology
from .weights import Weights


def as_convolutional(topology: Topology) -> Topology:
    """Replaces each InnerProduct that reads a 4-D blob (n, c, h, w) with a Convolution.

    Other InnerProduct layers, such as those after a Flatten, stay as they are. A net that has one still works at one
    picture size only.
    """
    layers: List[LayerSpec] = []
    shapes: Dict[str, Shape] = {}
    for layer in topology.layers:
        if layer.type == "InnerProduct":
            layer = _as_convolution(layer, shapes[layer.bottoms[0]])
        tops, _ = infer_layer(layer, [shapes[bottom] for bottom in layer.bottoms])
        shapes.update(zip(layer.tops, tops))
        layers.append(layer)
    return Topology(layers, topology.left_out)


def reshaped(weights: Weights, topology: Topology) -> Weights:
    """Reshapes the original net's weights for its convolutional form, without copying them."""
    return {
        name: [array.reshape(shape) for array, shape in zip(arrays, topology.param_shapes[name])]
        for name, arrays in weights.items()
    }


def _as_convolution(layer: LayerSpec, bottom: Shape) -> LayerSpec:
    old = layer.param.inner_product_param
    if len(bottom) != 4 or old.axis not in (1, -3) or old.transpose:
        return layer
    param = schema.LayerParameter(name=layer.name, type="Convolution", bottom=layer.bottoms, top=layer.tops)
    new = param.convolution_param
    new.num_output, new.bias_term = old.num_output, old.bias_term
    new.kernel_h, new.kernel_w = bottom[2:]
    return LayerSpec(layer.name, "Convolution", layer.bottoms, layer.tops, param)
