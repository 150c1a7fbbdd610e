"""Steps towards more than one layer as a whole: several objectives with weights, priors, and a mask."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from scipy.ndimage import zoom

from . import arrays, regularizers
from .dream import ascend, gradient_towards
from .objectives import Objective
from .settings import GOAL, DreamSettings, GoalSettings


class Term(NamedTuple):
    """One of the objectives that a dream is drawn towards."""

    end: str  # the layer
    objective: Objective
    weight: float = 1.0  # below 0 it is drawn away


@dataclass
class Ascent:
    """One step of a dream, for dream.dream_steps.

    It goes up the gradient of F(x) / |dF| - tv R_tv(x) - decay R_decay(x). F is the sum of the terms, each times its
    weight; |dF| the mean size of F's gradient, blurred if that is wanted, so that a prior's weight means the same on
    every layer; R are priors.py's. Of what a step changes the mask keeps its share.

    mask: (h, w) float32 of 0-1, as large as the picture; where it is 0 the picture stays what it was.
    """

    net: Any
    dream: DreamSettings
    terms: Sequence[Term]
    goal: GoalSettings = GOAL
    mask: Optional[np.ndarray] = None
    _share: Optional[np.ndarray] = field(default=None, init=False)  # the mask at the size of the last step

    @staticmethod
    def bytes_per_pixel(terms: int, goal: GoalSettings, has_mask: bool) -> int:
        """What a step takes for each pixel, besides the net and what a plain step does; measured in float32."""
        has_priors = bool(goal.tv or goal.decay or goal.blur)
        return max(12 * (terms > 1), 28 * has_priors) + 33 * has_mask

    def __call__(self, octave_base: np.ndarray, rng: Any) -> None:
        dream, src = self.dream, self.net.blobs[self.net.inputs[0]]
        if self.mask is None:
            ascend(self.net, self._gradient, dream.step_size, dream.jitter, dream.clip, rng)
            return
        before = src.data[0].copy()
        try:
            ascend(self.net, self._gradient, dream.step_size, dream.jitter, dream.clip, rng)
            share = arrays.like(self._share_at(octave_base.shape[1:]), src.data)
            masked = before + share * (src.data[0] - before)
            src.data[0] = arrays.where(share > 0, masked, arrays.like(octave_base, src.data))
        except BaseException:
            src.data[0] = before  # a step that the mask has not been laid on yet is undone
            raise

    def _gradient(self, shift: Tuple[int, int]) -> Any:
        """The gradient of all terms, with the priors', on the shifted picture."""
        (end, objective, weight), *more = self.terms
        gradient = gradient_towards(self.net, end, objective)
        if more or weight != 1:
            gradient = weight * gradient
        for end, objective, weight in more:
            gradient = gradient + weight * gradient_towards(self.net, end, objective)
        goal = self.goal
        if not (goal.tv or goal.decay or goal.blur):
            return gradient
        # The picture's border runs across the shifted picture; nothing is to be smoothed over it.
        back = (-shift[0], -shift[1])
        x = arrays.roll(self.net.blobs[self.net.inputs[0]].data[0], back)
        gradient = arrays.roll(gradient, back)
        if goal.blur:
            gradient = regularizers.blur(gradient, goal.blur)
        size = abs(gradient).mean()
        for c in range(len(x)):  # one colour after the other, for less memory
            if goal.tv:
                gradient[c : c + 1] -= size * goal.tv * regularizers.total_variation(x[c : c + 1])
            if goal.decay:
                gradient[c : c + 1] -= size * goal.decay * regularizers.decay(x[c : c + 1])
        return arrays.roll(gradient, shift)

    def _share_at(self, size: Tuple[int, ...]) -> np.ndarray:
        """The mask at an octave's size."""
        assert self.mask is not None
        if self._share is None or self._share.shape != size:
            h, w = self.mask.shape
            self._share = zoom(self.mask, (size[0] / h, size[1] / w), order=1)
        return self._share
