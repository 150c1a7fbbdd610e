"""Makes the endless zoom of the 2015 notebook: dream a picture, enlarge its middle, dream that, and so on."""

import math
import warnings
from dataclasses import replace
from fractions import Fraction
from typing import List, Optional, Sequence, Union

import numpy as np
import scipy.ndimage as nd

from .. import keyframes
from ..console import say
from ..errors import UsageError
from ..images import animation
from ..images.recipe import Recipe
from ..pipeline.request import Request
from ..settings import ZOOM, ZoomSettings
from ..video.film import FORMATS, VideoFormat
from ..video.folder import rate_of
from . import sequence
from .sequence_output import SequenceFormat

_FADE = 10  # frames
_KIND = SequenceFormat("zoom", {**animation.FORMATS, **FORMATS}, digits=4, slower="--fps {rate}", maker="dreamify zoom")


def next_frame(frame: np.ndarray, zoom: ZoomSettings = ZOOM, number: int = 0) -> np.ndarray:
    """The picture to dream after a frame: its middle enlarged, and optionally rotated and shifted.

    Without rotation and shift, and at a rate of 0 or more, this is the notebook's affine_transform as SciPy before 0.18
    computed it in 2015: the offset is added before the matrix is applied, so the zoom centres on a point at
    (1 - rate) / 2 of height and width, slightly above and left of the middle. Google's published frames were made this
    way. Otherwise, if only in one frame of a path, the zoom centres on the middle, and areas outside the picture are
    filled by mirroring it at its edge.

    frame: (h, w, n) float32, with any number of planes n. number: of the picture to make, for settings that change on
    the way. Returns the same shape and type.
    """
    size = np.array(frame.shape[:2])
    s, rotate = (keyframes.value_at(zoom.path_of(name), number) for name in ("rate", "rotate"))
    x, y = (keyframes.value_at([(at, pair[i]) for at, pair in zoom.shift_path], number) for i in (0, 1))
    if _is_of_2015(zoom):
        matrix, offset, mode = np.full(2, 1 - s), (1 - s) * size * s / 2, "constant"
    else:
        # Maps output pixels to input pixels: undo the shift, undo the rotation, then zoom in about the middle.
        cos, sin = math.cos(math.radians(rotate)), math.sin(math.radians(rotate))
        matrix = (1 - s) * np.array([[cos, sin], [-sin, cos]])  # for (row, column); rows count downwards
        middle, shift = (size - 1) / 2, np.array([y, x])
        offset, mode = middle - matrix @ (middle + shift), "reflect"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older SciPy warns about the 0.18 change for every 1-D matrix
        planes = [nd.affine_transform(frame[..., c], matrix, offset, order=1, mode=mode) for c in range(frame.shape[2])]
    return np.stack(planes, axis=-1)


def _is_of_2015(zoom: ZoomSettings) -> bool:
    """Whether it only zooms in, in every frame."""
    turns = any(value for _, value in zoom.path_of("rotate")) or any(any(pair) for _, pair in zoom.shift_path)
    return not turns and all(rate >= 0 for _, rate in zoom.path_of("rate"))


def run(request: Request, zoom: ZoomSettings = ZOOM) -> int:
    """Makes or resumes a zoom; see sequence.run. Raises UsageError for settings that do not go together."""
    if request.dream.seamless:
        raise UsageError("a zoom enlarges the middle of a picture, whose sides do not meet: leave out --seamless")
    layers = keyframes.parsed(request.dream.end, "layer") if keyframes.is_path(request.dream.end) else ()
    if not layers:
        if zoom.fade is not None:
            raise UsageError("--fade mixes the layers of a path, such as --layer 0:3b,60:4c: leave it out")
    elif request.guide:
        raise UsageError("a guide is compared with one layer: give --layer one, or leave out --guide")
    return sequence.run(replace(request, layers=layers), Frames(zoom, layers))


def _fade(zoom: ZoomSettings, layers: keyframes.Path) -> int:
    """The frames over which a layer gives way to the next. Raises UsageError for more than there are."""
    most = min((after - before for (before, _), (after, _) in zip(layers, layers[1:])), default=_FADE)
    if zoom.fade is not None and zoom.fade > most:
        raise UsageError(f"fade must be at most {most}, the frames from one layer to the next, not {zoom.fade}")
    return min(_FADE, most) if zoom.fade is None else zoom.fade


class Frames:
    """The frames of a zoom. layers: those of a path, () for the one of the dream's settings."""

    kind = _KIND

    def __init__(self, zoom: ZoomSettings, layers: keyframes.Path):
        self._zoom, self._layers = zoom, layers
        self._alpha: Optional[np.ndarray] = None  # (h, w, 1) float32, of the last frame requested
        self._number = 0
        self._is_told = False
        self.count = zoom.frames
        rate = rate_of(zoom.fps)
        self.form = VideoFormat(rate, 1 / rate)
        shift = [(frame, ",".join(map(_short, pair))) for frame, pair in zoom.shift_path]
        own: Recipe = {
            "frames": zoom.frames,
            "rate": _plain(zoom.rate, "rate"),
            "rotate": _plain(zoom.rotate, "rotate"),
        }
        own.update(shift=keyframes.text_of(shift) if keyframes.is_path(zoom.shift) else shift[0][1], fps=zoom.fps)
        if layers:
            own["fade"] = self._fade = _fade(zoom, layers)
        self.recipe: Recipe = {f"zoom_{key}": value for key, value in own.items()}

    def shares(self, number: int) -> Optional[Sequence[float]]:
        return keyframes.shares_at(self._layers, number, self._fade) if self._layers else None

    def start(self, number: int, last: np.ndarray) -> Optional[np.ndarray]:
        if number == self.count:
            return None
        self._tell()
        return next_frame(last, self._zoom, number) if number else last

    def alpha(self, number: int, first: Optional[np.ndarray]) -> Optional[np.ndarray]:
        if first is None:
            return None
        if self._alpha is None:
            self._alpha = first[..., None].astype(np.float32)
        while self._number < number:
            self._number += 1
            self._alpha = next_frame(self._alpha, self._zoom, self._number)
        return np.clip(self._alpha[..., 0], 0, 255).astype(np.uint8)

    def _tell(self) -> None:
        """Reports, once, a fade that is shorter than it would be."""
        if self._layers and self._zoom.fade is None and self._fade < _FADE and not self._is_told:
            frames = "one frame" if self._fade == 1 else f"{self._fade} frames"
            say(f"a layer gives way to the next over {frames} instead of {_FADE}, as the next one comes sooner")
        self._is_told = True

    def counted(self) -> int:
        return self.count

    def times(self) -> List[Fraction]:
        return [number / self.form.rate for number in range(self.count + 1)]


def _plain(value: Union[float, str], name: str) -> Union[float, str]:
    """A number or a path as the recipe has it."""
    return keyframes.text_of(keyframes.numbers(value, name)) if isinstance(value, str) else value


def _short(value: float) -> str:
    return repr(value if value % 1 else int(value))
