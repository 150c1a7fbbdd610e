"""Reads windows, axes and offsets from the parameters of a Caffe layer.

Each function follows LayerSetUp or Reshape of the Caffe layer (src/caffe/layers/*_layer.cpp). Parameters that cannot
belong to a working layer raise IndexError or ValueError, which infer_layer turns into a ShapeError.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple, Tuple

if TYPE_CHECKING:
    from .message import Message

Pair = Tuple[int, int]  # vertical, horizontal


class Geometry(NamedTuple):
    """Describes how a window moves over a picture."""

    kernel: Pair
    stride: Pair
    pad: Pair
    dilation: Pair = (1, 1)


def canonical(axis: int, ndim: int) -> int:
    """Returns the axis counted from the front. Raises IndexError if there is no such axis."""
    if not -ndim <= axis < ndim:
        raise IndexError(axis)
    return axis % ndim


def convolution_geometry(param: Message) -> Geometry:
    """Reads kernel, stride, pad and dilation of a ConvolutionParameter; each is given as one number or as two."""

    def pair(name: str, default: int) -> Pair:
        values = list(getattr(param, name)) or [default]
        return values[0], values[-1]

    def sided(name: str, short: str, default: int) -> Pair:
        if param.HasField(short + "_h") or param.HasField(short + "_w"):
            return getattr(param, short + "_h"), getattr(param, short + "_w")
        return pair(name, default)

    return Geometry(
        sided("kernel_size", "kernel", 0), sided("stride", "stride", 1), sided("pad", "pad", 0), pair("dilation", 1)
    )


def pooling_geometry(param: Message, height: int, width: int) -> Geometry:
    """Reads kernel, stride and pad of a PoolingParameter for a plane of height x width."""
    if param.global_pooling:
        return Geometry((height, width), (1, 1), (0, 0))

    def sided(name: str, short: str) -> Pair:
        if param.HasField(short + "_h") or param.HasField(short + "_w"):
            return getattr(param, short + "_h"), getattr(param, short + "_w")
        return getattr(param, name), getattr(param, name)

    return Geometry(sided("kernel_size", "kernel"), sided("stride", "stride"), sided("pad", "pad"))


def pooled_size(size: int, kernel: int, stride: int, pad: int, padded: bool, round_up: bool = True) -> int:
    """The number of pooling windows along one axis, with Caffe's rounding.

    padded: whether there is padding along either axis.
    """
    exact = (size + 2 * pad - kernel) / stride
    count = (ceil(exact) if round_up else floor(exact)) + 1
    if padded and (count - 1) * stride >= size + pad:
        count -= 1  # drops a window that would start in the padding
    if (count - 1) * stride >= size + pad:
        raise ValueError("the last window lies outside the plane")
    return count


def concat_axis(param: Message, ndim: int) -> int:
    """The axis of a ConcatParameter; older files call it concat_dim."""
    return canonical(param.concat_dim if param.HasField("concat_dim") else param.axis, ndim)


def slice_axis(param: Message, ndim: int) -> int:
    """The axis of a SliceParameter; older files call it slice_dim."""
    return canonical(param.slice_dim if param.HasField("slice_dim") else param.axis, ndim)


def slice_sizes(param: Message, size: int, count: int) -> list[int]:
    """The sizes of `count` slices of an axis, cut at the slice points if there are any, else all equal."""
    if not param.slice_point:
        if size % count:
            raise ValueError("does not divide")
        return [size // count] * count
    points = [0, *param.slice_point, size]
    return [after - before for before, after in zip(points, points[1:])]


def crop_offsets(param: Message, ndim: int) -> list[int]:
    """Where a Crop starts on each axis."""
    first = canonical(param.axis, ndim)
    given = list(param.offset) or [0]
    given = given * (ndim - first) if len(given) == 1 else given
    if len(given) != ndim - first:
        raise ValueError("offsets")
    return [0] * first + given


def permutation(param: Message, ndim: int) -> list[int]:
    """The axes of the bottom in the order of the top, of a PermuteParameter; axes that it leaves out come last."""
    order = list(param.order)
    if len(set(order)) < len(order) or any(axis >= ndim for axis in order):
        raise ValueError("order")
    return [*order, *(axis for axis in range(ndim) if axis not in order)]
