/** The sizes of a dream's octaves, and whether a net can work on them: deepdream/caffe_format/sizes.py. */

import { PageError } from "./errors.js";

/** @typedef {import("./topology.js").Topology} Topology */
/** @typedef {{h: number, w: number}} Size */

const MAX_TRIED = 1024; // pixels

/** Python's round. @param {number} x */
export function round(x) {
  const nearest = Math.round(x);
  return nearest - x === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

/**
 * The size of every octave, the full size first.
 *
 * @param {Size} size
 * @param {number} octave_n
 * @param {number} octave_scale
 * @returns {Size[]}
 */
export function octaveSizes({ h, w }, octave_n, octave_scale) {
  const sizes = [{ h, w }];
  for (let i = 1; i < octave_n; i++) {
    ({ h, w } = sizes[i - 1]);
    sizes.push({ h: round(h * (1.0 / octave_scale)), w: round(w * (1.0 / octave_scale)) });
  }
  return sizes;
}

/**
 * Throws PageError if layer `end` cannot work on an octave of a picture, and says what would work.
 *
 * @param {Topology} topology
 * @param {Size} size
 * @param {number} octave_n
 * @param {number} octave_scale
 * @param {string} end
 * @param {string} what
 */
export function checkSizes(topology, size, octave_n, octave_scale, end, what = "picture") {
  const sizes = octaveSizes(size, octave_n, octave_scale);
  const works = sizes.findIndex(({ h, w }) => !topology.fits(h, w, end));
  if (works < 0) return;
  if (works === 0) {
    throw new PageError(`a ${what} of ${size.w}x${size.h} does not suit layer ${end}, ${suitable(topology, end)}`);
  }
  const small = sizes[works];
  const octaves = works === 1 ? "one octave works" : `${works} octaves work`;
  throw new PageError(
    `octave ${works + 1} would be ${small.w}x${small.h}, which does not suit layer ${end}: ` +
      `at most ${octaves} for a ${what} of ${size.w}x${size.h}`,
  );
}

/**
 * @param {Topology} topology
 * @param {string} end
 */
function suitable(topology, end) {
  for (let side = 1; side <= MAX_TRIED; side++) {
    if (topology.fits(side, side, end)) return `which needs at least ${side}x${side}`;
  }
  return `which accepts no square picture up to ${MAX_TRIED}x${MAX_TRIED}: use another layer`;
}
