"""Tiles: the parts in which a segment can be computed, with the same numbers as in one piece.

The tops of a segment are cut into parts that do not overlap. Each part depends on a slightly larger part of the source.
Computed from that alone the part is exact, because errors from the cut edge stay in the margin around it. The backward
pass propagates each part's diffs to the source and adds them up. Diffs are linear, so the sum is the diff of the whole.
"""

from math import ceil
from types import EllipsisType
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...caffe_format.geometry import Geometry, concat_axis, convolution_geometry, pooling_geometry, slice_axis
from ...caffe_format.layer_spec import Shape
from .layers.base import Layer
from .plan import Step

_POINT = Geometry((1, 1), (1, 1), (0, 0))
_ALIKE = (
    *("ReLU", "PReLU", "Clip", "Sigmoid", "TanH", "Power", "Dropout", "Eltwise", "LRN", "BatchNorm", "Split"),
    *("AbsVal", "BNLL", "ELU", "Exp", "Log", "Swish", "Threshold", "ShuffleChannel"),
)


class ReceptiveField(NamedTuple):
    """Along one axis, position i of the tops depends on `extent` positions of the source from i * stride - before.

    A part of the source starts at a multiple of the stride, so all windows lie where they lie in the whole. It ends a
    multiple of the stride before the source does, so the number of windows rounds as in the whole, and branches that
    have the same size in the whole have the same size in a tile.
    """

    stride: int
    before: int
    extent: int

    def source(self, part: Tuple[int, int], size: int) -> Tuple[int, int]:
        """The part of the source that a part of the tops, (first, last + 1), depends on. size: of the whole source."""
        first = part[0] - ceil(self.before / self.stride)
        last = (part[1] - 1) * self.stride - self.before + self.extent
        return max(first, 0) * self.stride, size - max(size - last, 0) // self.stride * self.stride

    def length(self, part: int) -> int:
        """The largest number of positions of the source that `part` positions of the tops depend on."""
        return (part + ceil(self.before / self.stride)) * self.stride - self.before + self.extent - 1

    def behind(self, kernel: int, stride: int, pad: int) -> "ReceptiveField":
        """The receptive field with one more layer in front."""
        return ReceptiveField(self.stride * stride, self.before * stride + pad, (self.extent - 1) * stride + kernel)

    def joined(self, other: "ReceptiveField") -> "ReceptiveField":
        """The union of two receptive fields with the same stride."""
        before = max(self.before, other.before)
        after = max(self.extent - self.before, other.extent - other.before)
        return ReceptiveField(self.stride, before, before + after)


class Part(NamedTuple):
    """A part of the tops along one axis: its position, its source, and its position in the tops of that source."""

    top: slice
    source: slice
    inside: slice


class Tile(NamedTuple):
    rows: Part
    columns: Part

    def of(self, which: str) -> Tuple[EllipsisType, slice, slice]:
        """The index into a blob of the part named `which`: "top", "source" or "inside"."""
        return (..., getattr(self.rows, which), getattr(self.columns, which))


def make_tiles(
    receptive_fields: Sequence[ReceptiveField], source: Shape, top: Shape, grid: Tuple[int, int]
) -> List[Tile]:
    """The tiles of a segment. source, top: shapes of its blobs. grid: the number of rows and of columns."""
    rows, columns = (
        [_part(reach, (top[axis] * i // count, top[axis] * (i + 1) // count), source[axis]) for i in range(count)]
        for reach, axis, count in zip(receptive_fields, (-2, -1), grid)
    )
    return [Tile(row, column) for row in rows for column in columns]


def _part(reach: ReceptiveField, top: Tuple[int, int], size: int) -> Part:
    first, last = reach.source(top, size)
    inside = top[0] - first // reach.stride
    return Part(slice(*top), slice(first, last), slice(inside, inside + top[1] - top[0]))


def receptive_fields(
    steps: Sequence[Step], source: str, tops: Sequence[str], shapes: Mapping[str, Shape]
) -> Optional[Tuple[ReceptiveField, ReceptiveField]]:
    """The receptive fields of a segment's tops in its source, by rows and by columns. None if it cannot be tiled."""
    if not steps or any(len(shapes[name]) != 4 for name in (source, *tops)):
        return None
    axes = []
    for axis in (0, 1):
        found: Dict[str, ReceptiveField] = dict.fromkeys(tops, ReceptiveField(1, 0, 1))
        for step in reversed(steps):
            window = _window(step.layer, shapes[step.bottoms[0]]) if step.bottoms else None
            after = [found.pop(name) for name in step.tops if name in found]
            if window is None or len({reach.stride for reach in after}) != 1:
                return None
            ways = [reach.behind(window.kernel[axis], window.stride[axis], window.pad[axis]) for reach in after]
            for name in step.bottoms:
                for way in ways:
                    if name in found and found[name].stride != way.stride:
                        return None
                    found[name] = found[name].joined(way) if name in found else way
        if set(found) != {source}:
            return None
        axes.append(found[source])
    return axes[0], axes[1]


def _window(layer: Layer, bottom: Shape) -> Optional[Geometry]:
    """The window of the bottoms that one position of the tops depends on. None if the layer is not local."""
    kind, param = layer.spec.type, layer.spec.param
    if kind == "Convolution":
        g = convolution_geometry(param.convolution_param)
        kernel = [dilation * (size - 1) + 1 for size, dilation in zip(g.kernel, g.dilation)]
        if any(pad >= size for pad, size in zip(g.pad, kernel)):
            return None  # a position at the edge would depend on padding only
        return Geometry((kernel[0], kernel[1]), g.stride, g.pad)
    if kind == "Pooling" and not param.pooling_param.global_pooling:
        return pooling_geometry(param.pooling_param, *bottom[2:])
    if kind == "LRN" and param.lrn_param.norm_region == 1:
        size = param.lrn_param.local_size
        return Geometry((size, size), (1, 1), ((size - 1) // 2,) * 2)
    if kind in ("Concat", "Slice", "Softmax", "Scale", "Bias"):
        return _POINT if _is_by_channel(layer, len(bottom)) else None
    if kind == "Normalize":
        return None if param.norm_param.across_spatial else _POINT
    return _POINT if kind in _ALIKE else None


def _is_by_channel(layer: Layer, ndim: int) -> bool:
    """Whether a layer that works along one axis works along the channels."""
    kind, param = layer.spec.type, layer.spec.param
    if kind == "Concat":
        return concat_axis(param.concat_param, ndim) == 1
    if kind == "Slice":
        return slice_axis(param.slice_param, ndim) == 1
    if kind == "Softmax":
        return bool(param.softmax_param.axis == 1)
    axis = param.scale_param.axis if kind == "Scale" else param.bias_param.axis
    return bool(axis == 1) and len(layer.spec.bottoms) == 1 and all(array.dim() == 1 for array in layer.params)
