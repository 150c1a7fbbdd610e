"""blobs="needed": runs only the layers that a dream needs, within a memory limit. The command line uses this mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Sequence

import torch

from ...caffe_format.layer_spec import Shape
from ...compat import prod
from ...errors import DreamError, UsageError
from . import allocator
from .layers.base import Tensor
from .net import Net, memory_errors
from .plan import make_plan
from .segment import Tape
from .tiled_segment import TiledSegment, memory_format
from .tiling import Tiling, TilingSearch

if TYPE_CHECKING:
    from ...arrays import Array
    from ...caffe_format.topology import Topology
    from ...caffe_format.weights import Weights


class _Run(NamedTuple):
    """What one segment keeps from the last forward pass: its source blobs, and the tapes for the backward pass."""

    segment: TiledSegment
    sources: dict[str, Tensor]
    tapes: list[Tape]


class PrunedNet(Net):
    """Runs only the layers that `end` depends on, and keeps only those blobs that the backward pass reads.

    Only the input blob and the blob of `end` hold valid data. A layer that `end` does not depend on costs nothing, and
    need not even fit the picture. Its diff counts as zero, so the gradient equals that of a fresh net in Caffe.

    `memory` is the number of bytes that a pass may use in addition to the input blob; None means no limit. A pass that
    needs more runs in tiles, with the same result up to rounding. The input's data must not change before the backward
    pass is done.

    With bfloat16, the input blob and the blob of `end` are float32 and everything between them is bfloat16. A step too
    small for eight bits therefore still changes the picture.
    """

    memory: int | None = None
    lazy = True
    direct = False

    def __init__(
        self, topology: Topology, weights: Weights, mean: Sequence[float], device: torch.device, precision: str
    ):
        super().__init__(topology, weights, mean, device, precision)
        self._searches: dict[tuple[str, tuple[Shape, ...]], TilingSearch] = {}  # by end and shapes of the inputs
        self._end: str | None = None
        self._runs: list[_Run] = []

    @property
    def channels_last(self) -> bool:
        return memory_format(self.dtype) == torch.channels_last

    def tiling(self, end: str, input_shape: Shape) -> Tiling:
        """How a pass to `end` runs. Raises DreamError if `memory` is too small for even the smallest tiles."""
        search = self._search(end, input_shape)
        tiling = search.within(self.memory)
        if tiling is None:
            raise DreamError(
                f"{self.memory} bytes are too few for a pass to {end}: it needs at least {search.min_bytes()}"
            )
        return tiling

    def bytes_needed(self, end: str, input_shape: Shape) -> int:
        """The largest number of bytes that a pass to `end` uses within `memory`, not counting the input blob."""
        return self.tiling(end, input_shape).max_bytes

    def min_memory(self, end: str, input_shape: Shape) -> int:
        """The smallest `memory` that is enough for a pass to `end`."""
        return self._search(end, input_shape).min_bytes()

    def bytes_of_weights(self, ends: Sequence[str]) -> int:
        """The bytes of the parameters that passes to these layers use, and of what the layers make of them.

        The other parameters stay in the file.
        """
        names = {spec.name for end in ends for spec in self.topology.needed(end)}
        numbers = sum(prod(shape) for name in names for shape in self.topology.param_shapes[name])
        made = sum(self.layers[self.topology.position(name)].bytes_made_of_params() for name in names)
        return numbers * torch.empty(0, dtype=self.dtype).element_size() + made

    def _search(self, end: str, input_shape: Shape) -> TilingSearch:
        shapes = {**{name: self.blobs[name].shape for name in self.inputs}, self.inputs[0]: input_shape}
        key = (end, tuple(shapes.values()))
        if key not in self._searches:
            shapes = self.topology.infer(self.topology.needed(end), shapes)
            plan = make_plan(self.topology, self.layers, end)
            self._searches[key] = TilingSearch(plan, shapes, self.inputs, self.dtype, self.device)
        return self._searches[key]

    @memory_errors()
    def forward(self, end: str | None = None) -> dict[str, Array]:
        """Runs the layers that `end` (the last) depends on, and returns {blob: data} of its tops."""
        end = end or self.topology.layers[-1].name
        tiling = self.tiling(end, self.blobs[self.inputs[0]].shape)
        allocator.keep(tiling.max_bytes, self.memory is not None)
        self._end, self._runs = None, []  # frees the memory of the last pass
        live = dict(zip(self.inputs, self._computed(self.inputs, "data")))
        for segment in tiling.segments:
            tops, tapes = segment.forward(live)
            self._runs.append(_Run(segment, live, tapes))
            live = tops
        self._end = end
        for name, top in live.items():
            self.blobs[name].reshape(*top.shape)
            self.blobs[name].tensor("data").copy_(top)
        return {name: self.blobs[name].data for name in live}

    @memory_errors()
    def backward(self, start: str | None = None) -> dict[str, Array]:
        """Computes {input blob: diff} from the diff of `start`, which must be the `end` of the last forward pass."""
        start = start or self.topology.layers[-1].name
        if start != self._end:
            raise UsageError(
                f"backward(start={start!r}) follows forward(end={self._end!r}): use the same layer for both"
            )
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

    def _computed(self, names: Sequence[str], which: str) -> list[Tensor]:
        """The blobs' data or diffs in the engine's precision: copies for bfloat16, else the blobs themselves."""
        return [tensor.to(self.dtype) for tensor in self._tensors(names, which)]
