"""Tiles: the parts in which a segment can be computed, with the same numbers as in one piece.

The tops of a segment are cut into parts that do not overlap. Each part depends on a slightly larger part of the source.
Computed from that alone the part is exact, because errors from the cut edge stay in the margin around it. The backward
pass propagates each part's diffs to the source and adds them up. Diffs are linear, so the sum is the diff of the whole.
"""

from types import EllipsisType
from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...caffe_format import receptive_field
from ...caffe_format.geometry import Geometry
from ...caffe_format.layer_spec import Shape
from ...caffe_format.receptive_field import Local, ReceptiveField
from .layers.base import Layer
from .plan import Step


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
    layers = [
        Local(step.bottoms, step.tops, _window(step.layer, shapes[step.bottoms[0]]) if step.bottoms else None)
        for step in steps
    ]
    return receptive_field.receptive_fields(layers, source, tops)


def _window(layer: Layer, bottom: Shape) -> Optional[Geometry]:
    """The window of a layer. None if it cannot be tiled."""
    is_scaled = layer.spec.type in ("Scale", "Bias")  # the others' parameters, which are made when used, say nothing
    found = receptive_field.window(layer.spec, bottom, [array.shape for array in layer.params] if is_scaled else [])
    if found and layer.spec.type == "Convolution" and any(pad >= k for pad, k in zip(found.pad, found.kernel)):
        return None  # a position at the edge would depend on padding only
    return found
