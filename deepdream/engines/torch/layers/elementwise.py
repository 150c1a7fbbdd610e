"""Layers that work on each number separately: ReLU, PReLU, Clip, Sigmoid, TanH, Power, Dropout, Eltwise."""

from math import prod
from typing import List, Optional, Sequence, Tuple

import torch

from ....caffe_format.layer_spec import LayerSpec, Shape
from .. import kernels
from .base import Blobs, BottomLayer, Diffs, Layer, Saved, Tensor


def _where(signs: Tensor, diff: Tensor) -> Tensor:
    """The diff where `signs`, numbers or bools, is above zero; elsewhere the diff times 0."""
    if diff.dim() == 4 and kernels.available(diff.device, diff.dtype):
        return kernels.where(signs, diff)
    return diff * (signs > 0)


class ReLU(Layer):
    """y = max(x, 0) + slope * min(x, 0) (relu_layer.cpp). y > 0 exactly where x > 0, so in place loses nothing."""

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.slope = spec.param.relu_param.negative_slope
        # Another layer may overwrite the top in place, so y shows the sign of x only if both are one blob.
        if self.in_place:
            self.saved_tops = Saved.SIGNS
        else:
            self.saved_bottoms = Saved.SIGNS

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        if self.slope:
            rectify = torch.nn.functional.leaky_relu_ if self.in_place else torch.nn.functional.leaky_relu
            return [rectify(x, self.slope)]
        return [x.relu_() if self.in_place else x.relu()]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        signs = tops[0] if self.in_place else bottoms[0]
        return [torch.where(signs > 0, diff, diff * self.slope) if self.slope else _where(signs, diff)]


class PReLU(BottomLayer):
    """y = max(x, 0) + slope[c] * min(x, 0) with learned slopes, one per channel or one for all (prelu_layer.cpp)."""

    def _slope(self, ndim: int) -> Tensor:
        return self.params[0].reshape(self.params[0].shape + (1,) * (ndim - 2 if self.params[0].dim() else 0))

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        self.keep(x)
        return [torch.where(x > 0, x, x * self._slope(x.dim()))]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        x = self.kept(bottoms)
        return [torch.where(x > 0, diff, diff * self._slope(x.dim()))]

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        x = self.kept(bottoms)
        diff = top_diffs[0] * x * (x <= 0)
        return [diff.sum_to_size(self._slope(x.dim()).shape).reshape(self.params[0].shape)]


class Clip(Layer):
    """y = min(max(x, min), max) (clip_layer.cpp). Diffs pass where min <= bottom <= max; in place, everywhere."""

    saved_bottoms = Saved.RANGE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        param = self.spec.param.clip_param
        return [bottoms[0].clamp(param.min, param.max)]

    def in_range(self, blob: Tensor) -> Tensor:
        param = self.spec.param.clip_param
        if kernels.usable(blob):
            return kernels.in_range(blob, param.min, param.max)
        return (blob >= param.min).logical_and_(blob <= param.max)

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,), (x,) = top_diffs, bottoms
        passes = x if x.dtype == torch.bool else self.in_range(x)
        return [_where(passes, diff)]


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)) (sigmoid_layer.cpp)."""

    saved_tops = Saved.VALUES

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [torch.sigmoid(bottoms[0])]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0] * tops[0] * (1 - tops[0])]


class TanH(Layer):
    """y = tanh(x) (tanh_layer.cpp)."""

    saved_tops = Saved.VALUES

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [torch.tanh(bottoms[0])]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0] * (1 - tops[0] * tops[0])]


class Power(BottomLayer):
    """y = (shift + scale * x) ^ power (power_layer.cpp).

    In place, Caffe's backward pass reads the bottom after it was overwritten. This one keeps a copy and is correct.
    """

    def _base(self, x: Tensor) -> Tensor:
        param = self.spec.param.power_param
        return x * param.scale + param.shift

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        self.keep(bottoms[0])
        return [self._base(bottoms[0]).pow(self.spec.param.power_param.power)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        param = self.spec.param.power_param
        x = self.kept(bottoms)
        factor = param.power * param.scale
        # If the factor is 0, so is the diff, even where the power would be infinite.
        return [top_diffs[0] * factor * self._base(x).pow(param.power - 1) if factor else torch.zeros_like(x)]


class Dropout(Layer):
    """y = x: Caffe neither drops nor scales anything in its TEST phase (dropout_layer.cpp)."""

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [bottoms[0] if self.in_place else bottoms[0].clone()]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0]]


class Eltwise(Layer):
    """y = the product, the sum with coefficients, or the maximum of the bottoms (eltwise_layer.cpp).

    If several bottoms have the maximum, the diff goes to the second one, else to the first, else to the earliest of the
    others. An in-place product keeps a copy of the bottom that it overwrites; Caffe reads the overwritten values.
    """

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.eltwise_param
        if self.param.operation == 0:
            self.saved_bottoms = self.saved_tops = Saved.VALUES
        self.coeff = list(self.param.coeff) or [1.0] * len(spec.bottoms)
        self.winner: Tensor
        self._keeps_first = self.param.operation == 0 and spec.bottoms[0] == spec.tops[0]
        self._first: Tensor

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        if self._keeps_first:
            self._first = bottoms[0].clone()
        top = bottoms[0] * self.coeff[0] if self.param.operation == 1 else bottoms[0].clone()
        for i, bottom in enumerate(bottoms[1:], 1):
            if self.param.operation == 0:
                top *= bottom
            elif self.param.operation == 1:
                top.add_(bottom, alpha=self.coeff[i])
            else:
                wins = bottom >= top if i == 1 else bottom > top
                self.winner = wins.to(torch.uint8) if i == 1 else torch.where(wins, i, self.winner)
                top = torch.where(wins, bottom, top)
        return [top]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        if self.param.operation == 1:
            return [diff * coeff for coeff in self.coeff]
        if self.param.operation == 2:
            return [diff * (self.winner == i) for i in range(len(bottoms))]
        if self._keeps_first:
            bottoms = [self._first, *bottoms[1:]]
        if self.param.stable_prod_grad:
            others = [[b for k, b in enumerate(bottoms) if k != i] for i in range(len(bottoms))]
            return [diff * torch.stack(rest).prod(0) for rest in others]
        return [diff * tops[0] / bottom for bottom in bottoms]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        blob = prod(top) * dtype.itemsize
        return (prod(top) if self.param.operation == 2 else blob if self._keeps_first else 0), blob
