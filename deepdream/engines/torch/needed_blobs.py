"""blobs="needed": only what the dream needs. The command line's mode."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch

from ...errors import UsageError
from .layers.base import Layer, Tensor
from .net import Net, memory_errors


class Step(NamedTuple):
    """One layer of a plan, and the blobs that nothing reads after its forward pass."""

    layer: Layer
    bottoms: Tuple[str, ...]
    tops: Tuple[str, ...]
    release: Tuple[str, ...]


class NeededBlobsNet(Net):
    """Runs only the layers that `end` depends on, and keeps of their blobs only what the way back reads.

    Only the input blob and that of `end` can be relied on. A layer that `end` does not depend on costs nothing and may
    not even fit the picture; its diff is zero, so the gradient is the one of a fresh net in Caffe.
    """

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._plans: Dict[str, List[Step]] = {}
        self._end: Optional[str] = None
        self._kept: Dict[str, Tensor] = {}

    @property
    def channels_last(self) -> bool:
        """The convolutions of PyTorch are fastest with the channels innermost.

        In float64 the order of summation would then depend on the processor, and with it the last bits.
        """
        return self.dtype == torch.float32

    def _laid_out(self, tensor: Tensor) -> Tensor:
        memory_format = torch.channels_last if self.channels_last else torch.contiguous_format
        return tensor.contiguous(memory_format=memory_format) if tensor.dim() == 4 else tensor

    @memory_errors()
    def forward(self, end: Optional[str] = None) -> Dict[str, Any]:
        """Runs the layers that `end` (the last) depends on, and returns {blob: data} of its tops."""
        end = end or self.topology.layers[-1].name
        shapes = self.topology.infer(self.topology.needed(end), {name: self.blobs[name].shape for name in self.inputs})
        live = {name: self._laid_out(self.blobs[name].tensor("data")) for name in self.inputs}
        for step in self._plan(end):
            live.update(zip(step.tops, step.layer.forward([live[name] for name in step.bottoms])))
            for name in step.release:
                del live[name]
        self._end, self._kept = end, live
        tops = self.topology.layers[self.topology.position(end)].tops
        for name in tops:
            self.blobs[name].reshape(*shapes[name])
            self.blobs[name].tensor("data").copy_(live[name])
        return {name: self.blobs[name].data for name in tops}

    @memory_errors()
    def backward(self, start: Optional[str] = None) -> Dict[str, Any]:
        """From the diff of `start`, the `end` of the last forward pass, to that of the input: {blob: diff}."""
        start = start or self.topology.layers[-1].name
        if start != self._end:
            raise UsageError(f"backward(start={start!r}) follows forward(end={self._end!r}): name the same layer twice")
        source = self.inputs[0]
        plan = self._plan(start)
        ends = self.topology.layers[self.topology.position(start)].tops
        diffs = {name: self._laid_out(self.blobs[name].tensor("diff")) for name in ends}
        for step in reversed(plan):
            top_diffs = [diffs.pop(name, None) for name in step.tops]
            # What the layer does not read on the way back is no longer there.
            bottoms: List[Any] = [self._kept.get(name) for name in step.bottoms]
            tops: List[Any] = [self._kept.get(name) for name in step.tops]
            diffs.update(zip(step.bottoms, step.layer.backward(top_diffs, bottoms, tops)))
        if source in diffs:
            self.blobs[source].tensor("diff").copy_(diffs[source])
        else:
            self.blobs[source].clear_diff()
        return {source: self.blobs[source].diff}

    def _plan(self, end: str) -> List[Step]:
        if end not in self._plans:
            self._plans[end] = self._make_plan(end)
        return self._plans[end]

    def _make_plan(self, end: str) -> List[Step]:
        specs = [spec for spec in self.topology.needed(end) if spec.type != "Input"]
        layers = [self.layers[self.topology.index[spec.name]] for spec in specs]
        kept = set(self.topology.layers[self.topology.position(end)].tops)
        for spec, layer in zip(specs, layers):
            kept.update(spec.bottoms if "bottoms" in layer.backward_reads else ())
            kept.update(spec.tops if "tops" in layer.backward_reads else ())
        last_use = {name: i for i, spec in enumerate(specs) for name in (*spec.bottoms, *spec.tops)}
        return [
            Step(layer, spec.bottoms, spec.tops, tuple(n for n, use in last_use.items() if use == i and n not in kept))
            for i, (spec, layer) in enumerate(zip(specs, layers))
        ]
