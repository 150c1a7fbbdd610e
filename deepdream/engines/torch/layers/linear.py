"""Layers that are matrix products: Convolution, Deconvolution, InnerProduct."""

from functools import partial
from math import prod
from typing import Callable, Collection, List, Optional, Sequence, Tuple

import torch

from ....caffe_format.geometry import canonical, convolution_geometry
from ....caffe_format.layer_spec import LayerSpec, Shape
from .. import winograd
from .base import Blobs, Diffs, Layer, Saved, Tensor


class Convolution(Layer):
    """y[o] = b[o] + sum over c, i, j of w[o, c, i, j] * x[c, s*h + d*i - p, s*w + d*j - p], in groups.

    This is Caffe's Convolution (conv_layer.cpp); s is the stride, d the dilation, p the zero padding. Several bottoms
    have a top each, with the same weights.
    """

    saved_bottoms = Saved.SHAPE
    transposed = False

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        param = spec.param.convolution_param
        g = self._geometry = convolution_geometry(param)
        self._arguments = (g.stride, g.pad, g.dilation, self.transposed, (0, 0), param.group)
        self._weights: Optional[winograd.Weights] = None  # if the layer may correlate with fewer multiplications
        self._by_phase = partial(_phases, stride=g.stride[0])

    def placed(self, dtype: torch.dtype, device: torch.device, direct: bool, changing: Callable[[], bool]) -> None:
        if not direct and winograd.available(device, dtype):
            self._weights = winograd.Weights(self.params[0], changing)

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        weight, bias = self.params[0], self.params[1] if len(self.params) > 1 else None
        if self._weights:
            self._weights.renew()
        if self._weights and self._is_correlation(winograd.EXACT):
            return [self._weights.correlate(bottom, _as_it_is, bias, self._geometry.pad) for bottom in bottoms]
        return [torch.convolution(bottom, weight, bias, *self._arguments) for bottom in bottoms]

    def _backward(self, top_diff: Tensor, bottom: Tensor, wanted: List[bool]) -> Sequence[Tensor]:
        """Computes those diffs of bottom, weight and bias that are wanted."""
        biases = [self.params[1].numel()] if wanted[2] else None
        return torch.ops.aten.convolution_backward(top_diff, bottom, self.params[0], biases, *self._arguments, wanted)

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [
            torch.zeros_like(bottom) if diff is None else self._bottom_diff(diff, bottom)
            for diff, bottom in zip(top_diffs, bottoms)
        ]

    def _bottom_diff(self, diff: Tensor, bottom: Tensor) -> Tensor:
        if self._has_phases():
            return self._phase_by_phase(diff, bottom)
        if self._weights and self._is_correlation(winograd.OUTPUTS):
            top, left = (self._geometry.kernel[0] - 1 - pad for pad in self._geometry.pad)
            return self._weights.correlate(diff, _turned, None, (top, left))
        if self._is_product() and diff.is_contiguous(memory_format=torch.channels_last):
            # PyTorch's convolution takes a tenth longer for this, and three times as long with few channels.
            rows = diff.permute(0, 2, 3, 1)
            return (rows @ self.params[0].flatten(1)).permute(0, 3, 1, 2)
        if self._is_depthwise():
            # The same as a forward convolution, which takes PyTorch two thirds of the time.
            g, flipped = self._geometry, self.params[0].flip(2, 3)
            pad = [size - 1 - pad for size, pad in zip(g.kernel, g.pad)]
            return torch.conv2d(diff, flipped, padding=pad, groups=len(flipped))
        return self._backward(diff, bottom, [True, False, False])[0]

    def _is_correlation(self, sizes: Collection[int]) -> bool:
        """Whether this is a convolution of stride 1 with a square kernel of one of these sizes."""
        (height, width), plain = self._geometry.kernel, self._arguments[2:] == ((1, 1), False, (0, 0), 1)
        gains = height > 1 or self.params[0].dtype == torch.float32  # in float64, less than the blobs' layouts cost
        return plain and self._geometry.stride == (1, 1) and height == width and height in sizes and gains

    def _is_product(self) -> bool:
        """Whether this is a 1x1 convolution: a matrix multiplied by the channels of each pixel."""
        g, plain = self._geometry, self._arguments[3:] == (False, (0, 0), 1)
        return plain and g.kernel == g.stride == (1, 1) and g.pad == (0, 0) and self._is_float32_on_cpu()

    def _is_depthwise(self) -> bool:
        """Whether this is a depthwise convolution of stride 1 with less padding than the kernel size."""
        g, plain = self._geometry, self._arguments[2:] == ((1, 1), False, (0, 0), len(self.params[0]))
        narrow = all(pad < size for size, pad in zip(g.kernel, g.pad))
        return plain and g.stride == (1, 1) and narrow and self.params[0].shape[1] == 1 and self._is_float32_on_cpu()

    def _has_phases(self) -> bool:
        """Whether there are few channels and a stride, as in a net's first layer, where PyTorch's backward is slow."""
        _, channels, height, width = self.params[0].shape
        (stride, other), plain = self._geometry.stride, self._arguments[2:] == ((1, 1), False, (0, 0), 1)
        suitable = plain and height == width and stride == other > 1 and channels <= 4
        few = self._weights is not None and -(-height // stride) in winograd.OUTPUTS
        return suitable and (few or self._is_float32_on_cpu())

    def _is_float32_on_cpu(self) -> bool:
        return self.params[0].device.type == "cpu" and self.params[0].dtype == torch.float32

    def _phase_by_phase(self, top_diff: Tensor, bottom: Tensor) -> Tensor:
        """Computes the diff of the bottom as a convolution with one output channel per phase.

        A pixel's phase is the remainder of its position divided by the stride. Which weights reach a pixel depends on
        its phase only, so all phases together are one convolution of stride 1, whose channels are then distributed to
        the pixels (sub-pixel convolution, Shi et al. 2016).
        """
        stride, (top, left) = self._geometry.stride[0], self._geometry.pad
        taps = -(-self._geometry.kernel[0] // stride)
        if self._weights and taps in winograd.OUTPUTS:
            by_phase = self._weights.correlate(top_diff, self._by_phase, None, (taps - 1, taps - 1))
        else:
            by_phase = torch.conv2d(top_diff, self._by_phase(self.params[0]), padding=taps - 1)
        padded = torch.pixel_shuffle(by_phase, stride)
        (height, width), (has_height, has_width) = bottom.shape[2:], padded.shape[2:]
        # Negative margins cut off the padding; positive ones add pixels that no window reaches.
        margins = (-left, left + width - has_width, -top, top + height - has_height)
        return torch.nn.functional.pad(padded, margins)

    def memory(self, bottom: Shape, top: Shape, dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        if dtype == torch.float32 or device.type != "cpu" or prod(self._geometry.kernel) == 1:
            return 0, 0
        if self._weights and self._is_correlation(winograd.EXACT):
            return 0, (prod(bottom) + prod(top)) * dtype.itemsize  # with the channels innermost
        # PyTorch has no direct convolution for this case and multiplies by a column buffer of all windows.
        inner, outer = (top, bottom) if self.transposed else (bottom, top)
        return 0, prod(self._geometry.kernel) * prod(inner[:2]) * prod(outer[2:]) * dtype.itemsize

    def bytes_made_of_params(self) -> int:
        if not self._weights:
            return 0
        outputs, channels, size, _ = self.params[0].shape
        stride, sizes = self._geometry.stride[0], []
        taps = -(-size // stride)
        if self._is_correlation(winograd.EXACT):
            sizes.append((outputs, channels, size))
        if self._has_phases():
            sizes += [(channels * stride**2, outputs, taps)] if taps in winograd.OUTPUTS else []
        elif self._is_correlation(winograd.OUTPUTS):
            sizes.append((channels, outputs, size))
        return sum(winograd.bytes_of(*one, self.params[0].element_size()) for one in sizes)

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        has_bias = len(self.params) > 1
        pairs = zip(top_diffs, bottoms)
        one, *others = (self._backward(*pair, [False, True, has_bias])[1 : 2 + has_bias] for pair in pairs)
        return [sum(diffs, total) for total, *diffs in zip(one, *others)]


def _as_it_is(weight: Tensor) -> Tensor:
    return weight


def _turned(weight: Tensor) -> Tensor:
    """The weights of the correlation that gives the diff of the bottom for that of the top."""
    return weight.flip(2, 3).transpose(0, 1)


def _phases(weight: Tensor, stride: int) -> Tensor:
    """Rearranges weights (o, c, k, k) for _phase_by_phase: (c * stride * stride, o, taps, taps)."""
    outputs, channels, size, _ = weight.shape
    taps = -(-size // stride)
    phases = weight.new_zeros(channels, stride, stride, outputs, taps, taps)
    for i in range(stride):
        for j in range(stride):
            part = weight[:, :, i::stride, j::stride].flip(2, 3).transpose(0, 1)
            phases[:, i, j, :, taps - part.shape[2] :, taps - part.shape[3] :] = part
    return phases.flatten(0, 2).contiguous(memory_format=torch.channels_last)


class Deconvolution(Convolution):
    """The transpose of a Convolution, whose backward pass is the forward pass here (deconv_layer.cpp)."""

    transposed = True


class InnerProduct(Layer):
    """y = w x + b, where x has all axes from `axis` on (inner_product_layer.cpp); w may be stored transposed."""

    saved_bottoms = Saved.SHAPE

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        self.param = spec.param.inner_product_param

    def _rows(self, bottom: Tensor) -> Tensor:
        return bottom.flatten(canonical(self.param.axis, bottom.dim()))

    def _weight(self) -> Tensor:
        return self.params[0].t() if self.param.transpose else self.params[0]

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        bias = self.params[1] if len(self.params) > 1 else None
        return [torch.nn.functional.linear(self._rows(bottoms[0]), self._weight(), bias)]

    def backward(self, top_diffs: Diffs, bottoms: Blobs, tops: Blobs) -> List[Tensor]:
        return [(top_diffs[0] @ self._weight()).reshape(bottoms[0].shape)]

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        rows = self._rows(bottoms[0])
        rows, diff = rows.reshape(-1, rows.shape[-1]), top_diffs[0].reshape(-1, top_diffs[0].shape[-1])
        weight = rows.t() @ diff if self.param.transpose else diff.t() @ rows
        return [weight, diff.sum(0)][: len(self.params)]
