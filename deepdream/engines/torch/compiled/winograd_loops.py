"""The loops of winograd.py. Arrays are flat, so that one compiled loop does for all layouts.

`scratch` is memory for one thread, whatever it holds: loops allocate none.
"""

from .blocks import BYTES, ROWS, VECTORS
from .compiler import loop
from .vectors import multiply, transform_input, transform_output

# Panels of the weights: the columns that are multiplied at once.
_WHOLE, _HALF = (None,) * VECTORS, (None,) * (VECTORS // 2)


@loop
def transform_weights(weights, matrix, u, padded, panel, scratch, first, last):  # type: ignore[no-untyped-def]
    """u = G w G^T of each pair of channels, in panels of columns, for the inputs first to last - 1.

    weights: (taps, taps, inputs, outputs) in float64. matrix: G. u: flat, panels of (n * n, inputs, columns) one after
    the other; columns that no output has are 0. padded: the number of all columns; panel: of a whole panel.
    """
    taps, _, inputs, outputs = weights.shape
    n = len(matrix)
    whole, half = scratch[:panel], scratch[panel:]
    for channel in range(first, last):
        for start in range(0, padded, panel):
            columns, valid = min(panel, padded - start), min(panel, outputs - start)
            half[:] = 0
            for i in range(n):
                for j in range(taps):
                    line = half[(i * taps + j) * panel :]
                    for a in range(taps):
                        for c in range(valid):
                            line[c] += matrix[i, a] * weights[a, j, channel, start + c]
            for i in range(n):
                for j in range(n):
                    whole[:] = 0
                    for a in range(taps):
                        line = half[(i * taps + a) * panel :]
                        for c in range(columns):
                            whole[c] += matrix[j, a] * line[c]
                    to = (start * n * n + (i * n + j) * columns) * inputs + channel * columns
                    for c in range(columns):
                        u[to + c] = whole[c]


@loop
def convolve(x, source, u, bias, y, top, pad, taps, outputs, group, pitch, scratch, first, last):  # type: ignore[no-untyped-def]
    """y = the correlation of x with the transformed weights + bias, for the tiles ROWS * first to ROWS * last - 1.

    The transforms of `group` tiles stay in the second cache while they are multiplied by one panel after the other.

    x: flat, of `source` (height, width, channels, and the numbers from row to row and from pixel to pixel).
    u: see transform_weights. bias: padded as its columns are. y: flat, of `top` (height, width, channels), no gaps.
    taps, outputs: tuples of these lengths; each size has its own compiled loop. pitch: see pitch_of.
    """
    if first >= last:
        return
    height, width, channels, row, pixel = source
    rows, columns, kernels = top
    m, n = len(outputs), len(outputs) + len(taps) - 1
    lanes = BYTES // x.itemsize
    panel = len(_WHOLE) * lanes
    transformed, multiplied = n * n * group * pitch, n * n * group * panel
    v, products = scratch[:transformed], scratch[transformed : transformed + multiplied]
    single = scratch[transformed + multiplied :]
    patch, result = single[: n * n * pitch], single[n * n * pitch :]
    across = (columns + m - 1) // m
    gapless = row == width * pixel and pad[0] == 0 and pad[1] == 0
    end = min(last * ROWS, across * ((rows + m - 1) // m))
    for start in range(first * ROWS, end, group):
        count = min(group, end - start)
        whole = (count + ROWS - 1) // ROWS * ROWS
        if n == 1 and gapless and start + whole <= width * height:
            tiles, at_first, step = x, start * pixel, pixel  # as they lie: nothing is transformed
        else:
            tiles, at_first, step = v, 0, pitch
            for t in range(count):
                i, j = (start + t) // across * m, (start + t) % across * m
                up, left = i - pad[0], j - pad[1]
                inside = up >= 0 and left >= 0 and up + n <= height and left + n <= width
                # The last vector of a pixel may reach into the next one; nothing reads what comes of that.
                at = up * row + left * pixel
                if inside and at + (n - 1) * (row + pixel) + pitch - lanes <= len(x):
                    for c in range(0, channels, lanes):
                        transform_input(x, at + c, row, pixel, taps, outputs, v, t * pitch + c, group * pitch)
                else:
                    for a in range(n):
                        for b in range(n):
                            there = 0 <= up + a < height and 0 <= left + b < width
                            for c in range(channels):
                                patch[(a * n + b) * pitch + c] = x[at + a * row + b * pixel + c] if there else 0
                    for c in range(0, channels, lanes):
                        transform_input(patch, c, n * pitch, pitch, taps, outputs, v, t * pitch + c, group * pitch)
        for column in range(0, len(bias), panel):
            wide = min(panel, len(bias) - column)
            valid = min(wide, kernels - column)
            for p in range(n * n):
                factors = (column * n * n + p * wide) * channels
                for t in range(p * group, p * group + count, ROWS):
                    at = at_first + t * step
                    if wide == panel:
                        multiply(tiles, at, step, u, factors, _WHOLE, products, t * panel, panel, channels)
                    else:
                        multiply(tiles, at, step, u, factors, _HALF, products, t * panel, panel, channels)
            for t in range(count):
                i, j = (start + t) // across * m, (start + t) % across * m
                if i + m <= rows and j + m <= columns and valid == wide:
                    to = (i * columns + j) * kernels + column
                    for c in range(0, wide, lanes):
                        transform_output(
                            *(products, t * panel + c, group * panel, taps, outputs),
                            *(bias, column + c, y, to + c, columns * kernels, kernels),
                        )
                else:
                    for c in range(0, wide, lanes):
                        transform_output(
                            *(products, t * panel + c, group * panel, taps, outputs),
                            *(bias, column + c, result, c, m * panel, panel),
                        )
                    for a in range(min(m, rows - i)):
                        for b in range(min(m, columns - j)):
                            for c in range(valid):
                                y[((i + a) * columns + j + b) * kernels + column + c] = result[(a * m + b) * panel + c]
