"""The layers that are matrix products: Convolution, Deconvolution, InnerProduct."""

from typing import Any, List, Optional, Sequence

import torch

from ....caffe_format.shapes import canonical, convolution_geometry
from ....caffe_format.topology import LayerSpec
from .base import Diffs, Layer, Tensor


class Convolution(Layer):
    """y[o] = b[o] + sum over c, i, j of w[o, c, i, j] * x[c, s*h + d*i - p, s*w + d*j - p], in groups.

    Caffe's Convolution (conv_layer.cpp); s is the stride, d the dilation, p the padding with zeros.
    """

    backward_reads = ("bottoms",)
    transposed = False

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        super().__init__(spec, params)
        param = spec.param.convolution_param
        g = convolution_geometry(param)
        self._arguments = (g.stride, g.pad, g.dilation, self.transposed, (0, 0), param.group)

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        weight, bias = self.params[0], self.params[1] if len(self.params) > 1 else None
        return [torch.convolution(bottoms[0], weight, bias, *self._arguments)]

    def _backward(self, top_diff: Tensor, bottom: Tensor, wanted: List[bool]) -> Any:
        """The diffs of the bottom, the weight and the bias, each where it is wanted."""
        biases = [self.params[1].numel()] if wanted[2] else None
        return torch.ops.aten.convolution_backward(top_diff, bottom, self.params[0], biases, *self._arguments, wanted)

    def backward(self, top_diffs: Diffs, bottoms: Sequence[Tensor], tops: Sequence[Tensor]) -> List[Tensor]:
        return [self._backward(top_diffs[0], bottoms[0], [True, False, False])[0]]

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        has_bias = len(self.params) > 1
        return list(self._backward(top_diffs[0], bottoms[0], [False, True, has_bias])[1 : 2 + has_bias])


class Deconvolution(Convolution):
    """The transpose of a Convolution: its forward pass is the other's backward pass (deconv_layer.cpp)."""

    transposed = True


class InnerProduct(Layer):
    """y = w x + b, x being all axes from `axis` on (inner_product_layer.cpp); w is stored transposed on request."""

    backward_reads = ("bottoms",)

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

    def backward(self, top_diffs: Diffs, bottoms: Sequence[Tensor], tops: Sequence[Tensor]) -> List[Tensor]:
        return [(top_diffs[0] @ self._weight()).reshape(bottoms[0].shape)]

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        rows = self._rows(bottoms[0])
        rows, diff = rows.reshape(-1, rows.shape[-1]), top_diffs[0].reshape(-1, top_diffs[0].shape[-1])
        weight = rows.t() @ diff if self.param.transpose else diff.t() @ rows
        return [weight, diff.sum(0)][: len(self.params)]
