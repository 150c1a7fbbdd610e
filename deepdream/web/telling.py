"""Tells a visitor how far a dream or a film has got, and how long it still takes."""

import time

import numpy as np

from ..dream import Step
from ..images import picture, transparency
from ..pipeline.prepare import DreamJob
from ..tasks.progress import in_words
from . import pace
from .dream import Dream, Progress
from .pace import Pace, work

_MAX_PAUSE = 1  # seconds between two pictures, which slow down the dream


class Teller:
    """Reports each step of a dream, with a picture after each octave and about once a second.

    Of a zoom, which is many dreams, the pictures are its frames.
    """

    def __init__(self, dream: Dream, prepared: DreamJob, rates: Pace):
        self._dream, self._prepared, self._rates, self._frames = dream, prepared, rates, dream.dreams
        self._whole, self._done = self._frames * work(prepared.request.dream, prepared.inputs.base.size), 0
        self._begun, self._shown, self._frame = time.monotonic(), -1.0, 0
        self._latest = Progress("getting ready")
        dream.left = rates.seconds(dream.kind, self._whole)

    def tell(self, step: Step) -> None:
        """Report a step. Its picture is the one of its octave."""
        dream, settings = self._dream, self._prepared.request.dream
        h, w = step.octave_base.shape[1:]
        self._done += h * w
        self._frame += step.octave == step.iteration == 0
        is_due = step.iteration + 1 == settings.iter_n or (
            dream.is_seen and time.monotonic() > self._shown + _MAX_PAUSE
        )
        image = None
        if is_due and self._frames == 1:
            alpha = transparency.resized(self._prepared.inputs.base.alpha, h, w)
            image = transparency.on_white(picture.to_uint8(step.picture(), settings.clip), alpha)
        taken = time.monotonic() - self._begun
        dream.left = taken / self._done * (self._whole - self._done)
        self._rates.learn(dream.kind, self._done, taken)
        self._shown = time.monotonic() if is_due else self._shown
        frame = f"frame {self._frame} of {self._frames}, " if self._frames > 1 else ""
        left = f"{pace.in_words(dream.left)} left{' for the frames' if dream.film else ''}"
        words = f"{frame}{in_words(settings, step)}, {w}x{h}, {left}"
        self._latest = Progress(words, self._done / self._whole, image)
        dream.tell(self._latest)

    def show(self, pixels: np.ndarray) -> None:
        """Report a frame of a zoom, (h, w, 3) uint8."""
        self._dream.tell(self._latest._replace(picture=pixels))
