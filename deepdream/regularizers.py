"""Regularizers: penalties on the picture itself, whatever a layer sees in it.

A dream ascends the gradient of F(x) - R(x). total_variation and decay return the gradient of one R, with the shape and
type of x; x is the input of the net, (3, h, w) in levels of 0-255 with the mean subtracted, not shifted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import arrays

if TYPE_CHECKING:
    from .arrays import Array


def total_variation(x: Array, seamless: str | None = None) -> Array:
    """Returns the gradient of R(x) = sum of (x[i, j + 1] - x[i, j])^2 + (x[i + 1, j] - x[i, j])^2.

    Penalizes differences between neighbouring pixels; along the axes in `seamless` (x, y or xy) the last pixel and the
    first are neighbours, too. This is the total variation of Mahendran and Vedaldi,
    "Understanding deep image representations by inverting them" (2015), with their exponent beta = 2.
    """
    gradient = arrays.zeros_like(x)
    right, down = 2 * (x[:, :, 1:] - x[:, :, :-1]), 2 * (x[:, 1:] - x[:, :-1])
    gradient[:, :, 1:] += right
    gradient[:, :, :-1] -= right
    gradient[:, 1:] += down
    gradient[:, :-1] -= down
    if seamless and "x" in seamless:
        across = 2 * (x[:, :, :1] - x[:, :, -1:])
        gradient[:, :, :1] += across
        gradient[:, :, -1:] -= across
    if seamless and "y" in seamless:
        across = 2 * (x[:, :1] - x[:, -1:])
        gradient[:, :1] += across
        gradient[:, -1:] -= across
    return gradient


def decay(x: Array) -> Array:
    """Returns the gradient of R(x) = sum of x^2, which pulls pixels towards the mean, grey.

    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks" (2014). Taken as a step, it is the L2 decay of
    Yosinski and others, "Understanding neural networks through deep visualization" (2015).
    """
    return 2 * x


def blur(gradient: Array, radius: float, seamless: str | None = None) -> Array:
    """Blurs a gradient, (3, h, w), with a Gaussian whose standard deviation is `radius` pixels.

    Yosinski and others (2015) blur the picture after each step to keep high frequencies out of it. Blurring only the
    change preserves the detail of the picture itself. seamless: the axes, x, y or xy, that are rings.
    """
    from scipy.ndimage import gaussian_filter  # not needed by most dreams, and a tenth of a short one's time

    modes = ["wrap" if seamless and name in seamless else "nearest" for name in "yx"]
    smooth = gaussian_filter(arrays.to_numpy(gradient), (0, radius, radius), mode=["nearest", *modes])
    return arrays.like(smooth, gradient)
