"""The endless zoom of the 2015 notebook: a picture is dreamt, its middle enlarged, and that is dreamt again."""

import math
import warnings
from fractions import Fraction
from typing import List, Optional

import numpy as np
import scipy.ndimage as nd

from ..images import animation
from ..pipeline.request import Recipe, Request
from ..settings import ZOOM, ZoomSettings
from ..video.film import FORMATS, VideoFormat
from ..video.folder import rate_of
from . import sequence
from .checkpoint import SequenceFormat

_KIND = SequenceFormat("zoom", {**animation.FORMATS, **FORMATS}, digits=4)


def next_frame(frame: np.ndarray, zoom: ZoomSettings = ZOOM) -> np.ndarray:
    """What is dreamt after a frame: its middle enlarged, and, if so set, turned and shifted.

    Without turn and shift, and at a rate of 0 or more, it is the notebook's affine_transform as SciPy understood it in
    2015, before 0.18: the offset is added before the matrix is applied, so the zoom is about a point at (1 - rate) / 2
    of height and width, a little up and left of the middle. Google's published frames were made so. Else it is about
    the middle, and what comes into view from outside is the picture mirrored at its edge.

    frame: (h, w, n) float32, of any n planes. Returns the same shape and type.
    """
    size = np.array(frame.shape[:2])
    s = zoom.rate
    x, y = zoom.shift_pixels
    if s >= 0 and not (zoom.rotate or x or y):
        matrix, offset, mode = np.full(2, 1 - s), (1 - s) * size * s / 2, "constant"
    else:
        # Where each pixel comes from: back by the shift, back by the turn and in by the zoom about the middle.
        cos, sin = math.cos(math.radians(zoom.rotate)), math.sin(math.radians(zoom.rotate))
        matrix = (1 - s) * np.array([[cos, sin], [-sin, cos]])  # of (row, column), whose rows go down
        middle, shift = (size - 1) / 2, np.array([y, x])
        offset, mode = middle - matrix @ (middle + shift), "reflect"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older SciPy tells of 0.18 whenever a matrix has one dimension
        planes = [nd.affine_transform(frame[..., c], matrix, offset, order=1, mode=mode) for c in range(frame.shape[2])]
    return np.stack(planes, axis=-1)


def run(request: Request, zoom: ZoomSettings = ZOOM) -> int:
    """Makes a zoom, or goes on with one; see sequence.run."""
    return sequence.run(request, _Frames(zoom))


class _Frames:
    """The frames of a zoom."""

    kind = _KIND

    def __init__(self, zoom: ZoomSettings):
        self._zoom = zoom
        self._alpha: Optional[np.ndarray] = None  # (h, w, 1) float32, of the frame that was asked for last
        self._number = 0
        self.count = zoom.frames
        rate = rate_of(zoom.fps)
        self.form = VideoFormat(rate, 1 / rate)
        shift = ",".join(repr(value if value % 1 else int(value)) for value in zoom.shift_pixels)
        own = {"frames": zoom.frames, "rate": zoom.rate, "rotate": zoom.rotate, "shift": shift, "fps": zoom.fps}
        self.recipe: Recipe = {f"zoom_{key}": value for key, value in own.items()}

    def start(self, number: int, last: np.ndarray) -> Optional[np.ndarray]:
        if number == self.count:
            return None
        return next_frame(last, self._zoom) if number else last

    def alpha(self, number: int, first: Optional[np.ndarray]) -> Optional[np.ndarray]:
        if first is None:
            return None
        if self._alpha is None:
            self._alpha = first[..., None].astype(np.float32)
        while self._number < number:
            self._alpha = next_frame(self._alpha, self._zoom)
            self._number += 1
        return np.clip(self._alpha[..., 0], 0, 255).astype(np.uint8)

    def counted(self) -> int:
        return self.count

    def times(self) -> List[Fraction]:
        return [number / self.form.rate for number in range(self.count + 1)]
