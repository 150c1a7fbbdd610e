"""Convolutions of stride 1 with fewer multiplications than their formula has (Winograd 1980, Lavin and Gray 2016).

m x m numbers of the top come from n x n = (m + taps - 1)² of the bottom: these are transformed, multiplied by the
transformed weights, one matrix product for each of the n² places, and transformed back. For 3x3 weights and m = 2 that
is 4 multiplications for each number instead of 9. A 1x1 convolution is the case without transforms.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Callable, NamedTuple

import torch

from ...caffe_format.geometry import Pair
from . import kernels
from .compiled.loop import Block, Loop
from .compiled.transforms import matrices
from .layers.base import Tensor

# {taps: m}. Larger tiles would need fewer multiplications, but lose more digits.
OUTPUTS = {1: 1, 3: 2, 4: 3, 5: 2}
# Their transforms are sums and differences: a flat area stays exactly flat. Others break ties in max pooling.
EXACT = (1, 3)
# Bytes of transformed numbers of the bottom at a time, and half of those of their products: they fit a second cache.
_CACHE = 256 * 1024
_TRANSFORM, _CONVOLVE = (Loop("winograd_loops", name) for name in ("transform_weights", "convolve"))


@lru_cache(maxsize=None)
def available(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the compiled loops are faster than PyTorch's convolutions, as measured: with AVX2 and AVX-512."""
    suitable = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return suitable and kernels.available(device, dtype)


class Transformed(NamedTuple):
    """The transformed weights of a correlation (outputs, channels, taps, taps); see transform_weights."""

    u: Tensor
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
    from .compiled import blocks

    outputs, channels, taps, _ = weight.shape
    panel = 2 * blocks.half_panel(weight.element_size())
    padded, count = _numbers(outputs, channels, taps, weight.element_size())
    u = weight.new_zeros(count)
    by_output = weight.permute(2, 3, 1, 0).double().contiguous()
    matrix = torch.tensor(matrices(taps, OUTPUTS[taps])[1], dtype=torch.float64)
    blocks_of = [Block(tensor, tuple(tensor.shape)) for tensor in (by_output, matrix, u)]
    _TRANSFORM.run(channels, *blocks_of, padded, panel, scratch=(panel * (1 + matrix.numel()), "f8"))
    return Transformed(u, (outputs, padded), channels, taps)


def bytes_of(outputs: int, channels: int, taps: int, itemsize: int) -> int:
    """The bytes of transformed weights (outputs, channels, taps, taps) whose numbers have `itemsize` bytes."""
    return _numbers(outputs, channels, taps, itemsize)[1] * itemsize


def _numbers(outputs: int, channels: int, taps: int, itemsize: int) -> tuple[int, int]:
    """The columns of transformed weights, and all of their numbers."""
    from .compiled import blocks

    half = blocks.half_panel(itemsize)
    padded = -(-outputs // half) * half
    return padded, (OUTPUTS[taps] + taps - 1) ** 2 * channels * padded


def correlate(x: Tensor, weights: Transformed, bias: Tensor | None, pad: Pair) -> Tensor:
    """y[o, h, w] = bias[o] + the sum over c, i, j of w[o, c, i, j] * x[c, h + i - pad, w + j - pad].

    x: (n, channels, height, width); it is copied unless the channels lie side by side. Raises ShapeError if x does not
    fit.
    """
    from .compiled import blocks

    u, (outputs, columns), channels, taps = weights
    m = OUTPUTS[taps]
    rows, across = (size + 2 * margin - taps + 1 for size, margin in zip(x.shape[2:], pad))
    if x.dim() != 4 or x.shape[1] != channels or x.dtype != u.dtype or min(rows, across) < 1:
        raise kernels.misfit(x)
    if channels > 1 and x.stride(1) != 1:
        x = x.contiguous(memory_format=torch.channels_last)
    y = x.new_empty((len(x), rows, across, outputs))
    padded = u.new_zeros(columns)
    if bias is not None:
        padded[:outputs] = bias
    count = -(-(-(-rows // m) * -(-across // m)) // blocks.ROWS)
    channel = (m + taps - 1) ** 2 * u.itemsize * blocks.ROWS  # bytes of ROWS tiles
    panel = 2 * blocks.half_panel(u.itemsize)
    group = blocks.ROWS * max(1, min(count, _CACHE // (channel * channels), 2 * _CACHE // (channel * panel)))
    pitch = blocks.pitch_of(channels, u.itemsize)
    numbers = (m + taps - 1) ** 2 * (group * (pitch + panel) + pitch) + m * m * panel
    (_, _, height, width), (picture, _, row, pixel) = x.shape, x.stride()
    source, target = (height, width, channels, row, pixel), (rows, across, outputs)
    factors, added = Block(u, (len(u),)), Block(padded, (columns,))
    for i in range(len(x)):
        _CONVOLVE.run(
            *(count, Block(x, ((height - 1) * row + (width - 1) * pixel + channels,), i * picture), source),
            *(factors, added, Block(y, (prod(target),), i * prod(target)), target, pad),
            *((None,) * taps, (None,) * m, group, pitch),
            scratch=(numbers, f"f{u.itemsize}"),
        )
    return y.permute(0, 3, 1, 2).contiguous(memory_format=kernels.format_of(y))
