/** Pictures as the net sees them, and what NumPy and SciPy do with them. */

/**
 * @typedef {object} Planes (3, h, w) float32: blue, green and red, each with its mean subtracted
 * @property {Float32Array} data
 * @property {number} h
 * @property {number} w
 */

/**
 * numpy.roll along the last two axes.
 *
 * @param {Planes} picture
 * @param {number} oy pixels down
 * @param {number} ox pixels right
 * @returns {Planes}
 */
export function roll({ data, h, w }, oy, ox) {
  const rolled = new Float32Array(data.length);
  const right = modulo(ox, w);
  for (let row = 0; row < 3 * h; row++) {
    const plane = row - (row % h);
    const from = row * w;
    const to = (plane + modulo((row % h) + oy, h)) * w;
    rolled.set(data.subarray(from, from + w - right), to + right);
    rolled.set(data.subarray(from + w - right, from + w), to);
  }
  return { data: rolled, h, w };
}

/**
 * scipy.ndimage.zoom with order=1 along the last two axes.
 *
 * It sums in float64 and in SciPy's order. Where rounding puts the last position beyond the edge, SciPy gives 0.
 *
 * @param {Planes} picture
 * @param {number} h the new height
 * @param {number} w the new width
 * @returns {Planes}
 */
export function zoom(picture, h, w) {
  const zoomed = new Float32Array(3 * h * w);
  const { data } = picture;
  const rows = taps(picture.h, h);
  const columns = taps(picture.w, w);
  let out = 0;
  for (let c = 0; c < 3; c++) {
    const plane = c * picture.h * picture.w;
    for (const row of rows) {
      const top = plane + row.first * picture.w;
      const bottom = plane + row.second * picture.w;
      for (const column of columns) {
        zoomed[out++] =
          data[top + column.first] * row.near * column.near +
          data[top + column.second] * row.near * column.far +
          data[bottom + column.first] * row.far * column.near +
          data[bottom + column.second] * row.far * column.far;
      }
    }
  }
  return { data: zoomed, h, w };
}

/**
 * Where each new position lies between two old ones, and what they weigh.
 *
 * @param {number} before the old length
 * @param {number} after the new one
 */
function taps(before, after) {
  const scale = after > 1 ? (before - 1) / (after - 1) : 1;
  return Array.from({ length: after }, (_, i) => {
    const at = i * scale;
    const first = Math.min(Math.floor(at), before - 1);
    const inside = at <= before - 1;
    const far = at - first;
    return { first, second: Math.min(first + 1, before - 1), near: inside ? 1 - far : 0, far: inside ? far : 0 };
  });
}

/**
 * @param {number} a
 * @param {number} n
 */
function modulo(a, n) {
  return ((a % n) + n) % n;
}
