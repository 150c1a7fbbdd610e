"""Prepares the inputs of a net: the picture's comes first, and may be multiplied by a factor."""

from dataclasses import replace
from typing import Dict, List, Sequence

from . import schema
from .layer_spec import LayerSpec, Shape
from .shapes import infer_layer

INPUT_SCALE = "input scale"  # the name of the layer that multiplies the picture


def prepared_inputs(layers: Sequence[LayerSpec], scale: float) -> List[LayerSpec]:
    """The layers with the picture's input first and, unless the scale is 1, a layer that multiplies it by the scale."""
    layers = _picture_first(layers)
    if scale == 1:
        return layers
    picture = next(layer for layer in layers if layer.type == "Input").tops[0]
    scaled = picture + " scaled"

    def renamed(blobs: Sequence[str]) -> "tuple[str, ...]":
        return tuple(scaled if blob == picture else blob for blob in blobs)

    param = schema.LayerParameter(name=INPUT_SCALE, type="Power", bottom=[picture], top=[scaled])
    param.power_param.scale = scale
    layers = [
        layer if layer.type == "Input" else replace(layer, bottoms=renamed(layer.bottoms), tops=renamed(layer.tops))
        for layer in layers
    ]
    behind = 1 + max(i for i, layer in enumerate(layers) if layer.type == "Input")
    return [*layers[:behind], LayerSpec(INPUT_SCALE, "Power", (picture,), (scaled,), param), *layers[behind:]]


def _picture_first(layers: Sequence[LayerSpec]) -> List[LayerSpec]:
    """The layers with the input that holds the picture first: it has four axes and three channels, or else one.

    The order of inputs changes no number.
    """
    shapes: Dict[str, Shape] = {}
    makers: Dict[str, LayerSpec] = {}
    for layer in layers:
        if layer.type == "Input":
            for top, shape in zip(layer.tops, infer_layer(layer, [])[0]):
                shapes[top], makers[top] = shape, layer
    first = next(iter(shapes))
    found = [name for channels in (3, 1) for name, shape in shapes.items() if len(shape) == 4 and shape[1] == channels]
    fits = len(shapes[first]) == 4 and (shapes[first][1] == 3 or not any(shapes[name][1] == 3 for name in found))
    if not found or fits:
        return list(layers)
    picture, maker = found[0], makers[found[0]]
    param = schema.LayerParameter()
    param.CopyFrom(maker.param)
    del param.input_param.shape[:]
    tops = (picture, *(top for top in maker.tops if top != picture))
    for top in tops:
        param.input_param.shape.add(dim=shapes[top])
    in_front = replace(maker, tops=tops, param=param)
    return [in_front, *(layer for layer in layers if layer is not maker)]
