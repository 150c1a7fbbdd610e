"""Layers with factors or offsets that are spread along the axes that they lack: Scale, Bias, Axpy."""

from math import prod
from typing import List, Optional, Sequence, Tuple

import torch

from ....caffe_format.geometry import canonical
from ....caffe_format.layer_spec import LayerSpec, Shape
from .base import Blobs, BottomLayer, Diffs, Layer, Saved, Tensor


class _Broadcast(BottomLayer):
    """What Scale and Bias share. The factors or offsets are a parameter, or else the second bottom."""

    axis: int

    def _spread(self, param: Tensor, ndim: int) -> Tensor:
        axis = canonical(self.axis, ndim) if ndim else 0
        return param.reshape(param.shape + (1,) * (ndim - axis - param.dim()))


class Scale(_Broadcast):
    """y = x * scale + bias, both broadcast along the axes that they lack (scale_layer.cpp).

    With a parameter as the scale, only the parameters' diffs need the bottom. A second bottom in its place has the diff
    dy * x, summed over the axes that it lacks.
    """

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.axis = spec.param.scale_param.axis
        self.two = len(spec.bottoms) == 2
        self.saved_bottoms = Saved.VALUES if self.two else Saved.NOTHING
        self._keeps_first = self.two and spec.bottoms[0] == spec.tops[0]

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        x = bottoms[0]
        self.keep(x)
        if self._keeps_first:
            self._kept = x.clone()
        scale, *bias = (*bottoms[1:], *self.params)
        top = x * self._spread(scale, x.dim())
        return [top + self._spread(bias[0], x.dim()) if bias else top]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        if not self.two:
            return [diff * self._spread(self.params[0], diff.dim())]
        x = self._kept if self._keeps_first else bottoms[0]
        scale = self._spread(bottoms[1], diff.dim())
        return [diff * scale, (diff * x).sum_to_size(scale.shape).reshape(bottoms[1].shape)]

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        (diff,) = top_diffs
        like = [self._spread(param, diff.dim()).shape for param in self.params]
        terms = [diff] if self.two else [diff * self.kept(bottoms), diff]
        sums = [term.sum_to_size(shape) for term, shape in zip(terms, like)]
        return [total.reshape(param.shape) for total, param in zip(sums, self.params)]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        kept, passing = super().memory(bottom, top, dtype, device)
        blob = prod(top) * dtype.itemsize
        return (blob if self._keeps_first else kept), (blob if self.two else passing)


class Bias(_Broadcast):
    """y = x + bias, broadcast along the axes that it lacks (bias_layer.cpp).

    A second bottom as the bias has the diff dy, summed over the axes that it lacks.
    """

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.axis = spec.param.bias_param.axis
        self.saved_bottoms = Saved.SHAPE if len(spec.bottoms) == 2 else Saved.NOTHING

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (bias,) = (*bottoms[1:], *self.params)
        return [bottoms[0] + self._spread(bias, bottoms[0].dim())]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        return [diff, *(self._sum(diff, bias) for bias in bottoms[1:])]

    def _sum(self, diff: Tensor, bias: Tensor) -> Tensor:
        return diff.sum_to_size(self._spread(bias, diff.dim()).shape).reshape(bias.shape)

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        return [self._sum(top_diffs[0], param) for param in self.params]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        return 0, 0


class Axpy(Layer):
    """y = a * x + z, with one factor a for each channel (axpy_layer.cpp of the branch for squeeze-and-excitation)."""

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.saved_bottoms = Saved.VALUES
        self._keeps = [blob in spec.tops for blob in spec.bottoms]
        self._kept: List[Optional[Tensor]] = []

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        self._kept = [blob.clone() if keeps else None for blob, keeps in zip(bottoms, self._keeps)]
        a, x, z = bottoms
        return [a.reshape(*a.shape[:2], 1, 1) * x + z]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        a, x, _ = (blob if kept is None else kept for blob, kept in zip(bottoms, self._kept))
        return [(diff * x).sum((2, 3)).reshape(a.shape), diff * a.reshape(*a.shape[:2], 1, 1), diff]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        blob = prod(top) * dtype.itemsize
        return (blob if any(self._keeps) else 0), blob
