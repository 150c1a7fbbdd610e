"""Layers that work on sums and extremes of many numbers: MVN, Normalize, Reduction, ArgMax."""

from math import prod
from typing import List, Optional, Sequence, Tuple

import torch

from ....caffe_format.geometry import canonical
from ....caffe_format.layer_spec import LayerSpec, Shape
from ....caffe_format.shapes import infer_layer
from .base import Blobs, Diffs, Layer, Saved, Tensor


class MVN(Layer):
    """y = (x - mean) / (s + eps), with the mean and the standard deviation s of each channel (mvn_layer.cpp).

    With across_channels they are those of each picture; without normalize_variance there is no division. The top always
    has four axes.
    Backward, as in Caffe: dx = (dy - (the mean of dy) - y * (the mean of y * dy)) / (s + eps), or
    dx = dy - (the mean of dy).
    """

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.mvn_param
        self.saved_bottoms = Saved.SHAPE
        self.saved_tops = Saved.VALUES if self.param.normalize_variance else Saved.NOTHING
        self.deviation: Tensor

    def _mean(self, x: Tensor) -> Tensor:
        return x.mean((1, 2, 3) if self.param.across_channels else (2, 3), keepdim=True)

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        x = bottoms[0].reshape((*bottoms[0].shape, 1, 1)[:4])
        centred = x - self._mean(x)
        if not self.param.normalize_variance:
            return [centred]
        self.deviation = self._mean(centred * centred).sqrt() + self.param.eps
        return [centred / self.deviation]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,) = top_diffs
        centred = diff - self._mean(diff)
        if not self.param.normalize_variance:
            return [centred.reshape(bottoms[0].shape)]
        (y,) = tops
        return [((centred - y * self._mean(y * diff)) / self.deviation).reshape(bottoms[0].shape)]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        return 0, 2 * prod(top) * dtype.itemsize


class Normalize(Layer):
    """y = scale * x / n with n = sqrt(eps + the sum of x²) (normalize_layer.cpp of the SSD branch).

    The sum is over each picture, or with across_spatial: false over the channels of each pixel. There is one scale, or
    one for each channel. Backward, with g = scale * dy: dx = (g - x * (the sum of g * x) / n²) / n.
    """

    saved_bottoms = Saved.VALUES

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.norm_param
        self.in_place = bool(set(spec.bottoms) & set(spec.tops))
        self._kept: Tensor

    def _sum(self, x: Tensor) -> Tensor:
        return x.sum((1, 2, 3) if self.param.across_spatial else (1,), keepdim=True)

    def _norm(self, x: Tensor) -> Tensor:
        return (self._sum(x * x) + self.param.eps).sqrt()

    def _scale(self) -> Tensor:
        return self.params[0].reshape(-1, 1, 1)

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        if self.in_place:
            self._kept = x.clone()
        return [x / self._norm(x) * self._scale()]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        x = self._kept if self.in_place else bottoms[0]
        g, norm = top_diffs[0] * self._scale(), self._norm(x)
        return [(g - x * (self._sum(g * x) / (norm * norm))) / norm]

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        x = self._kept if self.in_place else bottoms[0]
        products = top_diffs[0] * x / self._norm(x)
        return [
            (products.sum() if self.param.channel_shared else products.sum((0, 2, 3))).reshape(self.params[0].shape)
        ]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        blob = prod(top) * dtype.itemsize
        return (blob if self.in_place else 0), 2 * blob


class Reduction(Layer):
    """y = coeff * the sum, or the sum of |x| or x², or the mean, over all axes from `axis` on (reduction_layer.cpp).

    Backward: dx = coeff * dy times 1, sign(x), 2x or 1 / (the number of values).
    """

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.reduction_param
        self.operation = {1: "SUM", 2: "ASUM", 3: "SUMSQ", 4: "MEAN"}[self.param.operation]
        self.saved_bottoms = Saved.SHAPE if self.operation in ("SUM", "MEAN") else Saved.VALUES

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,) = bottoms
        axis = canonical(self.param.axis, x.dim())
        values = {"ASUM": torch.abs, "SUMSQ": torch.square}.get(self.operation, lambda x: x)(x)
        rows = values.reshape(*x.shape[:axis], -1)
        return [(rows.mean(-1) if self.operation == "MEAN" else rows.sum(-1)) * self.param.coeff]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (x,) = bottoms
        axis = canonical(self.param.axis, x.dim())
        factor = self.param.coeff / (prod(x.shape[axis:]) if self.operation == "MEAN" else 1)
        diff = (top_diffs[0] * factor).reshape(*x.shape[:axis], *(1,) * (x.dim() - axis))
        if self.operation in ("SUM", "MEAN"):
            return [diff.expand(x.shape).clone()]
        return [diff * (x.sign() if self.operation == "ASUM" else 2 * x)]


class ArgMax(Layer):
    """y = the places of the top_k greatest numbers, or the numbers themselves (argmax_layer.cpp).

    Of equal numbers the last comes first. Without an axis each picture is one row, and with out_max_val both are given.
    It has no gradient: its diff is 0.
    """

    saved_bottoms = Saved.SHAPE

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        (x,), param = bottoms, self.spec.param.argmax_param
        (shape,), _ = infer_layer(self.spec, [tuple(x.shape)])
        has_axis = param.HasField("axis")
        axis = canonical(param.axis, x.dim()) if has_axis else 1
        rows = x if has_axis else x.flatten(1)
        count = rows.shape[axis]
        values, places = rows.flip(axis).sort(dim=axis, descending=True, stable=True)
        values, places = values.narrow(axis, 0, param.top_k), count - 1 - places.narrow(axis, 0, param.top_k)
        indices = places.to(x.dtype)
        if has_axis:
            return [values.clone() if param.out_max_val else indices]
        found = torch.stack([indices, values], 1) if param.out_max_val else indices
        return [found.reshape(shape)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [torch.zeros_like(bottoms[0])]
