"""What a position of a layer sees: its receptive field in the blob of an earlier layer, such as the picture."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple, Sequence

from .geometry import Geometry, concat_axis, convolution_geometry, pooling_geometry, slice_axis
from .layer_spec import LayerSpec, Shape

if TYPE_CHECKING:
    from .topology import Topology

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

    def source(self, part: tuple[int, int], size: int) -> tuple[int, int]:
        """The part of the source that a part of the tops, (first, last + 1), depends on. size: of the whole source."""
        first = part[0] - ceil(self.before / self.stride)
        last = (part[1] - 1) * self.stride - self.before + self.extent
        return max(first, 0) * self.stride, size - max(size - last, 0) // self.stride * self.stride

    def length(self, part: int) -> int:
        """The largest number of positions of the source that `part` positions of the tops depend on."""
        return (part + ceil(self.before / self.stride)) * self.stride - self.before + self.extent - 1

    def behind(self, kernel: int, stride: int, pad: int) -> ReceptiveField:
        """The receptive field with one more layer in front."""
        return ReceptiveField(self.stride * stride, self.before * stride + pad, (self.extent - 1) * stride + kernel)

    def joined(self, other: ReceptiveField) -> ReceptiveField:
        """The union of two receptive fields with the same stride."""
        before = max(self.before, other.before)
        after = max(self.extent - self.before, other.extent - other.before)
        return ReceptiveField(self.stride, before, before + after)


class Local(NamedTuple):
    """A layer's blobs, and the window of the bottoms that one position of the tops depends on; None: not local."""

    bottoms: Sequence[str]
    tops: Sequence[str]
    window: Geometry | None


def receptive_fields(
    layers: Sequence[Local], source: str, tops: Sequence[str]
) -> tuple[ReceptiveField, ReceptiveField] | None:
    """The receptive fields of blobs in a source blob, by rows and by columns; None if they are not local in it.

    layers: in the order in which they run, only those between the two.
    """
    axes = []
    for axis in (0, 1):
        found = dict.fromkeys(tops, ReceptiveField(1, 0, 1))
        for layer in reversed(layers):
            window = layer.window
            after = [found.pop(name) for name in layer.tops if name in found]
            if window is None or len({reach.stride for reach in after}) != 1:
                return None
            ways = [reach.behind(window.kernel[axis], window.stride[axis], window.pad[axis]) for reach in after]
            for name in layer.bottoms:
                for way in ways:
                    if name in found and found[name].stride != way.stride:
                        return None
                    found[name] = found[name].joined(way) if name in found else way
        if set(found) != {source}:
            return None
        axes.append(found[source])
    return axes[0], axes[1]


def in_the_picture(topology: Topology, end: str) -> tuple[ReceptiveField, ReceptiveField] | None:
    """The receptive fields of layer `end` in the picture, by rows and by columns; None if some layer is not local."""
    blob = topology.blob(end)
    if len(topology.shapes[blob]) != 4:
        return None
    layers = [layer for layer in topology.needed(end) if layer.type != "Input"]
    return receptive_fields([_local(layer, topology) for layer in layers], topology.inputs[0], [blob])


def _local(layer: LayerSpec, topology: Topology) -> Local:
    bottoms = [topology.shapes[name] for name in layer.bottoms]
    is_plane = bool(bottoms) and all(len(shape) == 4 for shape in bottoms)
    found = window(layer, bottoms[0], topology.param_shapes[layer.name]) if is_plane else None
    return Local(layer.bottoms, layer.tops, found)


def window(layer: LayerSpec, bottom: Shape, params: Sequence[Sequence[int]]) -> Geometry | None:
    """The window of the bottoms that one position of the tops depends on. None if the layer is not local.

    bottom, params: the shapes of the first bottom, (n, c, h, w), and of the layer's parameters.
    """
    kind, param = layer.type, layer.param
    if kind == "Convolution":
        g = convolution_geometry(param.convolution_param)
        kernel = [dilation * (size - 1) + 1 for size, dilation in zip(g.kernel, g.dilation)]
        return Geometry((kernel[0], kernel[1]), g.stride, g.pad)
    if kind == "Pooling" and not param.pooling_param.global_pooling:
        return pooling_geometry(param.pooling_param, *bottom[2:])
    if kind == "LRN" and param.lrn_param.norm_region == 1:
        size = param.lrn_param.local_size
        return Geometry((size, size), (1, 1), ((size - 1) // 2,) * 2)
    if kind in ("Concat", "Slice", "Softmax", "Scale", "Bias"):
        return _POINT if _is_by_channel(layer, len(bottom), params) else None
    if kind == "Normalize":
        return None if param.norm_param.across_spatial else _POINT
    return _POINT if kind in _ALIKE else None


def _is_by_channel(layer: LayerSpec, ndim: int, params: Sequence[Sequence[int]]) -> bool:
    """Whether a layer that works along one axis works along the channels."""
    kind, param = layer.type, layer.param
    if kind == "Concat":
        return concat_axis(param.concat_param, ndim) == 1
    if kind == "Slice":
        return slice_axis(param.slice_param, ndim) == 1
    if kind == "Softmax":
        return bool(param.softmax_param.axis == 1)
    axis = param.scale_param.axis if kind == "Scale" else param.bias_param.axis
    return bool(axis == 1) and len(layer.bottoms) == 1 and all(len(shape) == 1 for shape in params)
