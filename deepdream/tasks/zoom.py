"""Makes the endless zoom of the 2015 notebook: dream a picture, enlarge its middle, dream that, and so on."""

import math
import warnings
from fractions import Fraction
from typing import List, Optional

import numpy as np
import scipy.ndimage as nd

from ..errors import UsageError
from ..images import animation
from ..images.recipe import Recipe
from ..pipeline.request import Request
from ..settings import ZOOM, ZoomSettings
from ..video.film import FORMATS, VideoFormat
from ..video.folder import rate_of
from . import sequence
from .sequence_output import SequenceFormat

_KIND = SequenceFormat("zoom", {**animation.FORMATS, **FORMATS}, digits=4, slower="--fps {rate}", maker="dreamify zoom")


def next_frame(frame: np.ndarray, zoom: ZoomSettings = ZOOM) -> np.ndarray:
    """The picture to dream after a frame: its middle enlarged, and optionally rotated and shifted.

    Without rotation and shift, and at a rate of 0 or more, this is the notebook's affine_transform as SciPy before 0.18
    computed it in 2015: the offset is added before the matrix is applied, so the zoom centres on a point at
    (1 - rate) / 2 of height and width, slightly above and left of the middle. Google's published frames were made this
    way. Otherwise the zoom centres on the middle, and areas outside the picture are filled by mirroring it at its edge.

    frame: (h, w, n) float32, with any number of planes n. Returns the same shape and type.
    """
    size = np.array(frame.shape[:2])
    s = zoom.rate
    x, y = zoom.shift_pixels
    if s >= 0 and not (zoom.rotate or x or y):
        matrix, offset, mode = np.full(2, 1 - s), (1 - s) * size * s / 2, "constant"
    else:
        # Maps output pixels to input pixels: undo the shift, undo the rotation, then zoom in about the middle.
        cos, sin = math.cos(math.radians(zoom.rotate)), math.sin(math.radians(zoom.rotate))
        matrix = (1 - s) * np.array([[cos, sin], [-sin, cos]])  # for (row, column); rows count downwards
        middle, shift = (size - 1) / 2, np.array([y, x])
        offset, mode = middle - matrix @ (middle + shift), "reflect"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older SciPy warns about the 0.18 change for every 1-D matrix
        planes = [nd.affine_transform(frame[..., c], matrix, offset, order=1, mode=mode) for c in range(frame.shape[2])]
    return np.stack(planes, axis=-1)


def run(request: Request, zoom: ZoomSettings = ZOOM) -> int:
    """Makes or resumes a zoom; see sequence.run. Raises UsageError for a seamless one."""
    if request.dream.seamless:
        raise UsageError("a zoom enlarges the middle of a picture, whose sides do not meet: leave out --seamless")
    return sequence.run(request, _Frames(zoom))


class _Frames:
    """The frames of a zoom."""

    kind = _KIND

    def __init__(self, zoom: ZoomSettings):
        self._zoom = zoom
        self._alpha: Optional[np.ndarray] = None  # (h, w, 1) float32, of the last frame requested
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
