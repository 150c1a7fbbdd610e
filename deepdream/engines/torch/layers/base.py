"""The interface of the PyTorch engine's layers."""

from enum import IntEnum
from math import prod
from typing import Any, Callable, List, Optional, Sequence, Tuple

import torch

from ....caffe_format.layer_spec import LayerSpec, Shape

Tensor = torch.Tensor
Diffs = Sequence[Any]  # tensors; None for a top of Split or Slice that receives no gradient
Blobs = Sequence[Any]  # tensors; None if the backward pass does not read the blob


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """The precision for computations in which bfloat16 would be too coarse."""
    return torch.float32 if dtype == torch.bfloat16 else dtype


class Saved(IntEnum):
    """How much of a blob a backward pass reads."""

    NOTHING = 0
    SHAPE = 1  # and memory format; the numbers may be arbitrary
    SIGNS = 2  # which numbers are above zero; a bool tensor may replace the blob
    RANGE = 3  # which numbers are in the layer's range; the result of its `in_range` may replace the blob
    VALUES = 4


class Layer:
    """One Caffe layer: a forward pass and an explicit backward pass, without autograd.

    `saved_bottoms` and `saved_tops` say how much of the blobs the backward pass reads, besides the diffs of the tops.
    Anything else that it needs, such as the indices of pooling or the scale of LRN, the layer keeps from its last
    forward pass. Tensors are (n, c, h, w) in either memory format. Parameters have Caffe's shapes and order.
    """

    saved_bottoms = Saved.NOTHING
    saved_tops = Saved.NOTHING

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        self.spec = spec
        self.params = list(params)
        self.in_place = spec.bottoms == spec.tops

    def placed(self, dtype: torch.dtype, device: torch.device, direct: bool, changing: Callable[[], bool]) -> None:
        """Tells a layer what kind of tensors the net works with.

        direct: whether the layer must multiply and add as its formula does, and not in a faster way.
        changing: says whether the parameters may have changed since the last pass.
        """

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        """Computes the tops. They are never views of the bottoms (except Split's), which change only if in place."""
        raise NotImplementedError

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        """Computes the diffs of the bottoms from those of the tops."""
        raise NotImplementedError

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        """The bytes kept for the backward pass and those used temporarily, both besides blobs and diffs."""
        return 0, 0

    def bytes_made_of_params(self) -> int:
        """The bytes of what passes in both directions make of the parameters, and keep."""
        return 0

    def in_range(self, blob: Tensor) -> Tensor:
        """Marks, as bools, the numbers of a blob that are in the range; for layers that save a RANGE."""
        raise NotImplementedError

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        """Computes the diffs of the parameters; None for a parameter that Caffe does not train either."""
        return [None] * len(self.params)


class BottomLayer(Layer):
    """A layer whose backward pass reads its bottom. If it works in place, it keeps a copy."""

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.saved_bottoms = Saved.NOTHING if self.in_place else Saved.VALUES
        self._kept: Tensor

    def keep(self, bottom: Tensor) -> None:
        """Must be called before the bottom is overwritten."""
        if self.in_place:
            self._kept = bottom.clone()

    def kept(self, bottoms: Sequence[Tensor]) -> Tensor:
        """Returns the bottom as it was before the forward pass."""
        return self._kept if self.in_place else bottoms[0]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        return (prod(bottom) * dtype.itemsize if self.in_place else 0), 0
