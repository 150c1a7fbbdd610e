"""Pooling with Caffe's windows and, in float64, a rule for ties that does not depend on rounding."""

from math import prod
from typing import List, Sequence, Tuple

import torch

from ....caffe_format.geometry import Geometry, Pair, pooling_geometry
from ....caffe_format.layer_spec import LayerSpec, Shape, ShapeError
from ....caffe_format.shapes import infer_layer
from .. import kernels
from .base import Blobs, Diffs, Layer, Saved, Tensor

# In flat areas, many values of a window are mathematically the same. In float64, all values within this distance of the
# maximum, relative to it, count as equal, so that the winner does not depend on how a machine rounds.
TIE = 1e-9


class Pooling(Layer):
    """y = the maximum (MAX) or the mean (AVE) of the values in each window (pooling_layer.cpp).

    By default, the number of windows is rounded up. A mean is over the window clipped to the padded picture, including
    zeros. If several values are the maximum, the first one, row by row, gets the diff; in float64, the first one within
    TIE of the maximum.
    """

    saved_bottoms = Saved.SHAPE

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.pooling_param
        self.is_max = self.param.pool == 0
        self.indices: Tensor
        self._pooled: Shape = ()  # the shape of the bottom that the indices belong to

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        self._pooled = tuple(bottoms[0].shape)
        if self._compiled(bottoms[0]):
            x = bottoms[0].contiguous(memory_format=torch.channels_last)  # takes less than the loop saves
            top, self.indices = kernels.max_forward(x, self._geometry(x), self._out(x))
            return [top]
        x, g, round_up = self._fit(bottoms[0])
        if not self.is_max:
            return [torch.nn.functional.avg_pool2d(x, g.kernel, g.stride, g.pad, round_up)]
        if x.dtype == torch.float64:
            top, self.indices = _first_of_the_greatest(x, g, self._out(bottoms[0]))
        else:
            top, self.indices = torch.nn.functional.max_pool2d_with_indices(
                x, g.kernel, g.stride, g.pad, ceil_mode=round_up
            )
        return [top]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        if tuple(bottoms[0].shape) != self._pooled:  # the indices would point outside the bottom's memory
            shape = "x".join(map(str, bottoms[0].shape))
            raise ShapeError(f"layer {self.spec.name} (Pooling) has not yet run forward on a blob of {shape}")
        if self._compiled(bottoms[0]):
            like = torch.empty_like(bottoms[0], memory_format=torch.channels_last)
            return [kernels.max_backward(top_diffs[0], self.indices, like, self._geometry(like))]
        x, g, round_up = self._fit(bottoms[0])
        diff = top_diffs[0]
        if self.is_max:
            back = torch.ops.aten.max_pool2d_with_indices_backward(
                diff, x, g.kernel, g.stride, g.pad, (1, 1), round_up, self.indices
            )
        else:
            back = torch.ops.aten.avg_pool2d_backward(diff, x, g.kernel, g.stride, g.pad, round_up, True, None)
        pad = self._geometry(bottoms[0]).pad
        if pad == g.pad:
            return [back]
        whole = torch.zeros_like(bottoms[0])
        part = back[:, :, pad[0] : pad[0] + whole.shape[2], pad[1] : pad[1] + whole.shape[3]]
        whole[:, :, : part.shape[2], : part.shape[3]] = part
        return [whole]

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        if not self.is_max:
            return 0, 0
        compiled = kernels.available(device, dtype)
        place = 1 if compiled and dtype == torch.float32 else 8
        return place * prod(top), 0 if compiled else 4 * prod(top) * dtype.itemsize

    def _compiled(self, bottom: Tensor) -> bool:
        """Whether max_forward handles this case. In float64, _first_of_the_greatest may call tied_forward."""
        few = prod(self._geometry(bottom).kernel) <= kernels.MAX_PLACES
        return (
            self.is_max
            and few
            and bottom.dtype == torch.float32
            and (kernels.usable(bottom) or kernels.usable(bottom, torch.contiguous_format))
        )

    def _geometry(self, bottom: Tensor) -> Geometry:
        return pooling_geometry(self.param, *bottom.shape[2:])

    def _out(self, bottom: Tensor) -> Pair:
        height, width = infer_layer(self.spec, [tuple(bottom.shape)])[0][0][2:]
        return height, width

    def _fit(self, bottom: Tensor) -> Tuple[Tensor, Geometry, bool]:
        """Returns the bottom, geometry and rounding with which PyTorch's pooling has the same windows as Caffe's.

        PyTorch limits the padding to half the kernel size. If it is wider, the bottom is padded beforehand.
        """
        height, width = bottom.shape[2:]
        g = self._geometry(bottom)
        if all(2 * pad <= kernel for pad, kernel in zip(g.pad, g.kernel)):
            return bottom, g, self.param.round_mode == 0
        spans = [(n - 1) * s + k for n, s, k in zip(self._out(bottom), g.stride, g.kernel)]
        bottom_pad, right_pad = (
            min(span, size + 2 * pad) - size - pad for span, size, pad in zip(spans, (height, width), g.pad)
        )
        sides = (g.pad[1], right_pad, g.pad[0], bottom_pad)
        padded = torch.nn.functional.pad(bottom, sides, value=float("-inf") if self.is_max else 0.0)
        return padded, g._replace(pad=(0, 0)), True


def _first_of_the_greatest(x: Tensor, g: Geometry, out: Pair) -> Tuple[Tensor, Tensor]:
    """Finds each window's winner, by the rule of TIE, and its index h * width + w in the plane."""
    if kernels.usable(x):
        return kernels.tied_forward(x, g, out, TIE)
    height, width = x.shape[2:]
    spans = [(n - 1) * s + k for n, s, k in zip(out, g.stride, g.kernel)]
    sides = (g.pad[1], spans[1] - width - g.pad[1], g.pad[0], spans[0] - height - g.pad[0])
    padded = torch.nn.functional.pad(x, sides, value=float("-inf"))

    def offset(i: int, j: int) -> Tensor:  # (n, c, *out): the value at (i, j) of every window
        rows = slice(i, spans[0] - g.kernel[0] + i + 1, g.stride[0])
        return padded[:, :, rows, j : spans[1] - g.kernel[1] + j + 1 : g.stride[1]]

    places = [(i, j) for i in range(g.kernel[0]) for j in range(g.kernel[1])]
    greatest = offset(0, 0).clone()
    for i, j in places[1:]:
        torch.maximum(greatest, offset(i, j), out=greatest)
    threshold = greatest - TIE * greatest.abs()
    winner = torch.zeros_like(greatest)
    indices = torch.zeros(greatest.shape, dtype=torch.int64, device=x.device)
    rows = torch.arange(out[0], device=x.device)[:, None] * g.stride[0] - g.pad[0]
    columns = torch.arange(out[1], device=x.device) * g.stride[1] - g.pad[1]
    for i, j in reversed(places):  # the first place is written last, so it wins
        value = offset(i, j)
        wins = value >= threshold
        winner = torch.where(wins, value, winner)
        indices = torch.where(wins, (rows + i) * width + columns + j, indices)
    return winner, indices
