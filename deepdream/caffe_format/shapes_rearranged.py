"""Shapes for layers that select, repeat, sum up or reorder numbers. The rules are as in shapes.py."""

from typing import Callable, Dict, List

from .geometry import canonical, permutation
from .layer_spec import LayerSpec, Shape, Shapes, refuse


def _argmax(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    param = layer.param.argmax_param
    if param.HasField("axis"):
        axis = canonical(param.axis, len(shape))
        count = shape[axis]
        top = (*shape[:axis], param.top_k, *shape[axis + 1 :])
    else:
        count = 1
        for size in shape[1:]:
            count *= size
        top = (shape[0], 2 if param.out_max_val else 1, param.top_k, *(1,) * (len(shape) - 3))
    if not 1 <= param.top_k <= count:
        raise ValueError("more than there are")
    return [top], []


def _tile(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    axis = canonical(layer.param.tile_param.axis, len(shape))
    return [(*shape[:axis], shape[axis] * layer.param.tile_param.tiles, *shape[axis + 1 :])], []


def _reduction(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    return [shape[: canonical(layer.param.reduction_param.axis, len(shape))]], []


def _silence(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    if not bottoms:
        raise ValueError("reads nothing")
    return [], []


def _dummy_data(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    param, count = layer.param.dummy_data_param, len(layer.tops)
    if any((filler.type or "constant") != "constant" for filler in param.data_filler):
        refuse(layer, "random data")
    shapes = [tuple(shape.dim) for shape in param.shape]
    shapes = shapes or list(zip(param.num, param.channels, param.height, param.width))
    if bottoms or len(shapes) not in (1, count) or len(param.data_filler) not in (0, 1, count):
        raise ValueError("not one for each top")
    return shapes * count if len(shapes) == 1 else shapes, []


def _permute(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    return [tuple(shape[axis] for axis in permutation(layer.param.permute_param, len(shape)))], []


def _shuffle_channel(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    if shape[1] % layer.param.shuffle_channel_param.group:
        raise ValueError("groups of different sizes")
    return [shape], []


REARRANGED: Dict[str, Callable[[LayerSpec, List[Shape]], Shapes]] = {
    "ArgMax": _argmax,
    "Tile": _tile,
    "Reduction": _reduction,
    "Silence": _silence,
    "DummyData": _dummy_data,
    "Permute": _permute,
    "ShuffleChannel": _shuffle_channel,
}
