"""Resizes the octaves: as the 2015 code does, or as rings where the sides of a picture meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .arrays import Size

_ROWS = 64  # of the result at a time, so that a large picture is not held in float64


def zoomed(planes: np.ndarray, size: Size, seamless: str | None = None) -> np.ndarray:
    """Resizes (..., h, w) to (height, width) with linear interpolation, to the same type.

    seamless: x, y or xy, the axes along which the picture is a ring. Elsewhere the first and the last pixels stay where
    they are, which is scipy.ndimage.zoom as the 2015 code calls it.
    """
    for axis, name in ((-2, "y"), (-1, "x")):
        if seamless and name in seamless:
            planes = _ring(planes, size[axis], axis)
    return planes if seamless == "xy" else _linear(planes, size)


def _linear(planes: np.ndarray, size: Size) -> np.ndarray:
    """scipy.ndimage.zoom with order=1, whose import takes a tenth of a short dream's time, to the last bit.

    Each number is the sum of four, each times its row's and then its column's weight, in float64, from the first on.
    """
    (above, below, upper, lower), (left, right, before, after) = map(_places, planes.shape[-2:], size)
    found = np.empty((*planes.shape[:-2], *size), planes.dtype)
    for start in range(0, size[0], _ROWS):
        part = slice(start, start + _ROWS)
        first = planes[..., above[part], :] * upper[part, None]
        second = planes[..., below[part], :] * lower[part, None]
        total = first[..., left] * before
        for line, columns, weights in ((first, right, after), (second, left, before), (second, right, after)):
            total += line[..., columns] * weights
        found[..., part, :] = total
    return found


def _places(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each new pixel along an axis: the old pixels before and after it, and their weights.

    The first and the last pixels stay, but where rounding puts the last one behind the old one, it is 0.
    """
    places = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 1.0)
    lower = np.floor(places).astype(int)
    weights = 1 - (places - lower)
    weights, others = (np.where(places > old - 1, 0, some) for some in (weights, 1 - weights))
    lower = np.minimum(lower, old - 1)
    return lower, np.minimum(lower + 1, old - 1), weights, others


def _ring(planes: np.ndarray, new: int, axis: int) -> np.ndarray:
    """Resizes one axis as a ring: the centre of pixel i lies at i + 0.5, and after the last comes the first."""
    old = planes.shape[axis]
    places = (np.arange(new) + 0.5) * (old / new) - 0.5
    lower = np.floor(places).astype(int)
    share = (places - lower).astype(planes.dtype)
    if axis == -2:
        share = share[:, None]
    return planes.take(lower % old, axis) * (1 - share) + planes.take((lower + 1) % old, axis) * share
