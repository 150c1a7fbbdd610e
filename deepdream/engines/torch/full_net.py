"""blobs="all": behaves exactly like pycaffe. Runs every layer up to `end`, in order, and keeps every blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import numpy as np
import torch

from ..diffs import CleanPasses
from .layers.base import Tensor
from .net import Blob, Net, memory_errors

if TYPE_CHECKING:
    from ...arrays import Array


class FullNet(CleanPasses, Net):
    """The Net for tests, for programs written for pycaffe, and for leftovers."""

    @memory_errors()
    def forward(
        self, blobs: Sequence[str] = (), start: str | None = None, end: str | None = None, **inputs: np.ndarray
    ) -> dict[str, Array]:
        """Runs the layers from `start` (default: the first) to `end` (default: the last), both included.

        Returns {blob: data} of the tops of `end` (default: the net's outputs) and of `blobs`. Raises ShapeError, before
        any layer runs, if a layer cannot work on the shapes of its bottoms.
        """
        first = self.topology.position(start) if start else 0
        last = self.topology.position(end) if end else len(self.layers) - 1
        self.begin_forward()
        for name, value in inputs.items():
            self.blobs[name].tensor("data").copy_(torch.as_tensor(value))
        specs = self.topology.layers[first : last + 1]
        for name, shape in self.topology.infer(specs, self._shapes()).items():
            self.blobs[name].reshape(*shape)
        for spec, layer in zip(specs, self.layers[first : last + 1]):
            tops = layer.forward(self._tensors(spec.bottoms))
            for blob, top in zip(self._tensors(spec.tops), tops):
                blob.copy_(top)
        wanted = self.topology.layers[last].tops if end else self.outputs
        return {name: self.blobs[name].data for name in (*wanted, *blobs)}

    @memory_errors()
    def backward(
        self, diffs: Sequence[str] = (), start: str | None = None, end: str | None = None, **tops: np.ndarray
    ) -> dict[str, Array]:
        """Runs the backward passes from `start` (default: the last) to `end` (default: the first), both included.

        The pass starts from the diffs in the tops of `start`, or from those given by blob name. CleanPasses describes
        what happens to other diffs. Parameter diffs accumulate as in Caffe (without leftovers, from zero). Returns
        {blob: diff} of the inputs, or of the bottoms of `end` if given, and of `diffs`.

        A pass that stopped at `end` can be continued from the layer before, or from `end` itself. In the latter case
        `end` runs twice, as in Caffe: its parameter diffs are added twice, and an in-place layer is applied twice.
        """
        with self.backward_pass(start, end) as (last, first):
            for name, value in tops.items():
                self.blobs[name].tensor("diff").copy_(torch.as_tensor(value))
            for index in range(last, first - 1, -1):
                self._layer_backward(index)
        wanted = self.topology.layers[first].bottoms if end else self.inputs
        return {name: self.blobs[name].diff for name in (*wanted, *diffs)}

    def tracked(self) -> dict[str, Blob]:
        return self.blobs

    def clear_param_diffs(self) -> None:
        """Sets the diffs of all parameters to zero."""
        for params in self.params.values():
            for param in params:
                param.clear_diff()

    def _layer_backward(self, index: int) -> None:
        spec, layer = self.topology.layers[index], self.layers[index]
        top_diffs = self._tensors(spec.tops, "diff")
        bottoms, tops = self._tensors(spec.bottoms), self._tensors(spec.tops)
        for param, diff in zip(self.params.get(spec.name, []), layer.param_diffs(top_diffs, bottoms)):
            if diff is not None:
                param.tensor("diff").add_(diff)
        _assign(self._tensors(spec.bottoms, "diff"), layer.backward(top_diffs, bottoms, tops))


def _assign(blobs: Sequence[Tensor], diffs: Sequence[Tensor]) -> None:
    for blob, diff in zip(blobs, diffs):
        blob.copy_(diff)
