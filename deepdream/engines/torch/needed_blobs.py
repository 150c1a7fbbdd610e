"""blobs="needed": only what the dream needs, in as much memory as it may take. The command line's mode."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch

from ...caffe_format.shapes import Shape
from ...errors import DreamError, UsageError
from . import allocator
from .layers.base import Tensor
from .layout import Layout, Layouts
from .net import Net, memory_errors
from .plan import make_plan
from .segment import Segment, memory_format
from .stretch import Tape


class _Run(NamedTuple):
    """What one segment has left of the last forward pass: the blobs it started from, and the tapes that it kept."""

    segment: Segment
    sources: Dict[str, Tensor]
    tapes: List[Tape]


class NeededBlobsNet(Net):
    """Runs only the layers that `end` depends on, and keeps of their blobs only what the way back reads.

    Only the input blob and that of `end` can be relied on. A layer that `end` does not depend on costs nothing and may
    not even fit the picture; its diff is zero, so the gradient is the one of a fresh net in Caffe.

    `memory` is how many bytes a pass may take besides the input blob, None being no limit. Beyond it the pass runs in
    tiles, with the same result to rounding. The input's data have to stay as they are until the way back is done.

    In bfloat16 all in between is; the input blob and that of `end` are float32, so that a step too small for eight bits
    still changes the picture.
    """

    memory: Optional[int] = None
    lazy = True

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._layouts: Dict[Tuple[Any, ...], Layouts] = {}
        self._end: Optional[str] = None
        self._runs: List[_Run] = []

    @property
    def channels_last(self) -> bool:
        return memory_format(self.dtype) == torch.channels_last

    def layout(self, end: str, input_shape: Shape) -> Layout:
        """How a pass to `end` runs; raises DreamError where `memory` is too little for even the smallest tiles."""
        layouts = self._layouts_of(end, input_shape)
        layout = layouts.within(self.memory)
        if layout is None:
            raise DreamError(f"a pass to {end} cannot do with {self.memory} bytes: it takes {layouts.least()} or more")
        return layout

    def bytes_needed(self, end: str, input_shape: Shape) -> int:
        """What a pass to `end` takes at most, within `memory`, beside the input blob."""
        return self.layout(end, input_shape).most_bytes

    def least_memory(self, end: str, input_shape: Shape) -> int:
        """The least `memory` that a pass to `end` can do with."""
        return self._layouts_of(end, input_shape).least()

    def _layouts_of(self, end: str, input_shape: Shape) -> Layouts:
        shapes = {**{name: self.blobs[name].shape for name in self.inputs}, self.inputs[0]: input_shape}
        key = (end, *shapes.values())
        if key not in self._layouts:
            shapes = self.topology.infer(self.topology.needed(end), shapes)
            plan = make_plan(self.topology, self.layers, end)
            self._layouts[key] = Layouts(plan, shapes, self.inputs, self.dtype, self.device)
        return self._layouts[key]

    @memory_errors()
    def forward(self, end: Optional[str] = None) -> Dict[str, Any]:
        """Runs the layers that `end` (the last) depends on, and returns {blob: data} of its tops."""
        end = end or self.topology.layers[-1].name
        layout = self.layout(end, self.blobs[self.inputs[0]].shape)
        allocator.keep(layout.most_bytes)
        self._end, self._runs = None, []  # gives the last pass's memory back
        live = dict(zip(self.inputs, self._computed(self.inputs, "data")))
        for segment in layout.segments:
            tops, tapes = segment.forward(live)
            self._runs.append(_Run(segment, live, tapes))
            live = tops
        self._end = end
        for name, top in live.items():
            self.blobs[name].reshape(*top.shape)
            self.blobs[name].tensor("data").copy_(top)
        return {name: self.blobs[name].data for name in live}

    @memory_errors()
    def backward(self, start: Optional[str] = None) -> Dict[str, Any]:
        """From the diff of `start`, the `end` of the last forward pass, to that of the input: {blob: diff}."""
        start = start or self.topology.layers[-1].name
        if start != self._end:
            raise UsageError(f"backward(start={start!r}) follows forward(end={self._end!r}): name the same layer twice")
        names, source = self.topology.layers[self.topology.position(start)].tops, self.inputs[0]
        diffs = dict(zip(names, self._computed(names, "diff")))
        into = self.blobs[source].tensor("diff")
        for i, (segment, sources, tapes) in reversed(list(enumerate(self._runs))):
            diffs = segment.backward(sources, tapes, diffs, into if i == 0 else None)
        if source not in diffs:
            into.zero_()
        elif diffs[source] is not into:
            into.copy_(diffs[source])
        return {source: self.blobs[source].diff}

    def _computed(self, names: Sequence[str], which: str) -> List[Tensor]:
        """The blobs' data or diffs as they are computed with: in bfloat16 copies, else the blobs themselves."""
        return [tensor.to(self.dtype) for tensor in self._tensors(names, which)]
