"""Estimates how long a dream takes, from the dreams before it."""

from dataclasses import replace
from typing import Dict, Optional

from ..arrays import Size
from ..caffe_format.sizes import octave_sizes
from ..settings import DREAM, WEB_MAXIMA, DreamSettings


class Pace:
    """The seconds per pixel and iteration of each kind of dream."""

    def __init__(self) -> None:
        self._rates: Dict[str, float] = {}
        self._latest: Optional[float] = None

    def learn(self, kind: str, work: int, seconds: float) -> None:
        """Take account of a dream. kind: its model and layer, which the time depends on. work: pixels x iterations."""
        if work:
            self._rates[kind] = self._latest = seconds / work

    def seconds(self, kind: str, work: int) -> Optional[float]:
        """How long such a dream will take; as long as any other, if there was none of its kind. None if unknown."""
        rate = self._rates.get(kind, self._latest)
        return None if rate is None else rate * work


def work(dream: DreamSettings, size: Size) -> int:
    """Pixels times iterations of a dream on a picture of this (height, width)."""
    return dream.iter_n * sum(h * w for h, w in octave_sizes(size, dream.octave_n, dream.octave_scale))


def longest(max_size: int) -> int:
    """Pixels times iterations of the longest dream on the page. max_size: the limit on its longest side."""
    most = replace(DREAM, iter_n=WEB_MAXIMA["iter_n"], octave_n=WEB_MAXIMA["octave_n"])
    return work(most, (max_size, max_size))


def in_words(seconds: float) -> str:
    """A time as a person would say it."""
    if seconds < 5:
        return "a few seconds"
    for unit, size in (("hour", 3600), ("minute", 60)):
        number = round(seconds / size)
        if number > 1 or (number and seconds >= 0.9 * size):
            return f"about {number} {unit}{'s' if number > 1 else ''}"
    return f"about {5 * round(seconds / 5)} seconds"
