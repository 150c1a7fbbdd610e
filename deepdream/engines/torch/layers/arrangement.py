"""Layers that only rearrange numbers: Input, Concat, Slice, Split, Flatten, Reshape, Crop, Tile, Permute and more."""

from typing import Callable, List, Sequence

import torch

from ....caffe_format.geometry import canonical, concat_axis, crop_offsets, permutation, slice_axis
from ....caffe_format.shapes import infer_layer
from .base import Blobs, Diffs, Layer, Saved, Tensor


class Input(Layer):
    """The input of the net, whose blobs the caller fills (input_layer.cpp)."""

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return []

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return []


class Concat(Layer):
    """Concatenates the bottoms along an axis (concat_layer.cpp)."""

    saved_bottoms = Saved.SHAPE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [torch.cat(list(bottoms), concat_axis(self.spec.param.concat_param, bottoms[0].dim()))]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        axis = concat_axis(self.spec.param.concat_param, bottoms[0].dim())
        return list(top_diffs[0].split([bottom.shape[axis] for bottom in bottoms], axis))


class Slice(Layer):
    """Cuts the bottom into the tops along an axis (slice_layer.cpp)."""

    saved_bottoms = Saved.SHAPE

    def _cut(self, bottom: Tensor) -> List[Tensor]:
        axis = slice_axis(self.spec.param.slice_param, bottom.dim())
        tops, _ = infer_layer(self.spec, [tuple(bottom.shape)])
        return list(bottom.split([top[axis] for top in tops], axis))

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [part.clone() for part in self._cut(bottoms[0])]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        axis = slice_axis(self.spec.param.slice_param, bottoms[0].dim())
        parts = zip(top_diffs, self._cut(bottoms[0]))
        return [torch.cat([torch.zeros_like(part) if diff is None else diff for diff, part in parts], axis)]


class Split(Layer):
    """Passes one blob to several layers and adds their diffs in the order of the tops (split_layer.cpp)."""

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [bottoms[0]] * len(self.spec.tops)

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        first, *rest = (diff for diff in top_diffs if diff is not None)
        if not rest:
            return [first]
        total = first + rest[0]
        for diff in rest[1:]:
            total += diff
        return [total]


class Flatten(Layer):
    """Merges several axes into one (flatten_layer.cpp). Reshape differs only in the rule for the top's shape."""

    saved_bottoms = Saved.SHAPE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (shape,), _ = infer_layer(self.spec, [tuple(bottoms[0].shape)])
        return [bottoms[0].clone(memory_format=torch.contiguous_format).view(shape)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0].reshape(bottoms[0].shape)]


class Reshape(Flatten):
    """Changes the shape and keeps the numbers (reshape_layer.cpp)."""


class Crop(Layer):
    """Crops the first bottom to the size of the second, starting at given offsets (crop_layer.cpp)."""

    saved_bottoms = Saved.SHAPE

    def _part(self, whole: Tensor, like: Tensor) -> Tensor:
        ((shape,), _) = infer_layer(self.spec, [tuple(whole.shape), tuple(like.shape)])
        for axis, offset in enumerate(crop_offsets(self.spec.param.crop_param, whole.dim())):
            whole = whole.narrow(axis, offset, shape[axis])
        return whole

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [self._part(*bottoms).clone()]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        whole, like = bottoms
        diff = torch.zeros_like(whole)
        self._part(diff, like).copy_(top_diffs[0])
        return [diff, torch.zeros_like(like)]


class Tile(Layer):
    """Repeats the bottom along an axis (tile_layer.cpp). The diff is the sum over the copies."""

    saved_bottoms = Saved.SHAPE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        param = self.spec.param.tile_param
        return [torch.cat([bottoms[0]] * param.tiles, canonical(param.axis, bottoms[0].dim()))]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        param, (x,) = self.spec.param.tile_param, bottoms
        axis = canonical(param.axis, x.dim())
        copies = top_diffs[0].reshape(*x.shape[:axis], param.tiles, *x.shape[axis:])
        return [copies.sum(axis)]


class Permute(Layer):
    """Puts the axes in another order (permute_layer.cpp of the SSD branch)."""

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        return [x.permute(self._order(x)).clone(memory_format=torch.contiguous_format)]

    def _order(self, x: Tensor) -> List[int]:
        return permutation(self.spec.param.permute_param, x.dim())

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        order = self._order(diff)
        back = [order.index(axis) for axis in range(diff.dim())]
        return [diff.permute(back).clone(memory_format=torch.contiguous_format)]


class ShuffleChannel(Layer):
    """Deals the channels out to groups (shuffle_channel_layer.cpp of ShuffleNet).

    With n channels in each group, channel g * n + i becomes channel i * groups + g.
    """

    def _dealt(self, x: Tensor, groups: int) -> Tensor:
        dealt = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]).transpose(1, 2)
        return dealt.reshape(x.shape).clone()

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [self._dealt(bottoms[0], self.spec.param.shuffle_channel_param.group)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        return [self._dealt(diff, diff.shape[1] // self.spec.param.shuffle_channel_param.group)]


class Silence(Layer):
    """Reads blobs that nothing else reads, and does nothing with them (silence_layer.cpp). Their diffs are 0."""

    saved_bottoms = Saved.SHAPE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return []

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [torch.zeros_like(bottom) for bottom in bottoms]


class DummyData(Layer):
    """Blobs filled with one number each (dummy_data_layer.cpp with constant fillers)."""

    dtype, device = torch.float32, torch.device("cpu")

    def placed(self, dtype: torch.dtype, device: torch.device, direct: bool, changing: Callable[[], bool]) -> None:
        self.dtype, self.device = dtype, device

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        shapes, _ = infer_layer(self.spec, [])
        fillers = list(self.spec.param.dummy_data_param.data_filler)
        values = [filler.value for filler in fillers] or [0.0]
        values = values * len(shapes) if len(values) == 1 else values
        return [torch.full(shape, value, dtype=self.dtype, device=self.device) for shape, value in zip(shapes, values)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return []
