"""The loops of kernels.py, compiled by numba; a call works on a part of its arrays.

Most have the channels last: they are innermost in memory, so the loops over them become vector instructions, and
whatever is written there is small enough for the first cache.
"""

from math import sqrt
from typing import Any, Callable

import numba
import numpy as np

PIXELS = 64  # in a block: with all channels of a usual layer they fit into the second cache


def _compiled(function: Callable[..., None]) -> Any:
    options: Any = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder in which what is compiled could be kept
        return numba.njit(**options)(function)


@_compiled
def _window_sums(padded, sums, size):  # type: ignore[no-untyped-def]
    """sums[c] = the sum of the `size` numbers of padded from c on."""
    for c in range(len(sums)):
        sums[c] = 0
    for d in range(size):
        for c in range(len(sums)):
            sums[c] += padded[c + d]


@_compiled
def lrn_forward(x, y, size, k, ratio, first, last):  # type: ignore[no-untyped-def]
    """y = x * s^-0.75, s = k + ratio * the sum of x² over `size` channels around; pixels first to last - 1."""
    channels, half = x.shape[1], size // 2
    squares = np.zeros(channels + 2 * half, x.dtype)
    sums = np.empty(channels, x.dtype)
    for pixel in range(first, last):
        for c in range(channels):
            squares[half + c] = x[pixel, c] * x[pixel, c]
        _window_sums(squares, sums, size)
        for c in range(channels):
            root = sqrt(k + ratio * sums[c])
            y[pixel, c] = x[pixel, c] / (root * sqrt(root))


@_compiled
def lrn_backward(x, dy, dx, size, k, ratio, first, last):  # type: ignore[no-untyped-def]
    """dx = dy * s^-0.75 - 1.5 * ratio * x * the sum of dy * x * s^-1.75 over the window; s is worked out again."""
    channels, half = x.shape[1], size // 2
    around = np.zeros(channels + 2 * half, x.dtype)
    sums = np.empty(channels, x.dtype)
    factor = x.dtype.type(1.5) * ratio
    for pixel in range(first, last):
        for c in range(channels):
            around[half + c] = x[pixel, c] * x[pixel, c]
        _window_sums(around, sums, size)
        for c in range(channels):
            scale = k + ratio * sums[c]
            root = sqrt(scale)
            direct = dy[pixel, c] / (root * sqrt(root))
            dx[pixel, c] = direct
            around[half + c] = direct * x[pixel, c] / scale
        _window_sums(around, sums, size)
        for c in range(channels):
            dx[pixel, c] -= factor * x[pixel, c] * sums[c]


@_compiled
def max_forward(x, y, winners, kernel, stride, pad, first, last):  # type: ignore[no-untyped-def]
    """y = the greatest of each window, winners = its place in it, row by row; the rows first to last - 1 of y."""
    height, width, channels = x.shape
    for i in range(first, last):
        top = i * stride[0] - pad[0]
        for j in range(y.shape[1]):
            left = j * stride[1] - pad[1]
            greatest, winner, started = y[i, j], winners[i, j], False
            for a in range(max(top, 0), min(top + kernel[0], height)):
                for b in range(max(left, 0), min(left + kernel[1], width)):
                    values, place = x[a, b], np.uint8((a - top) * kernel[1] + b - left)
                    if not started:
                        started = True
                        for c in range(channels):
                            greatest[c] = values[c]
                            winner[c] = place
                    else:
                        for c in range(channels):
                            wins = values[c] > greatest[c]
                            greatest[c] = values[c] if wins else greatest[c]
                            winner[c] = place if wins else winner[c]


@_compiled
def max_backward(dy, winners, dx, kernel, stride, pad, first, last):  # type: ignore[no-untyped-def]
    """dx = the sum of the diffs of the windows that a place has won; the rows first to last - 1 of dx."""
    height, width, channels = dy.shape
    nothing = dy.dtype.type(0)
    for i in range(first, last):
        y = i + pad[0]
        rows = range(max(0, (y - kernel[0]) // stride[0] + 1), min(height, y // stride[0] + 1))
        for j in range(dx.shape[1]):
            x = j + pad[1]
            columns = range(max(0, (x - kernel[1]) // stride[1] + 1), min(width, x // stride[1] + 1))
            total = dx[i, j]
            for c in range(channels):
                total[c] = nothing
            for a in rows:
                for b in columns:
                    place = np.uint8((y - a * stride[0]) * kernel[1] + x - b * stride[1])
                    diff, winner = dy[a, b], winners[a, b]
                    for c in range(channels):
                        total[c] += diff[c] if winner[c] == place else nothing


@_compiled
def tied_forward(x, y, indices, kernel, stride, pad, tie, first, last):  # type: ignore[no-untyped-def]
    """By planes: y = the first value of each window within `tie`, relative, of its greatest, at h * width + w."""
    height, width = x.shape[1:]
    for plane in range(first, last):
        for i in range(y.shape[1]):
            top, bottom = max(i * stride[0] - pad[0], 0), min(i * stride[0] - pad[0] + kernel[0], height)
            for j in range(y.shape[2]):
                left, right = max(j * stride[1] - pad[1], 0), min(j * stride[1] - pad[1] + kernel[1], width)
                greatest = -np.inf
                for a in range(top, bottom):
                    for b in range(left, right):
                        greatest = max(greatest, x[plane, a, b])
                least = greatest - tie * abs(greatest)
                y[plane, i, j] = np.nan  # which remains where the window holds nothing else
                indices[plane, i, j] = top * width + left
                found = False
                for a in range(top, bottom):
                    for b in range(left, right):
                        if not found and x[plane, a, b] >= least:
                            y[plane, i, j] = x[plane, a, b]
                            indices[plane, i, j] = a * width + b
                            found = True
                    if found:
                        break


@_compiled
def _window_squares(x, sums, c, half):  # type: ignore[no-untyped-def]
    """sums = the sum of x² over the channels c - half to c + half of (channels, pixels)."""
    sums[:] = 0
    for d in range(max(c - half, 0), min(c + half + 1, x.shape[0])):
        for p in range(x.shape[1]):
            sums[p] += x[d, p] * x[d, p]


@_compiled
def lrn_planes_forward(x, y, size, k, ratio, first, last):  # type: ignore[no-untyped-def]
    """lrn_forward for (channels, pixels), the pixels last in memory: the blocks first to last - 1 of PIXELS of them."""
    channels, half = x.shape[0], size // 2
    for block in range(first, last):
        part = slice(block * PIXELS, min((block + 1) * PIXELS, x.shape[1]))
        xs, ys = x[:, part], y[:, part]
        sums = np.empty(xs.shape[1], x.dtype)
        for c in range(channels):
            _window_squares(xs, sums, c, half)
            for p in range(len(sums)):
                root = sqrt(k + ratio * sums[p])
                ys[c, p] = xs[c, p] / (root * sqrt(root))


@_compiled
def lrn_planes_backward(x, dy, dx, size, k, ratio, first, last):  # type: ignore[no-untyped-def]
    """lrn_backward for (channels, pixels), as lrn_planes_forward has them."""
    channels, half = x.shape[0], size // 2
    factor = x.dtype.type(1.5) * ratio
    for block in range(first, last):
        part = slice(block * PIXELS, min((block + 1) * PIXELS, x.shape[1]))
        xs, dys, dxs = x[:, part], dy[:, part], dx[:, part]
        sums, around = np.empty(xs.shape[1], x.dtype), np.empty(xs.shape, x.dtype)
        for c in range(channels):
            _window_squares(xs, sums, c, half)
            for p in range(len(sums)):
                scale = k + ratio * sums[p]
                root = sqrt(scale)
                dxs[c, p] = dys[c, p] / (root * sqrt(root))
                around[c, p] = dxs[c, p] * xs[c, p] / scale
        for c in range(channels):
            sums[:] = 0
            for d in range(max(c - half, 0), min(c + half + 1, channels)):
                for p in range(len(sums)):
                    sums[p] += around[d, p]
            for p in range(len(sums)):
                dxs[c, p] -= factor * xs[c, p] * sums[p]
