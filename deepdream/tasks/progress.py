"""Shows the progress of one dream, in words and as a bar."""

from typing import Any, Optional

from ..arrays import Size
from ..caffe_format.sizes import octave_sizes
from ..console import bar
from ..dream import Begun, Step
from ..settings import DreamSettings


def in_words(dream: DreamSettings, step: Step) -> str:
    """How far a dream has got, in words."""
    return f"octave {step.octave + 1} of {dream.octave_n}, iteration {step.iteration + 1} of {dream.iter_n}"


class Progress:
    """The progress bar of one dream.

    It counts pixels times iterations, which the time is proportional to, so the time left is right from the first
    octave on. begun: what was done before; its last step is shown first.
    """

    def __init__(self, dream: DreamSettings, size: Size, begun: Optional[Begun] = None):
        self._dream = dream
        pixels = [h * w for h, w in reversed(octave_sizes(size, dream.octave_n, dream.octave_scale))]
        before = begun.steps - 1 if begun else 0
        done = sum(area * min(max(before - i * dream.iter_n, 0), dream.iter_n) for i, area in enumerate(pixels))
        self._bar = bar("{desc}", dream.iter_n * sum(pixels), done)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()

    def show(self, step: Step) -> None:
        h, w = step.octave_base.shape[1:]
        self._bar.set_description_str(f"{in_words(self._dream, step)}, {w}x{h}", refresh=False)
        self._bar.update(h * w)
