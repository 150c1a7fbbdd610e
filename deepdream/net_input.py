"""Between a picture and a net's input, as in the notebook of July 2015: preprocess and deprocess.

A net that reads grey pictures sees the luminance; what it does not see of the colours is put back afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import arrays
from .caffe_format.grey import LUMA
from .errors import UsageError
from .resize import zoomed

if TYPE_CHECKING:
    from .engines.interface import Net


def preprocess(net: Net, img: np.ndarray) -> np.ndarray:
    """Converts (h, w, 3) RGB of 0-255 to (3, h, w) float32 BGR with the mean subtracted.

    For a net that reads grey pictures, the result is the luminance, (1, h, w).
    Raises UsageError unless img is an array of that shape that holds only finite numbers.
    """
    img = arrays.checked_picture(img)
    if _is_grey(net):
        return luminance(img)[None] - net.transformer.mean[net.inputs[0]]
    return np.float32(np.rollaxis(img, 2)[::-1]) - net.transformer.mean[net.inputs[0]]


def deprocess(net: Net, img: np.ndarray) -> np.ndarray:
    """Inverts preprocess: (3, h, w) -> (h, w, 3), neither clipped nor rounded. A luminance becomes grey.

    Raises UsageError for any other shape.
    """
    if np.ndim(img) == 3 and len(img) == 1 and _is_grey(net):
        return np.repeat((img + net.transformer.mean[net.inputs[0]])[0][:, :, None], 3, 2)
    if np.ndim(img) != 3 or len(img) != 3:
        size = "x".join(map(str, np.shape(img)))
        raise UsageError(f"deprocess takes a (3, height, width) array, such as preprocess returns, not {size}")
    return np.dstack((img + net.transformer.mean[net.inputs[0]])[::-1])


def _is_grey(net: Net) -> bool:
    return len(net.transformer.mean[net.inputs[0]]) == 1


def luminance(img: np.ndarray) -> np.ndarray:
    """The luminance of (h, w, 3) RGB, as (h, w) float32."""
    return np.asarray(img, np.float32) @ np.asarray(LUMA, np.float32)


def unseen_colours(net: Net, img: np.ndarray) -> np.ndarray | None:
    """What a picture (h, w, 3) has besides its luminance, for a net that sees nothing else; None for other nets."""
    return np.float32(img) - luminance(img)[:, :, None] if _is_grey(net) else None


def with_colours(img: np.ndarray, colours: np.ndarray | None, seamless: str | None = None) -> np.ndarray:
    """A grey dream (h, w, 3) with the colours of its picture, which may be larger. seamless: see resize.zoomed."""
    if colours is None:
        return img
    if colours.shape != img.shape:
        planes = zoomed(np.moveaxis(colours, 2, 0), img.shape[:2], seamless)
        colours = np.moveaxis(planes, 0, 2)
    return img + colours
