"""Layers that rescale their input: LRN, BatchNorm, Softmax, and the loss behind a softmax."""

from math import prod
from typing import Dict, List, Sequence, Tuple

import torch

from ....caffe_format.layer_spec import LayerSpec, Shape, ShapeError
from .. import kernels
from .base import Blobs, BottomLayer, Diffs, Layer, Saved, Tensor, at_least_float32


class LRN(BottomLayer):
    """y = x * s^-beta, where s grows with the squares around x (lrn_layer.cpp; Krizhevsky et al. 2012, section 3.3).

    Across channels: s[c] = k + alpha/n * sum of x² over the n channels around c.
    Within a channel: s = 1 + alpha * the mean of x² over the n x n pixels around, including the zero padding.
    Backward: dx = dy * s^-beta - 2*beta*x * (the same window's alpha/n * sum of dy * x * s^(-beta-1)).

    bfloat16 blobs are computed in float32: s is close to k, and the difference would be lost.
    """

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.lrn_param
        self.within = self.param.norm_region == 1
        self.scale: Tensor
        self._bands: Dict[Tuple[int, torch.dtype, torch.device], Tensor] = {}

    def _window(self, x: Tensor) -> Tensor:
        """alpha/n * the sum (within a channel: alpha * the mean) of x over each window."""
        size = self.param.local_size
        if self.within:
            return self.param.alpha * torch.nn.functional.avg_pool2d(x, size, 1, (size - 1) // 2)
        # The sum over neighbouring channels is a 1x1 convolution with a symmetric band matrix: one pass.
        key = (x.shape[1], x.dtype, x.device)
        if key not in self._bands:
            places = torch.arange(key[0], device=x.device)
            near = (places[:, None] - places).abs() <= (size - 1) // 2
            self._bands[key] = (near.to(x.dtype) * (self.param.alpha / size))[:, :, None, None]
        return torch.conv2d(x, self._bands[key])

    def _shrink(self) -> Tensor:
        """s^-beta. For the usual beta of 0.75, square roots are used, which round alike on every machine."""
        if self.param.beta == 0.75:
            root = self.scale.sqrt()
            return root.mul_(root.sqrt()).reciprocal_()
        return self.scale.pow(-self.param.beta)

    def _compiled(self, x: Tensor) -> bool:
        return self._has_loops() and kernels.usable(x)

    def _has_loops(self) -> bool:
        few = self.param.local_size <= kernels.MAX_CHANNELS
        return not self.within and self.param.beta == 0.75 and few

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        self.keep(bottoms[0])
        (x,), dtype = _upcast(bottoms), bottoms[0].dtype
        if self._compiled(x):
            return [kernels.lrn_forward(x, self.param.local_size, self.param.k, self.param.alpha).to(dtype)]
        self.scale = self._window(x * x).add_(1.0 if self.within else self.param.k)
        return [(x * self._shrink()).to(dtype)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        bottom = self.kept(bottoms)
        (x, diff), dtype = _upcast([bottom, top_diffs[0]]), bottom.dtype
        if self._compiled(x):
            return [kernels.lrn_backward(x, diff, self.param.local_size, self.param.k, self.param.alpha).to(dtype)]
        direct = diff * self._shrink()
        around = self._window(direct * x / self.scale)
        return [direct.sub_(around.mul_(x), alpha=2 * self.param.beta).to(dtype)]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        computed = at_least_float32(dtype)
        blob = prod(top) * computed.itemsize
        copies = 3 * blob if computed != dtype else 0  # of the bottom and the two diffs
        kept, _ = super().memory(bottom, top, dtype, device)
        compiled = self._has_loops() and kernels.available(device, computed)
        return (kept, copies) if compiled else (kept + blob, 3 * blob + copies)


def _upcast(tensors: Sequence[Tensor]) -> List[Tensor]:
    return [tensor.to(at_least_float32(tensor.dtype)) for tensor in tensors]


class BatchNorm(Layer):
    """y = (x - mean) / sqrt(variance + eps) with stored statistics (batch_norm_layer.cpp with use_global_stats).

    Mean and variance are stored as sums that must be divided by the third parameter; if that is 0, both count as 0.
    """

    def _moments(self, ndim: int) -> Tuple[Tensor, Tensor]:
        """The mean and the standard deviation, each (c, 1, 1) for 4-D blobs."""
        mean, variance, count = self.params
        factor = 0.0 if count.item() == 0 else 1.0 / count.item()
        deviation = (variance * factor + self.spec.param.batch_norm_param.eps).sqrt()
        shape = (-1, *(1,) * (ndim - 2))
        return (mean * factor).view(shape), deviation.view(shape)

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        mean, deviation = self._moments(bottoms[0].dim())
        return [(bottoms[0] - mean) / deviation]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [top_diffs[0] / self._moments(top_diffs[0].dim())[1]]


class Softmax(Layer):
    """y = exp(x) / sum of exp(x) along an axis (softmax_layer.cpp)."""

    saved_tops = Saved.VALUES

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        return [torch.softmax(bottoms[0], self.spec.param.softmax_param.axis)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        (diff,), (y,) = top_diffs, tops
        return [(diff - (diff * y).sum(self.spec.param.softmax_param.axis, keepdim=True)) * y]


class SoftmaxWithLoss(Layer):
    """y = the sum of -log(softmax(x)[label]) / n, over all rows but those of ignore_label (softmax_loss_layer.cpp).

    n is the number of rows that count (VALID), of all rows (FULL), of pictures (BATCH_SIZE), or 1 (NONE).

    Backward: dx = dy * (softmax(x) - the row's label) / n; labels get no diff.
    """

    saved_bottoms = Saved.VALUES

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self._axis = spec.param.softmax_param.axis
        self._chances: Tensor  # of each class, from the last forward pass

    def _rows(self, x: Tensor) -> Tensor:
        """The scores of each row: (rows, classes)."""
        moved = x.movedim(self._axis, -1)
        return moved.reshape(-1, moved.shape[-1])

    def _labels(self, bottoms: Blobs) -> Tuple[Tensor, Tensor, float]:
        """The label of each row, which rows count, and n."""
        loss, labels = self.spec.param.loss_param, bottoms[1].reshape(-1).long()
        counts = labels != loss.ignore_label if loss.HasField("ignore_label") else torch.ones_like(labels).bool()
        classes = bottoms[0].shape[self._axis]
        wrong = labels[counts & ((labels < 0) | (labels >= classes))]
        if len(wrong):
            label = int(wrong[0])
            raise ShapeError(f"layer {self.spec.name} (SoftmaxWithLoss) reads the label {label} of {classes} classes")
        mode = loss.normalization
        if loss.HasField("normalize") and not loss.HasField("normalization"):
            mode = 1 if loss.normalize else 2
        outer = prod(bottoms[0].shape[: self._axis])
        return labels.clamp(0, classes - 1), counts, max(1, (len(labels), int(counts.sum()), outer, 1)[mode])

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        labels, counts, n = self._labels(bottoms)
        self._chances = torch.softmax(bottoms[0], self._axis)
        chosen = self._rows(self._chances).gather(1, labels[:, None])[:, 0]
        losses = -chosen.clamp(min=torch.finfo(torch.float32).tiny).log()
        return [(losses * counts).sum() / n]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        labels, counts, n = self._labels(bottoms)
        diff = self._rows(self._chances).clone()
        diff.scatter_add_(1, labels[:, None], torch.full_like(diff[:, :1], -1))
        diff *= counts[:, None] * (top_diffs[0] / n)
        moved = self._chances.movedim(self._axis, -1)
        return [diff.view(moved.shape).movedim(-1, self._axis), torch.zeros_like(bottoms[1])]
