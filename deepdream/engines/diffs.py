"""Clears old diffs before a backward pass, except those that the program has set on purpose."""

from __future__ import annotations

from contextlib import contextmanager
from typing import AbstractSet, Callable, Iterator, Mapping, Sequence

from .. import arrays
from ..caffe_format.topology import Topology


class TrackedDiff:
    """Distinguishes, in a blob's diff, what a backward pass has left there from what the program has set.

    pycaffe hands out a diff as an array, which the program may keep and write to at any time. Once the program has the
    array, each pass therefore saves a copy of the diff, which is compared with the diff before the next pass. A diff
    that the program has never asked for costs nothing.
    """

    _is_out = False  # whether the program has been given the array
    _state = "untouched"  # "made": written by a pass; "used": read by a pass, so still as the program set it
    _copy: arrays.Array | None = None  # of the diff after that pass

    def _diff(self) -> arrays.Array:
        """Returns the diff as an array or a tensor."""
        raise NotImplementedError

    def hand_out(self) -> None:
        """Must be called before the program is given the diff."""
        if self._state != "untouched" and (self._copy is None or self._copy.shape != self._diff().shape):
            self._copy = arrays.copied(self._diff())
        self._is_out = True

    def leave(self, made: bool) -> None:
        """Must be called after a pass has worked on the diff. made: whether the pass has written to it."""
        self._state = "made" if made else "used"
        self._copy = arrays.copied(self._diff()) if self._is_out else None

    def clear(self, used: bool) -> None:
        """Sets the diff to zero if a pass has written it, unless the program has changed it since.

        used: whether to do so also if a pass has only read it, so that no later pass uses it again.
        """
        if self.is_left(used):
            self.clear_all()

    def is_left(self, used: bool) -> bool:
        """Whether the diff is what a pass has left there, or, with `used`, what the program set for a pass before."""
        return (self._state == "made" or (self._state == "used" and used)) and not self._has_changed()

    def clear_all(self) -> None:
        """Sets the diff to zero in any case."""
        self._diff()[...] = 0
        self.leave(made=True)

    def _has_changed(self) -> bool:
        now, before = self._diff(), self._copy
        if before is None or before.shape != now.shape:
            return False  # the program was not given the diff, or not in this shape
        same = (now == before) | ((now != now) & (before != before))  # a NaN that is still NaN is unchanged
        return not bool(same.all())


class CleanPasses:
    """Base of both engines' nets: backward passes begin with clean diffs and can be run in parts.

    Caffe never clears a diff. A layer between `start` and the input that `start` does not depend on therefore works on
    diffs that an earlier pass, perhaps of another dream, has left in its tops. With `leftovers` the same happens here.
    Otherwise diffs that earlier passes have left are set to zero before the next pass, with these exceptions:
    - The diffs of the blobs where the pass starts are kept.
    - Diffs that the program has set since the last pass are kept. Those that it set earlier are kept as long as passes
      start at the same layer. Neither holds for the inputs, whose diffs are results that no layer reads.
    - All diffs are kept if a pass continues the last one, from its `end` or from the layer before, without a forward
      pass in between.
    """

    topology: Topology
    inputs: list[str]
    outputs: list[str]
    clear_param_diffs: Callable[[], None]  # as in pycaffe: sets the diffs of all parameters to zero
    leftovers = False
    _began: int | None = None  # where the last pass began, or the pass that it continued
    _ended: int | None = None  # where it ended, if another pass can continue it

    def tracked(self) -> Mapping[str, TrackedDiff]:
        """Returns the blobs by name, each a TrackedDiff."""
        raise NotImplementedError

    def begin_forward(self) -> None:
        """Must be called by each forward pass."""
        self._ended = None

    @contextmanager
    def backward_pass(self, start: str | None, end: str | None) -> Iterator[tuple[int, int]]:
        """Clears old diffs and records what the pass leaves. Yields the positions of `start` and `end`."""
        last = self.topology.position(start) if start else len(self.topology.layers) - 1
        first = self.topology.position(end) if end else 0
        leftovers = set()  # diffs of earlier passes, which this pass reads as they are
        if self._ended is None or last not in (self._ended, self._ended - 1):
            is_another = last != self._began
            if self.leftovers:
                leftovers = {name for name, blob in self.tracked().items() if blob.is_left(is_another)}
            else:
                self._clear(self.topology.layers[last].tops if start else self.outputs, is_another)
            self._began = last
        self._ended = None
        try:
            yield last, first
        finally:
            self._note(last, first, leftovers)
        self._ended = first

    def _clear(self, kept: Sequence[str], used: bool) -> None:
        for name, blob in self.tracked().items():
            if name in self.inputs and name not in kept:
                blob.clear_all()
            elif name not in kept:
                blob.clear(used)
        self.clear_param_diffs()

    def _note(self, last: int, first: int, leftovers: AbstractSet[str]) -> None:
        blobs, layers = self.tracked(), self.topology.layers[first : last + 1]
        made = {name for layer in layers for name in layer.bottoms if name not in layer.tops} | leftovers
        for name in {name for layer in layers for name in layer.bottoms + layer.tops}:
            blobs[name].leave(name in made)
