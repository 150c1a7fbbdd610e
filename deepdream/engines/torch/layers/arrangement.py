"""Layers that only rearrange numbers: Input, Concat, Slice, Split, Flatten, Reshape, Crop."""

from typing import List, Sequence

import torch

from ....caffe_format.geometry import concat_axis, crop_offsets, slice_axis
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
