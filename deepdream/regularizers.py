"""What holds a dream back: how a picture should not be, whatever a layer sees in it.

A dream goes up the gradient of F(x) - R(x). Each function gives the gradient of one R, of the picture's shape and type;
x is the picture as the net sees it, (3, h, w) in levels of 0-255 with the mean subtracted, not shifted.
"""

from typing import Any

from scipy.ndimage import gaussian_filter

from . import arrays


def total_variation(x: Any) -> Any:
    """The gradient of R(x) = sum of (x[i, j + 1] - x[i, j])^2 + (x[i + 1, j] - x[i, j])^2: neighbours should be alike.

    It is the total variation of Mahendran and Vedaldi, "Understanding deep image representations by inverting them"
    (2015), with their exponent beta = 2.
    """
    gradient = arrays.zeros_like(x)
    right, down = 2 * (x[:, :, 1:] - x[:, :, :-1]), 2 * (x[:, 1:] - x[:, :-1])
    gradient[:, :, 1:] += right
    gradient[:, :, :-1] -= right
    gradient[:, 1:] += down
    gradient[:, :-1] -= down
    return gradient


def decay(x: Any) -> Any:
    """The gradient of R(x) = sum of x^2: pixels should be near the mean, which is grey.

    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks" (2014); as a step it is the L2 decay of
    Yosinski and others, "Understanding neural networks through deep visualization" (2015).
    """
    return 2 * x


def blur(gradient: Any, radius: float) -> Any:
    """A gradient without what is finer than a Gaussian of this standard deviation in pixels; (3, h, w).

    Yosinski and others (2015) blur the picture after each step to keep high frequencies out of it; blurring only the
    change leaves the picture's own detail as it is.
    """
    smooth = gaussian_filter(arrays.to_numpy(gradient), (0, radius, radius), mode="nearest")
    return arrays.like(smooth, gradient)
