"""The loops of kernels.py. Each call works on a part of its arrays.

`scratch` is memory for one thread, whatever it holds: loops allocate none.

Most arrays have the channels last, that is innermost in memory. Loops over the channels therefore become vector
instructions, and their output fits into the L1 cache.
"""

import numpy as np

from .blocks import PIXELS
from .compiler import loop, sqrt


@loop
def in_range(x, inside, low, high, first, last):  # type: ignore[no-untyped-def]
    """inside = low <= x <= high, for the rows first to last - 1."""
    for row in range(first, last):
        for i in range(x.shape[1]):
            inside[row, i] = (x[row, i] >= low) & (x[row, i] <= high)


@loop
def where(dy, pitch, x, dx, first, last):  # type: ignore[no-untyped-def]
    """dx = dy where x > 0, else dy * 0 (not 0 if dy is not finite), for the rows first to last - 1.

    dy: flat, a row every `pitch` numbers. A strided array would not be vectorized.
    """
    one, nothing = dx.dtype.type(1), dx.dtype.type(0)
    for row in range(first, last):
        diff = dy[row * pitch : row * pitch + dx.shape[1]]
        for i in range(len(diff)):
            dx[row, i] = diff[i] * (one if x[row, i] > 0 else nothing)


@loop
def _window_sum(numbers, window, c):  # type: ignore[no-untyped-def]
    """The sum of len(window) numbers, starting at c."""
    total = numbers.dtype.type(0)
    for d in range(len(window)):
        total += numbers[c + d]
    return total


@loop
def lrn_forward(x, y, window, k, ratio, scratch, first, last):  # type: ignore[no-untyped-def]
    """y = x * s^-0.75, s = k + ratio * the sum of x² over len(window) channels around, for pixels first to last - 1.

    The length of a tuple is known at compile time, so the sum is unrolled and the loop over the channels is vectorized.
    """
    channels, half = x.shape[1], len(window) // 2
    squares = scratch[: channels + 2 * half]
    squares[:] = 0
    for pixel in range(first, last):
        for c in range(channels):
            squares[half + c] = x[pixel, c] * x[pixel, c]
        for c in range(channels):
            root = sqrt(k + ratio * _window_sum(squares, window, c))
            y[pixel, c] = x[pixel, c] / (root * sqrt(root))


@loop
def lrn_backward(x, dy, dx, window, k, ratio, scratch, first, last):  # type: ignore[no-untyped-def]
    """dx = dy * s^-0.75 - 1.5 * ratio * x * the sum of dy * x * s^-1.75 over the window; s is computed again."""
    channels, half = x.shape[1], len(window) // 2
    scratch[: 2 * (channels + 2 * half)] = 0
    squares, products = scratch[: channels + 2 * half], scratch[channels + 2 * half : 2 * (channels + 2 * half)]
    factor = x.dtype.type(1.5) * ratio
    for pixel in range(first, last):
        for c in range(channels):
            squares[half + c] = x[pixel, c] * x[pixel, c]
        for c in range(channels):
            scale = k + ratio * _window_sum(squares, window, c)
            root = sqrt(scale)
            direct = dy[pixel, c] / (root * sqrt(root))
            dx[pixel, c] = direct
            products[half + c] = direct * x[pixel, c] / scale
        for c in range(channels):
            dx[pixel, c] -= factor * x[pixel, c] * _window_sum(products, window, c)


@loop
def max_forward(x, y, winners, kernel, stride, pad, first, last):  # type: ignore[no-untyped-def]
    """y = the maximum of each window, winners = its index in the window, row by row, for rows first to last - 1 of y.

    Values and indices are always read and written, even if they do not change, and indices have the width of values.
    Otherwise the loop could not be vectorized for AVX2.
    """
    height, width, channels = x.shape
    for i in range(first, last):
        top = i * stride[0] - pad[0]
        for j in range(y.shape[1]):
            left = j * stride[1] - pad[1]
            greatest, winner, started = y[i, j], winners[i, j], False
            for a in range(max(top, 0), min(top + kernel[0], height)):
                for b in range(max(left, 0), min(left + kernel[1], width)):
                    values, place = x[a, b], np.float32((a - top) * kernel[1] + b - left)
                    if not started:
                        started = True
                        for c in range(channels):
                            greatest[c] = values[c]
                            winner[c] = np.uint8(place)
                    else:
                        for c in range(channels):
                            value, so_far, its_place = values[c], greatest[c], np.float32(winner[c])
                            wins = value > so_far
                            greatest[c] = value if wins else so_far
                            winner[c] = np.uint8(place if wins else its_place)


@loop
def max_backward(dy, winners, dx, numbers, kernel, stride, pad, starts, first, last):  # type: ignore[no-untyped-def]
    """dx = the sum of the diffs of the windows whose maximum is at that pixel, for the rows first to last - 1 of dx.

    Row by row, each window adds its diff where its winner is. Unsigned indices avoid a check for negative ones. Indices
    outside dx, which max_forward never produces, are ignored. numbers: dx, flat.
    starts: scratch, 256 uint64.
    """
    width, channels = dx.shape[1:]
    elsewhere = np.uint64(2**63)
    size = np.uint64(dx.size)
    starts[:] = elsewhere  # the index in dx of each pixel of a row's first window, for every possible byte
    cleared = first
    for a in range(max(0, (first + pad[0] - kernel[0]) // stride[0] + 1), dy.shape[0]):
        top = a * stride[0] - pad[0]
        if top >= last:
            break
        bottom = min(top + kernel[0], last)
        dx[cleared:bottom] = 0  # just before it is added to, so that it is still in the cache
        cleared = bottom
        for place in range(kernel[0] * kernel[1]):
            row, column = top + place // kernel[1], place % kernel[1] - pad[1]
            starts[place] = np.uint64((row * width + column) * channels) if first <= row < last else elsewhere
        for b in range(dy.shape[1]):
            right = np.uint64(b * stride[1] * channels)
            diff, winner = dy[a, b], winners[a, b]
            for c in range(np.uint64(channels)):
                index = starts[winner[c]] + right + c
                if index < size:
                    numbers[index] += diff[c]
    dx[cleared:last] = 0


@loop
def tied_forward(x, y, indices, kernel, stride, pad, tie, first, last):  # type: ignore[no-untyped-def]
    """y = each window's first value within `tie` (relative) of its maximum, indices = h * width + w, by planes."""
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
                threshold = greatest - tie * abs(greatest)
                y[plane, i, j] = np.nan  # stays if the window holds only NaN
                indices[plane, i, j] = top * width + left
                found = False
                for a in range(top, bottom):
                    for b in range(left, right):
                        if not found and x[plane, a, b] >= threshold:
                            y[plane, i, j] = x[plane, a, b]
                            indices[plane, i, j] = a * width + b
                            found = True
                    if found:
                        break


@loop
def _window_squares(x, sums, c, half):  # type: ignore[no-untyped-def]
    """sums = the sum of x² over the channels c - half to c + half, where x is (channels, pixels)."""
    sums[:] = 0
    for d in range(max(c - half, 0), min(c + half + 1, x.shape[0])):
        for p in range(x.shape[1]):
            sums[p] += x[d, p] * x[d, p]


@loop
def lrn_planes_forward(x, y, size, k, ratio, scratch, first, last):  # type: ignore[no-untyped-def]
    """lrn_forward for (channels, pixels), pixels innermost in memory; for blocks first to last - 1 of PIXELS each."""
    channels, half = x.shape[0], size // 2
    for block in range(first, last):
        part = slice(block * PIXELS, min((block + 1) * PIXELS, x.shape[1]))
        xs, ys = x[:, part], y[:, part]
        sums = scratch[: xs.shape[1]]
        for c in range(channels):
            _window_squares(xs, sums, c, half)
            for p in range(len(sums)):
                root = sqrt(k + ratio * sums[p])
                ys[c, p] = xs[c, p] / (root * sqrt(root))


@loop
def lrn_planes_backward(x, dy, dx, size, k, ratio, scratch, first, last):  # type: ignore[no-untyped-def]
    """lrn_backward for (channels, pixels), in the layout of lrn_planes_forward."""
    channels, half = x.shape[0], size // 2
    factor = x.dtype.type(1.5) * ratio
    for block in range(first, last):
        part = slice(block * PIXELS, min((block + 1) * PIXELS, x.shape[1]))
        xs, dys, dxs = x[:, part], dy[:, part], dx[:, part]
        pixels = xs.shape[1]
        sums, around = scratch[:pixels], scratch[pixels:]
        for c in range(channels):
            _window_squares(xs, sums, c, half)
            for p in range(len(sums)):
                scale = k + ratio * sums[p]
                root = sqrt(scale)
                dxs[c, p] = dys[c, p] / (root * sqrt(root))
                around[c * pixels + p] = dxs[c, p] * xs[c, p] / scale
        for c in range(channels):
            sums[:] = 0
            for d in range(max(c - half, 0), min(c + half + 1, channels)):
                for p in range(len(sums)):
                    sums[p] += around[d * pixels + p]
            for p in range(len(sums)):
                dxs[c, p] -= factor * xs[c, p] * sums[p]
