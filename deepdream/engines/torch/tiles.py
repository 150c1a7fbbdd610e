"""Tiles: a stretch computed part by part, with the same numbers as the whole.

The tops of a stretch are cut into parts that do not overlap. What a part depends on is a part of the source that is a
little larger; computed from that alone, the part comes out right, because what the source's edge upsets lies outside
it. On the way back, the part's diffs alone are taken back to the source, and what the parts bring there is added up:
diffs are linear, so the sum is the diff of the whole.
"""

from math import ceil
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...caffe_format.shapes import Geometry, Shape, concat_axis, convolution_geometry, pooling_geometry, slice_axis
from .layers.base import Layer
from .plan import Step

_POINT = Geometry((1, 1), (1, 1), (0, 0))


class Reach(NamedTuple):
    """Along one axis, place i of the tops depends on `extent` places of the source, from i * stride - before on.

    A part of the source starts at a multiple of the stride, so that all windows fall where they fall in the whole. It
    ends some multiple of the stride before the source does, so that numbers of windows round as they do in the whole:
    branches that meet there are of one size here, too.
    """

    stride: int
    before: int
    extent: int

    def source(self, part: Tuple[int, int], size: int) -> Tuple[int, int]:
        """The part of a source of this size that a part of the tops (first, last + 1) depends on."""
        first = part[0] - ceil(self.before / self.stride)
        last = (part[1] - 1) * self.stride - self.before + self.extent
        return max(first, 0) * self.stride, size - max(size - last, 0) // self.stride * self.stride

    def length(self, part: int) -> int:
        """How much of the source a part of so many places depends on at most."""
        return (part + ceil(self.before / self.stride)) * self.stride - self.before + self.extent - 1

    def behind(self, kernel: int, stride: int, pad: int) -> "Reach":
        """The reach through one more layer in front."""
        return Reach(self.stride * stride, self.before * stride + pad, (self.extent - 1) * stride + kernel)

    def joined(self, other: "Reach") -> "Reach":
        """The reach of what depends on the source in both of these ways."""
        before = max(self.before, other.before)
        after = max(self.extent - self.before, other.extent - other.before)
        return Reach(self.stride, before, before + after)


class Part(NamedTuple):
    """A part of the tops along one axis: where it lies, the source that it depends on, and where it lies in that."""

    top: slice
    source: slice
    inside: slice


class Tile(NamedTuple):
    rows: Part
    columns: Part

    def of(self, which: str) -> Tuple[Any, ...]:
        """The index into a blob: the part of the "top", of the "source", or what lies "inside"."""
        return (..., getattr(self.rows, which), getattr(self.columns, which))


def make_tiles(reaches: Sequence[Reach], source: Shape, top: Shape, grid: Tuple[int, int]) -> List[Tile]:
    """The tiles of a stretch for the shapes of its source and tops, in so many rows and columns."""
    rows, columns = (
        [_part(reach, (top[axis] * i // count, top[axis] * (i + 1) // count), source[axis]) for i in range(count)]
        for reach, axis, count in zip(reaches, (-2, -1), grid)
    )
    return [Tile(row, column) for row in rows for column in columns]


def _part(reach: Reach, top: Tuple[int, int], size: int) -> Part:
    first, last = reach.source(top, size)
    inside = top[0] - first // reach.stride
    return Part(slice(*top), slice(first, last), slice(inside, inside + top[1] - top[0]))


def reaches(
    steps: Sequence[Step], source: str, tops: Sequence[str], shapes: Mapping[str, Shape]
) -> Optional[Tuple[Reach, Reach]]:
    """How far the tops of a stretch reach into its source, by rows and by columns; None where it has no tiles."""
    if not steps or any(len(shapes[name]) != 4 for name in (source, *tops)):
        return None
    axes = []
    for axis in (0, 1):
        found: Dict[str, Reach] = dict.fromkeys(tops, Reach(1, 0, 1))
        for step in reversed(steps):
            window = _window(step.layer, shapes[step.bottoms[0]])
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
    """The window through which one place of a layer's tops sees its bottoms; None where it is not as local as that."""
    kind, param = layer.spec.type, layer.spec.param
    if kind == "Convolution":
        g = convolution_geometry(param.convolution_param)
        kernel = [dilation * (size - 1) + 1 for size, dilation in zip(g.kernel, g.dilation)]
        if any(pad >= size for pad, size in zip(g.pad, kernel)):
            return None  # a place at the edge would see nothing of the source
        return Geometry((kernel[0], kernel[1]), g.stride, g.pad)
    if kind == "Pooling" and not param.pooling_param.global_pooling:
        return pooling_geometry(param.pooling_param, *bottom[2:])
    if kind == "LRN" and param.lrn_param.norm_region == 1:
        size = param.lrn_param.local_size
        return Geometry((size, size), (1, 1), ((size - 1) // 2,) * 2)
    if kind in ("Concat", "Slice", "Softmax", "Scale"):
        return _POINT if _is_by_channel(layer, len(bottom)) else None
    alike = ("ReLU", "PReLU", "Clip", "Sigmoid", "TanH", "Power", "Dropout", "Eltwise", "LRN", "BatchNorm", "Split")
    return _POINT if kind in alike else None


def _is_by_channel(layer: Layer, ndim: int) -> bool:
    """Whether a layer that works along an axis does so along the channels."""
    kind, param = layer.spec.type, layer.spec.param
    if kind == "Concat":
        return concat_axis(param.concat_param, ndim) == 1
    if kind == "Slice":
        return slice_axis(param.slice_param, ndim) == 1
    if kind == "Softmax":
        return bool(param.softmax_param.axis == 1)
    return bool(param.scale_param.axis == 1) and all(array.dim() == 1 for array in layer.params)
