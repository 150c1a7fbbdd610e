"""Which diffs a backward pass may find in the blobs: clean ones, but for what is meant to be there."""

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ..caffe_format.topology import Topology


class TrackedDiff:
    """A blob that can tell what backward passes have left in its diff from what the program has set.

    pycaffe hands a diff out as an array, which the program may keep and write to unseen. So once it has the array, what
    each pass leaves is copied, to be compared before the next pass. A diff that nobody has asked for costs nothing.
    """

    _is_out = False  # whether the program has the array
    _state = "untouched"  # "made" by a pass; or "used" by one, which leaves it the program's
    _copy: Any = None  # of what that pass left

    def _diff(self) -> Any:
        """The diff, as an array or a tensor."""
        raise NotImplementedError

    def hand_out(self) -> None:
        """To be called before the program is given the diff."""
        if self._state != "untouched" and (self._copy is None or self._copy.shape != self._diff().shape):
            self._copy = _copied(self._diff())
        self._is_out = True

    def leave(self, made: bool) -> None:
        """A pass has worked on the diff. made: it has written numbers of its own there."""
        self._state = "made" if made else "used"
        self._copy = _copied(self._diff()) if self._is_out else None

    def clear(self, used: bool) -> None:
        """Makes zero what passes have left, but not what the program has set since.

        used: nor is what the program set before to be used again by another pass.
        """
        if (self._state == "made" or (self._state == "used" and used)) and not self._has_changed():
            self.clear_all()

    def clear_all(self) -> None:
        """Makes the diff zero, whoever has set it."""
        self._diff()[...] = 0
        self.leave(made=True)

    def _has_changed(self) -> bool:
        now, before = self._diff(), self._copy
        if before is None or before.shape != now.shape:
            return False  # it has not been handed out, or not in this shape
        same = (now == before) | ((now != now) & (before != before))  # NaN is left, too
        return not bool(same.all())


def _copied(diff: Any) -> Any:
    return diff.copy() if isinstance(diff, np.ndarray) else diff.clone()


class CleanPasses:
    """A net whose backward passes begin with clean diffs, and can be run in parts. Both engines' nets are.

    Caffe never clears a diff: a layer between `start` and the input that `start` does not depend on works on what an
    earlier pass, of another dream perhaps, has left in its tops. With `leftovers` it is so here, too. Otherwise what
    passes have left is made zero before the next one begins, but for
    - the diffs of the blobs that it starts at;
    - what the program has set since the last pass, and what it set before for as long as passes begin at one layer,
      except in the inputs, whose diffs are results that no layer reads;
    - everything, where a pass goes on from where the last one ended, at its `end` or at the layer before, and no
      forward pass has come between.
    """

    topology: Topology
    inputs: List[str]
    outputs: List[str]
    clear_param_diffs: Callable[[], None]  # as in pycaffe: makes the diffs of all parameters zero
    leftovers = False
    _began: Optional[int] = None  # where the last pass began, or that which it went on from
    _ended: Optional[int] = None  # where it ended, if it can be gone on from there

    def tracked(self) -> Dict[str, Any]:
        """The blobs, each a TrackedDiff, by name."""
        raise NotImplementedError

    def begin_forward(self) -> None:
        """To be called by each forward pass."""
        self._ended = None

    @contextmanager
    def backward_pass(self, start: Optional[str], end: Optional[str]) -> Iterator[Tuple[int, int]]:
        """Clears what is to be cleared, and notes what the pass leaves; yields the positions of `start` and `end`."""
        last = self.topology.position(start) if start else len(self.topology.layers) - 1
        first = self.topology.position(end) if end else 0
        if self._ended is None or last not in (self._ended, self._ended - 1):
            if not self.leftovers:
                self._clear(self.topology.layers[last].tops if start else self.outputs, last != self._began)
            self._began = last
        self._ended = None
        try:
            yield last, first
        finally:
            self._note(last, first)
        self._ended = first

    def _clear(self, kept: Sequence[str], used: bool) -> None:
        for name, blob in self.tracked().items():
            if name in self.inputs and name not in kept:
                blob.clear_all()
            elif name not in kept:
                blob.clear(used)
        self.clear_param_diffs()

    def _note(self, last: int, first: int) -> None:
        blobs, layers = self.tracked(), self.topology.layers[first : last + 1]
        made = {name for layer in layers for name in layer.bottoms if name not in layer.tops}
        for name in {name for layer in layers for name in layer.bottoms + layer.tops}:
            blobs[name].leave(name in made)
