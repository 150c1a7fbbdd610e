"""blobs="all": behaves exactly like pycaffe. Runs every layer up to `end`, in order, and keeps every blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Sequence

import numpy as np

from ...errors import UsageError, shown
from ..diffs import CleanPasses
from .net import Blob, Net, memory_errors

if TYPE_CHECKING:
    from ...arrays import Array


class FullNet(CleanPasses, Net):
    """The Net for tests, for programs written for pycaffe, and for leftovers."""

    @memory_errors()
    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: np.ndarray,
    ) -> dict[str, Array]:
        """Runs the layers from `start` (default: the first) to `end` (default: the last), both included.

        Returns {blob: data} of the tops of `end` (default: the net's outputs) and of `blobs`. Raises ShapeError, before
        any layer runs, if a layer cannot work on the shapes of its bottoms.
        """
        first = self.topology.position(start) if start else 0
        last = self.topology.position(end) if end else len(self.layers) - 1
        wanted = self._named([*(self.topology.layers[last].tops if end else self.outputs), *(blobs or ())])
        self.begin_forward()
        for name, blob in self._named(inputs).items():
            blob.put("data", inputs[name], name)
        self._reshape(first, last)
        for index in range(first, last + 1):
            self.layer_forward(index)
        return {name: blob.data for name, blob in wanted.items()}

    def reshape(self) -> None:
        """Gives all blobs the shapes that follow from those of the inputs. Raises ShapeError."""
        self._reshape(0, len(self.layers) - 1)

    def _reshape(self, first: int, last: int) -> None:
        for name, shape in self.topology.infer(self.topology.layers[first : last + 1], self._shapes()).items():
            self.blobs[name].reshape(*shape)

    def layer_forward(self, index: int) -> None:
        """Runs the layer at this position on blobs that have their shapes."""
        spec = self.topology.layers[index]
        for blob, top in zip(self._tensors(spec.tops), self.layers[index].forward(self._tensors(spec.bottoms))):
            blob.copy_(top)

    def _named(self, names: Iterable[str]) -> dict[str, Blob]:
        unknown = next((name for name in names if name not in self.blobs), None)
        if unknown is not None:
            raise UsageError(f"there is no blob {shown(unknown)} in this net: net.blobs lists them")
        return {name: self.blobs[name] for name in names}

    @memory_errors()
    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **tops: np.ndarray,
    ) -> dict[str, Array]:
        """Runs the backward passes from `start` (default: the last) to `end` (default: the first), both included.

        The pass starts from the diffs in the tops of `start`, or from those given by blob name. CleanPasses describes
        what happens to other diffs. Parameter diffs accumulate as in Caffe (without leftovers, from zero). Returns
        {blob: diff} of the inputs, or of the bottoms of `end` if given, and of `diffs`.

        A pass that stopped at `end` can be continued from the layer before, or from `end` itself. In the latter case
        `end` runs twice, as in Caffe: its parameter diffs are added twice, and an in-place layer is applied twice.
        """
        self._named(diffs or ())
        given = self._named(tops)
        with self.backward_pass(start, end) as (last, first):
            for name, blob in given.items():
                blob.put("diff", tops[name], name)
            for index in range(last, first - 1, -1):
                self.layer_backward(index)
        wanted = self.topology.layers[first].bottoms if end else self.inputs
        return {name: blob.diff for name, blob in self._named([*wanted, *(diffs or ())]).items()}

    def tracked(self) -> dict[str, Blob]:
        return self.blobs

    def clear_param_diffs(self) -> None:
        """Sets the diffs of all parameters to zero."""
        for params in self.params.values():
            for param in params:
                param.clear_diff()

    def layer_backward(
        self, index: int, bottoms: Sequence[bool] | None = None, params: Sequence[bool] | None = None
    ) -> None:
        """Runs the layer at this position backward. bottoms, params: whose diffs to compute (default: all)."""
        spec, layer = self.topology.layers[index], self.layers[index]
        top_diffs = self._tensors(spec.tops, "diff")
        inputs, tops = self._tensors(spec.bottoms), self._tensors(spec.tops)
        if params is None or any(params):
            diffs = layer.param_diffs(top_diffs, inputs)
            for i, (param, diff) in enumerate(zip(self.params.get(spec.name, []), diffs)):
                if diff is not None and (params is None or params[i]):
                    param.tensor("diff").add_(diff)
        if bottoms is None or any(bottoms):
            diffs = layer.backward(top_diffs, inputs, tops)
            for i, (blob, diff) in enumerate(zip(self._tensors(spec.bottoms, "diff"), diffs)):
                if bottoms is None or bottoms[i]:
                    blob.copy_(diff)
