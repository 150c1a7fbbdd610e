"""Shapes for layers whose top has the shape of their first bottom. The rules are as in shapes.py."""

from typing import Callable, Dict, List

from ..errors import DreamError
from .geometry import canonical
from .layer_spec import LayerSpec, Shape, Shapes, refuse


def _same(_layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    return [shape], []


def _with_base(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    """Exp and Log."""
    base = (layer.param.exp_param if layer.type == "Exp" else layer.param.log_param).base
    if base != -1 and (base <= 0 or (layer.type == "Log" and base == 1)):
        raise DreamError(
            f"layer {layer.name} ({layer.type}) has the base {base:g}, but needs a positive one, or -1 for e"
        )
    return _same(layer, bottoms)


def _mvn(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    if not 2 <= len(shape) <= 4:
        refuse(layer, "other than two to four axes")
    return [(*shape, 1, 1)[:4]], []


def _broadcast(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    """Scale and Bias: the factors or offsets are a parameter or a second bottom."""
    param = layer.param.scale_param if layer.type == "Scale" else layer.param.bias_param
    shape, *given = bottoms
    axis = canonical(param.axis, len(shape)) if shape else 0
    if given:
        (size,) = given
        if shape[axis : axis + len(size)] != size:
            raise ValueError("shapes differ")
    else:
        if axis + param.num_axes > len(shape):
            raise ValueError("too many axes")
        size = shape[axis:] if param.num_axes == -1 else shape[axis : axis + param.num_axes]
    has_bias = layer.type == "Scale" and param.bias_term
    return [shape], [size] * (not given) + [size] * has_bias


def _normalize(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    ((_, channels, _, _),) = bottoms
    return _same(layer, bottoms)[0], [() if layer.param.norm_param.channel_shared else (channels,)]


def _axpy(_layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    factors, x, y = bottoms
    if x != y or len(x) != 4 or factors[:2] != x[:2] or any(size != 1 for size in factors[2:]):
        raise ValueError("shapes differ")
    return [x], []


ELEMENTWISE: Dict[str, Callable[[LayerSpec, List[Shape]], Shapes]] = {
    **dict.fromkeys(("ReLU", "Clip", "Sigmoid", "TanH", "Power", "Dropout"), _same),
    **dict.fromkeys(("AbsVal", "BNLL", "ELU", "Swish", "Threshold"), _same),
    **dict.fromkeys(("Exp", "Log"), _with_base),
    **dict.fromkeys(("Scale", "Bias"), _broadcast),
    "MVN": _mvn,
    "Normalize": _normalize,
    "Axpy": _axpy,
}
