"""Resizes the octaves: as the 2015 code does, or as rings where the sides of a picture meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.ndimage as nd

if TYPE_CHECKING:
    from .arrays import Size


def zoomed(planes: np.ndarray, size: Size, seamless: str | None = None) -> np.ndarray:
    """Resizes (..., h, w) to (height, width) with linear interpolation, to the same type.

    seamless: x, y or xy, the axes along which the picture is a ring. Elsewhere the first and the last pixels stay where
    they are, which is scipy.ndimage.zoom as the 2015 code calls it.
    """
    factors = [1.0 * new / old for new, old in zip(size, planes.shape[-2:])]
    if seamless:
        for axis, name in ((-2, "y"), (-1, "x")):
            if name in seamless:
                planes = _ring(planes, size[axis], axis)
                factors[axis] = 1
        if seamless == "xy":
            return planes
    return nd.zoom(planes, (*[1] * (planes.ndim - 2), *factors), order=1)


def _ring(planes: np.ndarray, new: int, axis: int) -> np.ndarray:
    """Resizes one axis as a ring: the centre of pixel i lies at i + 0.5, and after the last comes the first."""
    old = planes.shape[axis]
    places = (np.arange(new) + 0.5) * (old / new) - 0.5
    lower = np.floor(places).astype(int)
    share = (places - lower).astype(planes.dtype)
    if axis == -2:
        share = share[:, None]
    return planes.take(lower % old, axis) * (1 - share) + planes.take((lower + 1) % old, axis) * share
