"""Infers the shapes of each Caffe layer's tops and parameters without running the layer.

Each rule follows Reshape or LayerSetUp of the Caffe layer with the same name (src/caffe/layers/*_layer.cpp). Shapes are
known before anything runs, so a picture that is too small or the weights of another net lead to an error message. Caffe
would abort the whole process.
"""

from typing import Callable, Dict, List, Sequence, Tuple

from ..compat import prod
from ..errors import DreamError
from .geometry import (
    canonical,
    concat_axis,
    convolution_geometry,
    crop_offsets,
    pooled_size,
    pooling_geometry,
    slice_axis,
    slice_sizes,
)
from .layer_spec import LayerSpec, Shape, ShapeError, Shapes, refuse
from .shapes_elementwise import ELEMENTWISE
from .shapes_rearranged import REARRANGED

MAX_NUMBERS = 2**31 - 1  # in a blob, as in Caffe (blob.cpp)
WITHOUT_GRADIENT = ("Input", "DummyData", "ArgMax", "Threshold", "Silence")  # Caffe cannot run backward through them
_NEVER_IN_PLACE = ("Flatten", "Reshape", "Split", "AbsVal", "Tile")  # Caffe aborts if one of these works in place
# BVLC's other types, for which there is no class in the PyTorch engine.
_OTHERS_OF_BVLC = (
    *("Accuracy", "BatchReindex", "ContrastiveLoss", "Data", "Embed", "EuclideanLoss", "Filter", "HDF5Data"),
    *("HDF5Output", "HingeLoss", "Im2col", "ImageData", "InfogainLoss", "LSTM", "LSTMUnit", "MemoryData"),
    *("MultinomialLogisticLoss", "Parameter", "Python", "RNN", "SPP", "SigmoidCrossEntropyLoss"),
    "WindowData",
)
_MAX_WIDTH = 2**15  # of kernel, stride, padding (pixels) and LRN windows (channels); real nets stay below


def infer_layer(layer: LayerSpec, bottoms: Sequence[Shape]) -> Shapes:
    """Infers the shapes of a LayerSpec's tops and parameters from the shapes of its bottoms."""
    rule = _RULES.get(layer.type)
    if rule is None:
        whose = "BVLC's Caffe has it, but this program does not compute it" if layer.type in _OTHERS_OF_BVLC else ""
        raise DreamError(f"layer {layer.name} is of type {layer.type}, which is not supported{whose and ': ' + whose}")
    try:
        tops, params = rule(layer, list(bottoms))
    except (IndexError, ValueError, ZeroDivisionError):
        raise ShapeError("layer {} ({}) does not fit blobs of shape {}".format(*_names(layer, bottoms))) from None
    if len(tops) != len(layer.tops):
        raise ShapeError(f"layer {layer.name} should have {len(tops)} tops, but has {len(layer.tops)}")
    if any(size < 1 for top in tops for size in top):
        raise ShapeError("layer {} ({}) would have an empty top for blobs of shape {}".format(*_names(layer, bottoms)))
    _check_in_place(layer, bottoms, tops)
    return tops, params


def _check_in_place(layer: LayerSpec, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> None:
    """Raises ShapeError if a top is also a bottom of the layer, unless the layer keeps its shape.

    A blob has one shape and one memory. Caffe would continue with a mix of arrays of the old and the new size.
    """
    before = dict(zip(layer.bottoms, bottoms))
    for blob, after in zip(layer.tops, tops):
        if blob in before and (before[blob] != after or layer.type in _NEVER_IN_PLACE):
            raise ShapeError(
                f"layer {layer.name} ({layer.type}) cannot work in place on blob {blob}"
                + (
                    f", whose shape changes from {_text(before[blob])} to {_text(after)}"
                    if before[blob] != after
                    else ""
                )
                + ": give its top a name of its own"
            )


def _names(layer: LayerSpec, bottoms: Sequence[Shape]) -> Tuple[str, str, str]:
    return layer.name, layer.type, ", ".join(map(_text, bottoms))


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _check_window(*numbers: int) -> None:
    """Raises ValueError for numbers so large that the work would never end or PyTorch could not represent them."""
    if max(numbers) > _MAX_WIDTH:
        raise ValueError("too wide")


def _input(layer: LayerSpec, _bottoms: List[Shape]) -> Shapes:
    shapes = [tuple(shape.dim) for shape in layer.param.input_param.shape]
    return (shapes * len(layer.tops) if len(shapes) == 1 else shapes), []


def _convolution(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (count, channels, *size), *others = bottoms
    param = layer.param.convolution_param
    if any(other != bottoms[0] for other in others):
        raise ValueError("shapes differ")
    geometry = convolution_geometry(param)
    if len(size) != 2 or param.axis != 1:
        refuse(layer, "other than two spatial axes")
    _check_window(*geometry.kernel, *geometry.stride, *geometry.pad, *geometry.dilation)
    windowed = all((*geometry.kernel, *geometry.stride, *geometry.dilation))
    if not windowed or channels % param.group or param.num_output % param.group:
        raise ValueError("no window, or groups of different sizes")
    spans = [d * (k - 1) + 1 for k, d in zip(geometry.kernel, geometry.dilation)]
    bias = [(param.num_output,)] if param.bias_term else []
    if layer.type == "Deconvolution":
        out = [s * (n - 1) + k - 2 * p for n, k, s, p in zip(size, spans, geometry.stride, geometry.pad)]
        weight = (channels, param.num_output // param.group, *geometry.kernel)
    else:
        out = [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, spans, geometry.stride, geometry.pad)]
        weight = (param.num_output, channels // param.group, *geometry.kernel)
    return [(count, param.num_output, *out)] * len(bottoms), [weight, *bias]


def _pooling(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    ((count, channels, height, width),) = bottoms
    param = layer.param.pooling_param
    geometry = pooling_geometry(param, height, width)
    if param.pool == 2:
        refuse(layer, "stochastic pooling")
    if not param.global_pooling:
        _check_window(*geometry.kernel, *geometry.stride, *geometry.pad)
    if any(p >= k for p, k in zip(geometry.pad, geometry.kernel)):
        raise ValueError("the padding is not smaller than the kernel")
    rules = (any(geometry.pad), param.round_mode == 0)
    out = [pooled_size(*axis, *rules) for axis in zip((height, width), *geometry[:3])]
    return [(count, channels, *out)], []


def _lrn(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    ((_, _, _, _),) = bottoms
    if layer.param.lrn_param.local_size % 2 == 0:
        refuse(layer, "an even local_size")
    _check_window(layer.param.lrn_param.local_size)
    return [bottoms[0]], []


def _concat(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    axis = concat_axis(layer.param.concat_param, len(bottoms[0]))
    rest = [shape[:axis] + shape[axis + 1 :] for shape in bottoms]
    if any(shape != rest[0] for shape in rest):
        raise ValueError("shapes differ")
    return [(*bottoms[0][:axis], sum(shape[axis] for shape in bottoms), *bottoms[0][axis + 1 :])], []


def _slice(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    axis = slice_axis(layer.param.slice_param, len(shape))
    sizes = slice_sizes(layer.param.slice_param, shape[axis], len(layer.tops))
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes], []


def _split(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    return bottoms * len(layer.tops), []


def _eltwise(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    coeff = layer.param.eltwise_param.coeff
    if len(bottoms) < 2:
        raise ShapeError(f"layer {layer.name} (Eltwise) reads {len(bottoms)} blob, but needs at least 2")
    if any(shape != bottoms[0] for shape in bottoms) or (coeff and len(coeff) != len(bottoms)):
        raise ValueError("shapes differ")
    if coeff and layer.param.eltwise_param.operation == 0:
        refuse(layer, "coefficients for a product")
    return [bottoms[0]], []


def _inner_product(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    param = layer.param.inner_product_param
    axis = canonical(param.axis, len(shape))
    size = prod(shape[axis:])
    weight = (size, param.num_output) if param.transpose else (param.num_output, size)
    return [(*shape[:axis], param.num_output)], [weight, *([(param.num_output,)] if param.bias_term else [])]


def _flatten(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    first = canonical(layer.param.flatten_param.axis, len(shape))
    last = canonical(layer.param.flatten_param.end_axis, len(shape))
    if first > last + 1:
        raise ValueError("ends before it starts")
    return [(*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])], []


def _reshape(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    param = layer.param.reshape_param
    first = param.axis if param.axis >= 0 else len(shape) + param.axis + 1
    last = len(shape) if param.num_axes == -1 else first + param.num_axes
    dims = [shape[first + i] if dim == 0 else dim for i, dim in enumerate(param.shape.dim)]
    if dims.count(-1) == 1:
        known = -prod(dims) * prod(shape[:first]) * prod(shape[last:])
        dims[dims.index(-1)] = prod(shape) // known
    top = (*shape[:first], *dims, *shape[last:])
    if prod(top) != prod(shape):
        raise ValueError("the counts differ")
    return [top], []


def _prelu(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    channels = shape[1]
    return [shape], [() if layer.param.prelu_param.channel_shared else (channels,)]


def _batch_norm(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    param = layer.param.batch_norm_param
    if param.HasField("use_global_stats") and not param.use_global_stats:
        refuse(layer, "the statistics of the batch")
    return [shape], [(shape[1],), (shape[1],), (1,)]


def _softmax(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    (shape,) = bottoms
    canonical(layer.param.softmax_param.axis, len(shape))
    return [shape], []


def _softmax_with_loss(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    scores, labels = bottoms
    axis = canonical(layer.param.softmax_param.axis, len(scores))
    if prod(labels) != prod(scores[:axis]) * prod(scores[axis + 1 :]):
        raise ValueError("not a label for each row of scores")
    return [()], []


def _crop(layer: LayerSpec, bottoms: List[Shape]) -> Shapes:
    shape, like = bottoms
    first = canonical(layer.param.crop_param.axis, len(shape))
    top = (*shape[:first], *like[first:])
    offsets = crop_offsets(layer.param.crop_param, len(shape))
    if any(offset + size > whole for offset, size, whole in zip(offsets, top, shape)):
        raise ValueError("crops outside")
    return [top], []


_RULES: Dict[str, Callable[[LayerSpec, List[Shape]], Shapes]] = {
    "Input": _input,
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "Pooling": _pooling,
    "LRN": _lrn,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Eltwise": _eltwise,
    "InnerProduct": _inner_product,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "PReLU": _prelu,
    "BatchNorm": _batch_norm,
    "Softmax": _softmax,
    "SoftmaxWithLoss": _softmax_with_loss,
    "Crop": _crop,
    **ELEMENTWISE,
    **REARRANGED,
}
