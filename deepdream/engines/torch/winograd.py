"""Convolutions of stride 1 with fewer multiplications than their formula has (Winograd 1980, Lavin and Gray 2016).

m x m numbers of the top come from n x n = (m + taps - 1)² of the bottom: these are transformed, multiplied by the
transformed weights, one matrix product for each of the n² places, and transformed back. For 3x3 weights and m = 2 that
is 4 multiplications for each number instead of 9. A 1x1 convolution is the case without transforms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, NamedTuple

import numpy as np
import torch

from ...caffe_format.geometry import Pair
from . import kernels
from .layers.base import Tensor
from .parallel import in_parts
from .transforms import matrices

# {taps: m}. Larger tiles would need fewer multiplications, but lose more digits.
OUTPUTS = {1: 1, 3: 2, 4: 3, 5: 2}
# Their transforms are sums and differences: a flat area stays exactly flat. Others break ties in max pooling.
EXACT = (1, 3)
# Bytes of transformed numbers of the bottom at a time, and half of those of their products: they fit a second cache.
_CACHE = 256 * 1024


@lru_cache(maxsize=None)
def available(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the compiled loops are faster than PyTorch's convolutions, as measured: with AVX2 and AVX-512."""
    suitable = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return suitable and kernels.available(device, dtype)


class Transformed(NamedTuple):
    """The transformed weights of a correlation (outputs, channels, taps, taps); see transform_weights."""

    u: np.ndarray
    outputs: tuple[int, int]  # and as many as their panels have columns
    channels: int
    taps: int


class Weights:
    """The weights of one layer, transformed when they are first used, and in each pass if they may have changed."""

    def __init__(self, weight: Tensor, changing: Callable[[], bool]):
        self._weight, self._changing = weight, changing
        self._transformed: dict[Callable[[Tensor], Tensor], Transformed] = {}

    def renew(self) -> None:
        """Forgets what was made of the weights if they may have changed. Must be called before each forward pass."""
        if self._changing():
            self._transformed.clear()

    def correlate(self, x: Tensor, rearranged: Callable[[Tensor], Tensor], bias: Tensor | None, pad: Pair) -> Tensor:
        """correlate() with weights (outputs, channels, taps, taps) that `rearranged` makes of those of the layer."""
        if rearranged not in self._transformed:
            self._transformed[rearranged] = transformed(rearranged(self._weight))
        return correlate(x, self._transformed[rearranged], bias, pad)


def transformed(weight: Tensor) -> Transformed:
    """Transforms weights (outputs, channels, taps, taps) in float64, and rounds the result."""
    from . import winograd_loops as loops

    outputs, channels, taps, _ = weight.shape
    panel = 2 * loops.half_panel(weight.element_size())
    padded, count = _numbers(outputs, channels, taps, weight.element_size())
    u = np.zeros(count, kernels.number_of(weight))
    by_output = np.ascontiguousarray(weight.permute(2, 3, 1, 0).numpy(), np.float64)
    matrix = np.array(matrices(taps, OUTPUTS[taps])[1])
    in_parts(loops.transform_weights, channels, by_output, matrix, u, padded, panel)
    return Transformed(u, (outputs, padded), channels, taps)


def bytes_of(outputs: int, channels: int, taps: int, itemsize: int) -> int:
    """The bytes of transformed weights (outputs, channels, taps, taps) whose numbers have `itemsize` bytes."""
    return _numbers(outputs, channels, taps, itemsize)[1] * itemsize


def _numbers(outputs: int, channels: int, taps: int, itemsize: int) -> tuple[int, int]:
    """The columns of transformed weights, and all of their numbers."""
    from . import winograd_loops as loops

    half = loops.half_panel(itemsize)
    padded = -(-outputs // half) * half
    return padded, (OUTPUTS[taps] + taps - 1) ** 2 * channels * padded


def correlate(x: Tensor, weights: Transformed, bias: Tensor | None, pad: Pair) -> Tensor:
    """y[o, h, w] = bias[o] + the sum over c, i, j of w[o, c, i, j] * x[c, h + i - pad, w + j - pad].

    x: (n, channels, height, width); it is copied unless the channels lie side by side. Raises ShapeError if x does not
    fit.
    """
    from . import winograd_loops as loops

    u, (outputs, columns), channels, taps = weights
    m = OUTPUTS[taps]
    rows, across = (size + 2 * margin - taps + 1 for size, margin in zip(x.shape[2:], pad))
    if x.dim() != 4 or x.shape[1] != channels or kernels.number_of(x) != u.dtype or min(rows, across) < 1:
        raise kernels.misfit(x)
    if channels > 1 and x.stride(1) != 1:
        x = x.contiguous(memory_format=torch.channels_last)
    y = x.new_empty((len(x), rows, across, outputs))
    padded = np.zeros(columns, u.dtype)
    if bias is not None:
        padded[:outputs] = bias.numpy()
    count = -(-(-(-rows // m) * -(-across // m)) // loops.ROWS)
    channel = (m + taps - 1) ** 2 * u.itemsize * loops.ROWS  # bytes of ROWS tiles
    panel = 2 * loops.half_panel(u.itemsize)
    group = loops.ROWS * max(1, min(count, _CACHE // (channel * channels), 2 * _CACHE // (channel * panel)))
    for one, top in zip(x, y):
        (_, height, width), (_, row, pixel) = one.shape, one.stride()
        flat = one.as_strided(((height - 1) * row + (width - 1) * pixel + channels,), (1,)).numpy()
        source, target = (height, width, channels, row, pixel), (rows, across, outputs)
        sizes = ((None,) * taps, (None,) * m, group)
        in_parts(loops.convolve, count, flat, source, u, padded, top.view(-1).numpy(), target, pad, *sizes)
    return y.permute(0, 3, 1, 2).contiguous(memory_format=kernels.format_of(y))
