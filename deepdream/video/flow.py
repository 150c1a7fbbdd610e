"""The motion between two frames of a film, to carry a dream along with what it shows.

A flow is (h, w, 2) float32, in pixels x and y, and leads back: what is at p was at p + flow(p) in the frame before.
"""

from dataclasses import dataclass
from typing import Any, Tuple

import numpy as np
import scipy.ndimage as nd

from ..errors import DreamError

LEAST_SIDE = 16  # pixels: OpenCV's flow fails below 12, and has nothing to match there
# Of one picture, 0 to 0.21 of the pixels are found again in another within 32 levels; of a scene before which
# a large thing moves, whose light falls by a fifth at once, or that has coarse grain, 0.39 and more.
LEVELS, LEAST_FOUND = 32, 0.25


@dataclass(frozen=True)
class Motion:
    """How what a frame shows has moved since the frame before; both are (h, w, 3).

    flow: as above.
    seen: (h, w) bool: whether a pixel was visible in the frame before, inside the picture and behind nothing.
    found: the share of pixels, 0-1, that were seen there in much the same colour.
    """

    flow: np.ndarray
    seen: np.ndarray
    found: float

    @property
    def is_cut(self) -> bool:
        """Whether hardly anything of the frame before is left: another scene, or motion too fast to be followed.

        A light that changes at once by more than 32 levels counts as one too, and so may the last frame of a fade to
        black, in which there is nothing to be found; the rest of a fade, and a dissolve, do not.
        """
        return self.found < LEAST_FOUND

    def carry(self, picture: np.ndarray) -> np.ndarray:
        """A picture of the frame before, (h, w, 3), brought to where its things are now; see warp()."""
        return warp(picture, self.flow)


def motion(previous: np.ndarray, current: np.ndarray) -> Motion:
    """The motion from one frame to the next, (h, w, 3) uint8 RGB, the same on any number of cores.

    It is dense inverse search on the grey pictures (Kroeger, Timofte, Dai and Van Gool, "Fast optical flow using dense
    inverse search", 2016), with OpenCV's medium effort, but down to the full resolution: the error halves. In frames
    with a side below 16 pixels nothing is known to move, and all counts as seen.
    Raises ValueError for frames of different sizes, DreamError without OpenCV.
    """
    if previous.shape != current.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (previous, current))
        raise ValueError(f"there is no motion between frames of {sizes}: scale one of them")
    shape = current.shape[:2]
    if min(shape) < LEAST_SIDE:
        flow, seen = np.zeros((*shape, 2), np.float32), np.ones(shape, bool)
    else:
        flow, ahead = _both_ways(previous, current)
        seen = _seen(flow, ahead)
    apart = np.abs(_sampled(previous, flow, order=1) - current).mean(axis=-1)
    return Motion(flow, seen, float((seen & (apart < LEVELS)).mean()))


def warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: the picture with what is at p + flow(p) brought to p, its border continued outside.

    picture: (h, w, 3), uint8 or float32. Splines of order 5, as grain is carried on again and again: through 30 steps
    of parts of a pixel, grain two or three pixels wide keeps 0.96 to 1 of its variance, where OpenCV's Lanczos filter
    leaves 0.8 to 1, bilinear 0.02 to 0.5, and bicubic up to triples it. Beside edges they overshoot by an eighth of
    their height, beyond 0-255 too.
    """
    return _sampled(picture, flow, order=5)


def flicker(previous: np.ndarray, current: np.ndarray, flow: np.ndarray, seen: np.ndarray) -> float:
    """The mean |current - previous warped along the flow|, in levels, over the seen pixels and the channels.

    Both pictures are (h, w, 3), uint8 or float32; seen is (h, w) bool. NaN where nothing is seen.
    """
    apart = np.abs(warp(previous, flow) - current)[seen]
    return float(apart.mean(dtype=np.float64)) if apart.size else float("nan")


def _both_ways(previous: np.ndarray, current: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The flow of the current frame, back, and that of the previous one, ahead.

    OpenCV may use all cores: it always searches in the same eight stripes.
    """
    cv2 = opencv()
    before, now = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (previous, current))
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    return search.calc(now, before, None), search.calc(before, now, None)


def _seen(flow: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """(h, w) bool: what comes from inside the picture, and whose way back and ahead again ends where it began.

    The tolerance is that of Sundaram, Brox and Keutzer, "Dense point trajectories by GPU-accelerated large displacement
    optical flow" (2010).
    """
    y, x = _places(flow)
    height, width = flow.shape[:2]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    ahead = _sampled(ahead, flow, order=1)
    missed, *lengths = ((vectors**2).sum(axis=-1) for vectors in (flow + ahead, flow, ahead))
    return np.asarray(inside & (missed < 0.01 * sum(lengths) + 0.5))


def _places(flow: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Rows and columns where the pixels come from, (h, w) float64."""
    rows, columns = np.indices(flow.shape[:2])
    return rows + flow[..., 1], columns + flow[..., 0]


def _sampled(values: np.ndarray, flow: np.ndarray, order: int) -> np.ndarray:
    """(h, w, n) float32: the values, of n planes, at p + flow(p), between pixels by splines of this order."""
    planes, places = np.moveaxis(values, -1, 0), _places(flow)
    return np.stack([nd.map_coordinates(p, places, np.float32, order=order, mode="nearest") for p in planes], axis=-1)


def opencv() -> Any:
    """The module cv2, from an optional package. Raises DreamError where it is missing."""
    try:
        import cv2
    except ImportError:
        raise DreamError(
            "a film's motion needs OpenCV, which is not installed here: pip install av opencv-python-headless, "
            "or leave the motion out with --flow off"
        ) from None
    return cv2
