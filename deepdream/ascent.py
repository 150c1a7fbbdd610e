"""Gradient ascent on several weighted objectives, with regularizers and a mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Sequence

import numpy as np

from . import arrays, regularizers
from .dream import Random, ascend, gradient_towards
from .objectives import Objective, objective_L2
from .resize import zoomed
from .seamless import Seamless
from .settings import OBJECTIVE, DreamSettings, ObjectiveSettings

if TYPE_CHECKING:
    from .engines.interface import Net


class Term(NamedTuple):
    """A weighted objective."""

    end: str  # the layer
    objective: Objective = objective_L2
    weight: float = 1.0  # a negative weight minimizes the objective
    channels: tuple[int, ...] = ()  # the only ones that the objective is about; none means all of the layer


@dataclass
class Ascent:
    """One step of a dream, callable as the `step` of dream.dream_steps.

    It ascends the gradient of F(x) / |dF| - tv R_tv(x) - decay R_decay(x). F is the weighted sum of the terms. |dF| is
    the mean absolute gradient of F, after blurring if `blur` is set; dividing by it makes the weight of a regularizer
    mean the same on every layer. The regularizers R are those of regularizers.py. The mask scales the change of a step.

    mask: (h, w) float32 of 0-1, the size of the picture; where it is 0 the picture is left unchanged.
    is_mix: brings the gradients of the terms to the same mean size before they are weighted. Those of early layers are
    far larger, and would otherwise hide the others.
    """

    net: Net
    dream: DreamSettings
    terms: Sequence[Term]
    regularization: ObjectiveSettings = OBJECTIVE
    mask: np.ndarray | None = None
    is_mix: bool = False
    _share: np.ndarray | None = field(default=None, init=False)  # the mask, resized for the last step
    _ring: Seamless | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.dream.seamless:
            self._ring = Seamless(self.dream.seamless, self.net.topology, [term.end for term in self.terms])

    @staticmethod
    def bytes_per_pixel(terms: int, regularization: ObjectiveSettings, has_mask: bool) -> int:
        """Returns the bytes per pixel that a step needs beyond the net and a plain step; measured in float32."""
        has_regularizers = bool(regularization.tv or regularization.decay or regularization.blur)
        return max(12 * (terms > 1), 28 * has_regularizers) + 33 * has_mask

    def __call__(self, octave_base: np.ndarray, rng: Random) -> None:
        dream, src = self.dream, self.net.blobs[self.net.inputs[0]]
        if self.mask is None:
            ascend(self.net, self._gradient, dream.step_size, dream.jitter, dream.clip, rng)
            return
        before = arrays.copied(src.data[0])
        try:
            ascend(self.net, self._gradient, dream.step_size, dream.jitter, dream.clip, rng)
            share = arrays.like(self._share_at(octave_base.shape[1:]), src.data)
            masked = before + share * (src.data[0] - before)
            src.data[0] = arrays.where(share > 0, masked, arrays.like(octave_base, src.data))
        except BaseException:
            src.data[0] = before  # undo a step that has not been masked yet
            raise

    def _gradient(self, shift: tuple[int, int]) -> arrays.Array:
        """Returns the gradient of all terms and regularizers on the shifted picture."""
        first, *more = self.terms
        gradient = self._gradient_of(first)
        for term in more:
            gradient = gradient + self._gradient_of(term)
        weights = self.regularization
        if not (weights.tv or weights.decay or weights.blur):
            return gradient
        # Undo the shift: the border of the picture runs across the shifted one, and nothing may be smoothed across it,
        # unless its sides meet there.
        back = (-shift[0], -shift[1])
        x = arrays.roll(self.net.blobs[self.net.inputs[0]].data[0], back)
        gradient = arrays.roll(gradient, back)
        if weights.blur:
            gradient = regularizers.blur(gradient, weights.blur, self.dream.seamless)
        size = abs(gradient).mean()
        seamless = self.dream.seamless
        for c in range(len(x)):  # one colour at a time, to save memory
            if weights.tv:
                gradient[c : c + 1] -= size * weights.tv * regularizers.total_variation(x[c : c + 1], seamless)
            if weights.decay:
                gradient[c : c + 1] -= size * weights.decay * regularizers.decay(x[c : c + 1])
        return arrays.roll(gradient, shift)

    def _gradient_of(self, term: Term) -> arrays.Array:
        """Returns the weighted gradient of a term, in memory of its own unless it is the only one."""
        gradient, weight = gradient_towards(self.net, term.end, term.objective, self._ring), term.weight
        if self.is_mix:
            size = float(abs(gradient).mean())
            weight = weight / size if 0 < size < np.inf else weight
        return weight * gradient if len(self.terms) > 1 or weight != 1 else gradient

    def _share_at(self, size: tuple[int, ...]) -> np.ndarray:
        """Returns the mask at the size of an octave."""
        assert self.mask is not None
        if self._share is None or self._share.shape != size:
            self._share = zoomed(self.mask, (size[0], size[1]), self.dream.seamless)
        return self._share
