"""A segment of a plan, from one blob to another: its forward pass, its backward pass and their memory."""

from collections import defaultdict
from copy import copy
from math import prod
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import torch

from ...caffe_format.layer_spec import Shape
from .layers.base import Layer, Saved, Tensor
from .plan import Step


class Tape(NamedTuple):
    """What a backward pass needs from its forward pass: the layers with their own state, and the blobs that are read.

    A blob of which only the shape is read is a meta tensor, which has no memory. A blob of which only the signs are
    read, or which numbers lie in a layer's range, is a bool tensor.
    """

    layers: List[Layer]
    blobs: Dict[str, Tensor]
    tops: Dict[str, Shape]


class Segment:
    """Consecutive steps of a plan. Memory is freed as soon as nothing will read it.

    The tops of a Split share the memory of its bottom. Below, memory is named after that bottom.
    """

    def __init__(self, steps: Sequence[Step], tops: Sequence[str]):
        self.steps, self.tops = list(steps), tuple(tops)
        self._memory: Dict[str, str] = {}
        for step in steps:
            if step.layer.spec.type == "Split":
                self._memory.update(dict.fromkeys(step.tops, self._memory_of(step.bottoms)[0]))
        made: Set[str] = set()
        self._overwritten: Set[str] = set()  # sources that a layer in place writes to
        for step in steps:
            if step.bottoms == step.tops:
                self._overwritten.update(set(self._memory_of(step.bottoms)) - made)
            made.update(set(self._memory_of(step.tops)) - set(self._memory_of(step.bottoms)))
        self._reads: Dict[str, Saved] = defaultdict(lambda: Saved.NOTHING)
        last: Dict[str, int] = {}  # memory: the last step that uses it in the forward pass
        first: Dict[str, int] = {}  # and in the backward pass, which is the first in the plan's order
        self._ranges: Dict[str, Layer] = {}  # memory: the layer that reads its range
        for i, step in enumerate(steps):
            last.update(dict.fromkeys(self._memory_of(step.bottoms + step.tops), i))
            for names, reads in ((step.bottoms, step.layer.saved_bottoms), (step.tops, step.layer.saved_tops)):
                for name in self._memory_of(names) if reads else ():
                    self._reads[name] = _both(self._reads[name], reads)
                    if reads == Saved.RANGE:
                        self._ranges[name] = step.layer
                    first.setdefault(name, i)
        for name in self._memory_of(self.tops):
            last.pop(name, None)
        self._done_forward, self._done_backward = _by_step(last), _by_step(first)

    def _memory_of(self, blobs: Sequence[str]) -> Tuple[str, ...]:
        """The names of the memory that holds these blobs."""
        return tuple(self._memory.get(name, name) for name in blobs)

    def forward(self, sources: Mapping[str, Tensor], keep: bool) -> Tuple[Dict[str, Tensor], Optional[Tape]]:
        """The tops for the given sources and, if `keep` is set, the tape for `backward`."""
        live, tape = dict(sources), Tape([], {}, {})
        live.update((name, live[name].clone()) for name in self._overwritten)  # the backward pass may need them again
        for i, step in enumerate(self.steps):
            layer = copy(step.layer)  # its state belongs to this pass
            live.update(
                zip(self._memory_of(step.tops), layer.forward([live[name] for name in self._memory_of(step.bottoms)]))
            )
            if keep:
                tape.layers.append(layer)
            for name in self._done_forward[i]:
                if keep and self._reads[name]:
                    tape.blobs[name] = self._saved(name, live[name])
                del live[name]
        for name in self._memory_of(self.tops):
            if keep and self._reads[name]:
                tape.blobs[name] = self._saved(name, live[name])
        tops = {name: live[self._memory_of([name])[0]] for name in self.tops}
        tape.tops.update((name, tuple(top.shape)) for name, top in tops.items())
        return tops, tape if keep else None

    def _saved(self, name: str, blob: Tensor) -> Tensor:
        reads = self._reads[name]
        if reads == Saved.SHAPE:
            return torch.empty_like(blob, device="meta")
        if reads == Saved.RANGE:
            return self._ranges[name].in_range(blob)
        return blob > 0 if reads == Saved.SIGNS else blob

    def backward(self, tape: Tape, top_diffs: Mapping[str, Tensor]) -> Dict[str, Tensor]:
        """The diffs of the sources, by blob, for those of the tops. This consumes the tape."""
        diffs = dict(top_diffs)
        for i in reversed(range(len(self.steps))):
            step, layer = self.steps[i], tape.layers.pop()
            given = [diffs.pop(name, None) for name in step.tops]
            like = next(diff for diff in given if diff is not None)
            bottoms, tops = (
                [_restored(tape.blobs[name], reads, like) if reads else None for name in self._memory_of(names)]
                for names, reads in ((step.bottoms, layer.saved_bottoms), (step.tops, layer.saved_tops))
            )
            diffs.update(zip(step.bottoms, layer.backward(given, bottoms, tops)))
            for name in self._done_backward[i]:
                del tape.blobs[name]
        return diffs

    def memory(self, shapes: Mapping[str, Shape], dtype: torch.dtype, device: torch.device) -> Tuple[int, int]:
        """(peak bytes of a forward and backward pass, bytes of its tape) for blobs of these shapes.

        It mirrors forward and backward above. The sources are included.
        """
        size = dtype.itemsize
        per_number = {Saved.NOTHING: 0, Saved.SHAPE: 0, Saved.SIGNS: 1, Saved.RANGE: 1, Saved.VALUES: size}

        def total(blobs: Iterable[str]) -> int:
            return sum(size * prod(shapes[name]) for name in blobs)

        def kept(memory: Iterable[str]) -> int:
            return sum(per_number[self._reads[name]] * prod(shapes[name]) for name in memory)

        layers = [
            step.layer.memory(shapes[(step.bottoms or step.tops)[0]], shapes[step.tops[0]], dtype, device)
            for step in self.steps
        ]
        written = {name for step in self.steps for name in step.tops if name not in step.bottoms}
        held = peak = total({name for step in self.steps for name in step.bottoms} - written) + total(self._overwritten)
        for i, (step, (state, passing)) in enumerate(zip(self.steps, layers)):
            held += state + total(set(self._memory_of(step.tops)) - set(self._memory_of(step.bottoms)))
            peak = max(peak, held + passing)
            held += kept(self._done_forward[i]) - total(self._done_forward[i])
        tape = kept(self._reads) + sum(state for state, _ in layers)
        held = tape + total(self.tops)
        for i in reversed(range(len(self.steps))):
            step, (state, passing) = self.steps[i], layers[i]
            held += total(step.bottoms)
            peak = max(peak, held + passing)
            held -= total(step.tops) + state + kept(self._done_backward[i])
        return peak, tape


def _by_step(steps: Mapping[str, int]) -> Dict[int, List[str]]:
    names: Dict[int, List[str]] = defaultdict(list)
    for name, i in steps.items():
        names[i].append(name)
    return names


def _both(one: Saved, other: Saved) -> Saved:
    """What to save if two layers read the same memory. A range tells neither the signs nor another layer's range."""
    return Saved.VALUES if Saved.RANGE in (one, other) and min(one, other) >= Saved.SIGNS else max(one, other)


def _restored(kept: Tensor, reads: Saved, diff: Tensor) -> Tensor:
    """The blob as the layer receives it: uninitialised memory if only its shape is read."""
    if reads != Saved.SHAPE:
        return kept
    # empty_like of a meta tensor would import sympy, which takes half a second.
    return torch.empty_strided(kept.shape, kept.stride(), dtype=diff.dtype, device=diff.device)
