"""The gradient on a picture whose opposite sides meet: a panorama, which is a ring, or a tile, which is one both ways.

The net sees the picture with a margin of what its layers see, taken from the other side. The objective is about as many
positions of the layer as the picture alone has, none of which sees anything but the picture and its margins. What
the margins' pixels get of the gradient is added to where they came from. So the gradient is that of the ring, exactly,
on any engine, where the sides of the ring are multiples of the layer's stride; elsewhere the layer's last position is
nearer to its first one than others are to each other.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Callable, NamedTuple, Sequence

import numpy as np

from . import arrays
from .caffe_format.receptive_field import ReceptiveField, in_the_picture
from .errors import UsageError

if TYPE_CHECKING:
    from .arrays import Array, Blob, Size
    from .caffe_format.topology import Topology
    from .engines.interface import Net
    from .objectives import Objective

_AXES = ("y", "x")  # in the order of the last two axes of a blob


class Margin(NamedTuple):
    """Along one axis: pixels to add before and after the picture, and the positions of the layer that count."""

    before: int
    after: int
    first: int
    positions: int

    @classmethod
    def of(cls, field: ReceptiveField, size: int) -> Margin:
        """The margin for a layer's receptive field and a picture of `size` pixels."""
        first, count = ceil(field.before / field.stride), ceil(size / field.stride)
        last = (first + count - 1) * field.stride - field.before + field.extent  # the first pixel that none sees
        before = first * field.stride
        return cls(before, max(0, last - before - size), first, count)


class Seamless:
    """Takes gradients on rings, for several layers of a net.

    axes: x, y or xy, along which the picture is a ring.
    Raises UsageError for a layer that does not see a part of the picture at each of its positions.
    """

    # Bytes per pixel of the picture with its margins that a gradient needs beyond a plain one; measured in float32.
    BYTES_PER_PIXEL = 24

    def __init__(self, axes: str, topology: Topology, ends: Sequence[str]):
        self._axes = axes
        self._fields = {end: _fields(topology, end) for end in ends}

    def size(self, size: Size) -> Size:
        """The (height, width) that the net sees of a picture of this size, with the largest of the margins."""
        sizes = [
            [length + margin.before + margin.after if margin else length for length, margin in zip(size, margins)]
            for margins in (self._margins(end, size) for end in self._fields)
        ]
        return max(height for height, _ in sizes), max(width for _, width in sizes)

    def around(
        self, gradient_towards: Callable[[Net, str, Objective], Array], net: Net, end: str, objective: Objective
    ) -> Array:
        """Does what gradient_towards does, on the ring. The picture in the input blob stays."""
        src = net.blobs[net.inputs[0]]
        picture = arrays.copied(src.data[0])
        channels, h, w = picture.shape
        margins = self._margins(end, (h, w))

        def inside(dst: Blob) -> None:
            objective(dst)
            for axis, margin in zip((-2, -1), margins):
                if margin:
                    before, after = slice(None, margin.first), slice(margin.first + margin.positions, None)
                    for outside in (before, after):
                        dst.diff[(..., outside, *[slice(None)] * (-1 - axis))] = 0

        padded = picture
        for axis, margin in zip((1, 2), margins):
            if margin:
                source = np.arange(-margin.before, picture.shape[axis] + margin.after) % picture.shape[axis]
                padded = padded[(*[slice(None)] * axis, source.tolist())]
        try:
            src.reshape(1, *padded.shape)
            src.data[0] = padded
            del padded
            gradient = gradient_towards(net, end, inside)
            for axis, margin in zip((1, 2), margins):
                if margin:
                    gradient = _folded(gradient, axis, margin.before, picture.shape[axis])
            return arrays.copied(gradient)
        finally:
            src.reshape(1, channels, h, w)
            src.data[0] = picture

    def _margins(self, end: str, size: Size) -> list[Margin | None]:
        fields = self._fields[end]
        return [Margin.of(field, n) if name in self._axes else None for name, field, n in zip(_AXES, fields, size)]


def _folded(gradient: Array, axis: int, before: int, size: int) -> Array:
    """Adds the margins of a gradient, (c, h, w), to where they came from; returns the part of the picture alone."""

    def part(first: int, last: int) -> tuple[slice, ...]:
        return (*[slice(None)] * axis, slice(first, last))

    whole = gradient.shape[axis]
    folded = arrays.copied(gradient[part(before, before + size)])
    for start in range(before % size - size, whole, size):  # each copy of the picture, in whole or in part
        if start != before:
            first, last = max(start, 0), min(start + size, whole)
            folded[part(first - start, last - start)] += gradient[part(first, last)]
    return folded


def _fields(topology: Topology, end: str) -> tuple[ReceptiveField, ReceptiveField]:
    fields = in_the_picture(topology, end)
    if fields is None:
        raise UsageError(
            f"layer {end} does not see a part of the picture at each of its positions, as a seamless dream needs: "
            "use an earlier layer"
        )
    return fields
