"""More layers that work on each number separately: AbsVal, BNLL, ELU, Exp, Log, Swish, Threshold."""

from math import exp, log
from typing import List, Sequence

import torch

from ....caffe_format.layer_spec import LayerSpec
from .base import Blobs, BottomLayer, Diffs, Layer, Saved, Tensor


class AbsVal(Layer):
    """y = |x| (absval_layer.cpp). At 0 the diff is 0."""

    saved_bottoms = Saved.VALUES

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [bottoms[0].abs()]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0] * bottoms[0].sign()]


class BNLL(BottomLayer):
    """y = log(1 + exp(x)) (bnll_layer.cpp). Backward: dx = dy * e / (e + 1) with e = exp(min(x, 50)).

    In place, Caffe's backward pass reads the bottom after it was overwritten. This one keeps a copy and is correct.
    """

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        self.keep(x)
        return [x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        e = torch.exp(self.kept(bottoms).clamp(max=50.0))
        return [top_diffs[0] * e / (e + 1)]


class ELU(Layer):
    """y = x if x > 0, else alpha * (exp(x) - 1) (elu_layer.cpp). Backward: dx = dy if x > 0, else dy * (alpha + y).

    In place, the sign is that of y, as in Caffe; it is that of x unless alpha is negative.
    """

    saved_tops = Saved.VALUES

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.alpha = spec.param.elu_param.alpha
        self.saved_bottoms = Saved.NOTHING if self.in_place else Saved.SIGNS

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        return [torch.where(x > 0, x, self.alpha * (torch.exp(x) - 1))]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,), (y,) = top_diffs, tops
        signs = y if self.in_place else bottoms[0]
        return [torch.where(signs > 0, diff, diff * (self.alpha + y))]


class Exp(Layer):
    """y = base ^ (shift + scale * x), where a base of -1 stands for e (exp_layer.cpp).

    Backward: dx = dy * y * scale * ln(base).
    """

    saved_tops = Saved.VALUES

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        param = spec.param.exp_param
        self.inner = param.scale * _ln(param.base)
        self.outer = exp(param.shift * _ln(param.base))

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [torch.exp(bottoms[0] * self.inner) * self.outer]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0] * tops[0] * self.inner]


class Log(BottomLayer):
    """y = log(shift + scale * x) to a base, where -1 stands for e (log_layer.cpp).

    Backward: dx = dy * scale / (ln(base) * (shift + scale * x)).
    In place, Caffe's backward pass reads the bottom after it was overwritten. This one keeps a copy and is correct.
    """

    def _argument(self, x: Tensor) -> Tensor:
        return x * self.spec.param.log_param.scale + self.spec.param.log_param.shift

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        self.keep(bottoms[0])
        return [torch.log(self._argument(bottoms[0])) / _ln(self.spec.param.log_param.base)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        param = self.spec.param.log_param
        return [top_diffs[0] * (param.scale / _ln(param.base)) / self._argument(self.kept(bottoms))]


class Swish(BottomLayer):
    """y = x * s with s = 1 / (1 + exp(-beta * x)) (swish_layer.cpp).

    Backward: dx = dy * (beta * y + s * (1 - beta * y)).
    """

    def _sigmoid(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x * self.spec.param.swish_param.beta)

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        self.keep(x)
        return [x * self._sigmoid(x)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        x = self.kept(bottoms)
        s = self._sigmoid(x)
        scaled = x * s * self.spec.param.swish_param.beta
        return [top_diffs[0] * (scaled + s * (1 - scaled))]


class Threshold(Layer):
    """y = 1 if x > threshold, else 0 (threshold_layer.cpp). It has no gradient: its diff is 0."""

    saved_bottoms = Saved.SHAPE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [(bottoms[0] > self.spec.param.threshold_param.threshold).to(bottoms[0].dtype)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [torch.zeros_like(bottoms[0])]


def _ln(base: float) -> float:
    return 1.0 if base == -1 else log(base)
