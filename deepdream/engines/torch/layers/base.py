"""What a layer of the PyTorch engine is."""

from enum import IntEnum
from math import prod
from typing import Any, List, Optional, Sequence, Tuple

import torch

from ....caffe_format.shapes import Shape
from ....caffe_format.topology import LayerSpec

Tensor = torch.Tensor
Diffs = Sequence[Any]  # tensors; None for a top of Split or Slice that nothing on the way back reads
Blobs = Sequence[Any]  # tensors; None for what a backward pass does not read


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """What to compute in where bfloat16 would be too coarse."""
    return torch.float32 if dtype == torch.bfloat16 else dtype


class Saved(IntEnum):
    """How much of a blob a backward pass reads."""

    NOTHING = 0
    SHAPE = 1  # and the memory format; the numbers may be anything
    SIGNS = 2  # which numbers are above zero: a bool tensor may stand in
    RANGE = 3  # which numbers are in the layer's own range: what its `in_range` returns may stand in
    VALUES = 4


class Layer:
    """One Caffe layer: a forward pass and an explicit backward pass, no autograd.

    `reads_bottoms` and `reads_tops` say what the backward pass reads besides the diffs of the tops. What it needs
    beyond those (pooling's indices, LRN's scale) the layer keeps itself from its last forward pass. Tensors are
    (n, c, h, w) in either memory format; parameters are those of the prototxt, in Caffe's shapes.
    """

    saved_bottoms = Saved.NOTHING
    saved_tops = Saved.NOTHING

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        self.spec = spec
        self.params = list(params)
        self.in_place = spec.bottoms == spec.tops

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        """The tops. Never views of the bottoms (but Split's), and the bottoms stay as they are unless in place."""
        raise NotImplementedError

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        """The diffs of the bottoms, for those of the tops."""
        raise NotImplementedError

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        """The bytes that it keeps for the way back, and those that it needs in passing, besides blobs and diffs."""
        return 0, 0

    def in_range(self, blob: Tensor) -> Tensor:
        """Which numbers of a blob are in the range, as bools; for a layer that reads a RANGE."""
        raise NotImplementedError

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        """The diffs of the parameters, None for one that Caffe does not train either."""
        return [None] * len(self.params)


class BottomLayer(Layer):
    """A layer whose backward pass reads its bottom, of which it keeps a copy where it works in place."""

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.saved_bottoms = Saved.NOTHING if self.in_place else Saved.VALUES
        self._kept: Tensor

    def keep(self, bottom: Tensor) -> None:
        """To be called before the bottom is overwritten."""
        if self.in_place:
            self._kept = bottom.clone()

    def kept(self, bottoms: Sequence[Tensor]) -> Tensor:
        """The bottom as the forward pass has read it."""
        return self._kept if self.in_place else bottoms[0]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        return (prod(bottom) * dtype.itemsize if self.in_place else 0), 0
