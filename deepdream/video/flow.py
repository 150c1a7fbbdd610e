"""Estimates the motion between two frames of a film, so that a dream moves with what the film shows.

A flow is (h, w, 2) float32: x and y in pixels. It points back: what is at p was at p + flow(p) in the previous frame.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Tuple

import numpy as np
import scipy.ndimage as nd

from ..errors import DreamError

MIN_SIDE = 16  # pixels: OpenCV's flow fails below 12, and there is nothing to match at such sizes
# Between two unrelated pictures, 0 to 0.21 of the pixels match within 32 levels. Within one scene it is 0.39 or more,
# even if a large object moves across it, its light drops by a fifth at once, or it has coarse grain.
LEVELS, MIN_FOUND = 32, 0.25


@dataclass(frozen=True)
class Motion:
    """How the content of a frame has moved since the previous frame; both frames are (h, w, 3).

    flow: as defined above.
    seen: (h, w) bool: whether a pixel was visible in the previous frame, neither outside it nor occluded.
    found: share of pixels, 0-1, that were visible there in a similar colour.
    """

    flow: np.ndarray
    seen: np.ndarray
    found: float

    @property
    def is_cut(self) -> bool:
        """Whether hardly anything of the previous frame is left: another scene, or motion too fast to follow.

        A sudden change of light by more than 32 levels counts as a cut, too. So may the last frame of a fade to black,
        which has nothing to match. The rest of a fade does not count, nor does a dissolve.
        """
        return self.found < MIN_FOUND

    def carry(self, picture: np.ndarray) -> np.ndarray:
        """Warp a picture that belongs to the previous frame, (h, w, 3), to the current one; see warp()."""
        return warp(picture, self.flow)


def motion(previous: np.ndarray, current: np.ndarray) -> Motion:
    """Estimate the motion from one frame to the next, (h, w, 3) uint8 RGB; the same on any number of cores.

    Uses dense inverse search on greyscale frames (Kroeger, Timofte, Dai and Van Gool, "Fast optical flow using dense
    inverse search", 2016) with OpenCV's medium preset, but down to full resolution, which halves the error. In frames
    with a side below 16 pixels, nothing moves and every pixel counts as seen.
    Raises ValueError for frames of different sizes, DreamError if OpenCV is missing.
    """
    if previous.shape != current.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (previous, current))
        raise ValueError(f"cannot estimate motion between frames of {sizes}: scale one of them")
    shape = current.shape[:2]
    if min(shape) < MIN_SIDE:
        flow, seen = np.zeros((*shape, 2), np.float32), np.ones(shape, bool)
    else:
        flow, ahead = _both_ways(previous, current)
        seen = _seen(flow, ahead)
    apart = np.abs(_sampled(previous, flow, order=1) - current).mean(axis=-1)
    return Motion(flow, seen, float((seen & (apart < LEVELS)).mean()))


def warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return (h, w, 3) float32: at p, the picture's value at p + flow(p), with its border extended outwards.

    picture: (h, w, 3), uint8 or float32. The interpolation uses splines of order 5, because grain is warped again and
    again. After 30 subpixel steps, grain two or three pixels wide keeps 0.96 to 1 of its variance. OpenCV's Lanczos
    filter leaves 0.8 to 1, bilinear 0.02 to 0.5, and bicubic up to triples it. At edges the splines overshoot by an
    eighth of the edge's height, also beyond 0-255.
    """
    return _sampled(picture, flow, order=5)


def flicker(previous: np.ndarray, current: np.ndarray, flow: np.ndarray, seen: np.ndarray) -> float:
    """Mean |current - previous warped along the flow|, in levels, over the seen pixels and the channels.

    Both pictures are (h, w, 3), uint8 or float32; seen is (h, w) bool. NaN if no pixel is seen.
    """
    apart = np.abs(warp(previous, flow) - current)[seen]
    return float(apart.mean(dtype=np.float64)) if apart.size else float("nan")


def _both_ways(previous: np.ndarray, current: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return the backward flow of the current frame and the forward flow of the previous one.

    OpenCV may use all cores; the result stays the same because it always searches in the same eight stripes.
    """
    cv2 = opencv()
    before, now = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (previous, current))
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    return search.calc(now, before, None), search.calc(before, now, None)


def _seen(flow: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Return (h, w) bool: pixels that come from inside the picture and pass the forward-backward consistency check.

    The tolerance is from Sundaram, Brox and Keutzer, "Dense point trajectories by GPU-accelerated large displacement
    optical flow" (2010).
    """
    y, x = _places(flow)
    height, width = flow.shape[:2]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    ahead = _sampled(ahead, flow, order=1)
    missed, *lengths = ((vectors**2).sum(axis=-1) for vectors in (flow + ahead, flow, ahead))
    return np.asarray(inside & (missed < 0.01 * sum(lengths) + 0.5))


def _places(flow: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The rows and columns that the pixels come from, (h, w) float64 each."""
    rows, columns = np.indices(flow.shape[:2])
    return rows + flow[..., 1], columns + flow[..., 0]


def _sampled(values: np.ndarray, flow: np.ndarray, order: int) -> np.ndarray:
    """Sample n planes at p + flow(p) with splines of this order: (h, w, n) float32."""
    planes, places = np.moveaxis(values, -1, 0), _places(flow)
    return np.stack([nd.map_coordinates(p, places, np.float32, order=order, mode="nearest") for p in planes], axis=-1)


def opencv() -> ModuleType:
    """Import cv2 from its optional package. Raises DreamError if it is missing."""
    try:
        import cv2
    except ImportError:
        raise DreamError(
            "tracking motion in a film requires OpenCV, which is not installed here: "
            "pip install av opencv-python-headless, or turn it off with --flow off"
        ) from None
    return cv2
