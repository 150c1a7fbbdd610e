/** Reads pictures as the command does: shrunk to the longest side with Pillow's Lanczos filter, to the bit. */

import { PageError, bytesOf } from "./errors.js";
import { round } from "./sizes.js";
import { sha256 } from "./sha256.js";

/** @typedef {import("./dream.js").Pixels} Pixels */
/** @typedef {{pixels: Pixels, sha256: string, isOpaque: boolean}} Picture */

const RADIUS = 3; // of the filter, in pixels of the smaller picture
const BITS = 22; // of the weights after the point, as in Pillow

/**
 * Reads a picture in any format that the browser opens; throws PageError if it opens none.
 *
 * @param {Blob} file
 * @param {number} maxSize the longest side
 * @returns {Promise<Picture>}
 */
export async function readPicture(file, maxSize) {
  const sum = sha256(await bytesOf(file));
  const { data, h, w } = await decode(file);
  const isOpaque = data.every((value, i) => i % 4 !== 3 || value === 255);
  return { pixels: resize({ data, h, w }, fit(h, w, maxSize)), sha256: sum, isOpaque };
}

/**
 * @param {Blob} file
 * @returns {Promise<Pixels>}
 */
async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { premultiplyAlpha: "none" });
  } catch {
    throw new PageError("it is damaged, or no picture that this browser opens");
  }
  const { width: w, height: h } = bitmap;
  const context = new OffscreenCanvas(w, h).getContext("2d", { willReadFrequently: true });
  try {
    context?.drawImage(bitmap, 0, 0);
    const data = context?.getImageData(0, 0, w, h).data;
    if (data) return { data, h, w };
  } catch {
    // as below
  } finally {
    bitmap.close();
  }
  throw new PageError(`it is ${w}x${h} pixels, more than this browser can hold`);
}

/**
 * The size of a picture whose longest side is limited: fit of deepdream/images/picture.py.
 *
 * @param {number} h
 * @param {number} w
 * @param {number} maxSize
 */
function fit(h, w, maxSize) {
  const longest = Math.max(h, w);
  if (longest <= maxSize) return { h, w };
  const scale = maxSize / longest;
  return { h: Math.max(1, round(h * scale)), w: Math.max(1, round(w * scale)) };
}

/**
 * Image.resize of Pillow with LANCZOS: along the rows first, then along the columns, each time rounded to 8 bits.
 *
 * @param {Pixels} pixels
 * @param {{h: number, w: number}} size
 * @returns {Pixels}
 */
export function resize({ data, h, w }, size) {
  const along = size.w === w ? data : resample(data, w, size.w, { lines: h, line: w, pixel: 1, newLine: size.w });
  const step = { lines: size.w, line: 1, pixel: size.w, newLine: 1 };
  return { data: size.h === h ? along : resample(along, h, size.h, step), ...size };
}

/**
 * Resizes each line of pixels, which may be rows or columns.
 *
 * @param {Uint8ClampedArray} data
 * @param {number} before pixels in a line
 * @param {number} after pixels in a new one
 * @param {{lines: number, line: number, pixel: number, newLine: number}} step how many lines, and how many pixels it is
 *     from one to the next, from a pixel of a line to the next, and from a new line to the next
 */
function resample(data, before, after, { lines, line, pixel, newLine }) {
  const resized = new Uint8ClampedArray(4 * lines * after);
  weights(before, after).forEach(({ first, shares }, place) => {
    for (let i = 0; i < lines; i++) {
      for (let c = 0; c < 4; c++) {
        let sum = 2 ** (BITS - 1);
        let at = 4 * (i * line + first * pixel) + c;
        for (const share of shares) {
          sum += data[at] * share;
          at += 4 * pixel;
        }
        resized[4 * (i * newLine + place * pixel) + c] = sum >> BITS;
      }
    }
  });
  return resized;
}

/**
 * For each new pixel of a line, the first old one that it is made of, and the shares of that and the next ones.
 *
 * @param {number} before
 * @param {number} after
 */
function weights(before, after) {
  const scale = before / after;
  const width = Math.max(scale, 1);
  return Array.from({ length: after }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - RADIUS * width + 0.5));
    const last = Math.min(before, Math.trunc(centre + RADIUS * width + 0.5));
    const heights = Array.from({ length: last - first }, (_, i) => lanczos((i + first - centre + 0.5) * (1 / width)));
    const sum = heights.reduce((total, height) => total + height, 0);
    return { first, shares: heights.map((height) => toFixedPoint(height / sum)) };
  });
}

/** @param {number} share */
function toFixedPoint(share) {
  return Math.trunc(share * 2 ** BITS + (share < 0 ? -0.5 : 0.5));
}

/** @param {number} x */
function lanczos(x) {
  return -RADIUS <= x && x < RADIUS ? sinc(x) * sinc(x / RADIUS) : 0;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
