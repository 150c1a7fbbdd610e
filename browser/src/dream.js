/**
 * Google's deepdream of July 2015, function for function: deepdream/dream.py once more.
 *
 * Names, defaults and the order of computation are those of dream.py. Where NumPy rounds to float32, so does Math.fround
 * or storing in a Float32Array.
 */

import { PageError } from "./errors.js";
import { roll, zoom } from "./planes.js";
import { RandomState } from "./random.js";
import { checkSizes, octaveSizes } from "./sizes.js";

/** @typedef {import("./net.js").Net} Net */
/** @typedef {import("./net.js").Features} Features */
/** @typedef {import("./passes.js").Objective} Objective */
/** @typedef {import("./planes.js").Planes} Planes */
/** @typedef {{data: Uint8ClampedArray, h: number, w: number}} Pixels (h, w, 4), RGB of 0-255 and the opacity */

/**
 * @typedef {object} Settings
 * @property {string} end the layer to dream on
 * @property {number} iter_n
 * @property {number} octave_n
 * @property {number} octave_scale
 * @property {number} step_size
 * @property {number} jitter
 * @property {boolean} clip
 * @property {number} seed
 */

/** @type {Omit<Settings, "seed">} */
export const DREAM = {
  end: "inception_4c/output",
  iter_n: 10,
  octave_n: 4,
  octave_scale: 1.4,
  step_size: 1.5,
  jitter: 32,
  clip: true,
};

const MAX_SCORES = 2 ** 27; // float32 numbers: half a gigabyte
const FLOAT32_MAX = 3.4028234663852886e38;

/**
 * Converts RGB of 0-255 to BGR with the mean subtracted.
 *
 * @param {Net} net
 * @param {Pixels} img
 * @returns {Planes}
 */
export function preprocess(net, { data, h, w }) {
  const planes = new Float32Array(3 * h * w);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < h * w; i++) planes[c * h * w + i] = data[4 * i + 2 - c] - net.mean[c];
  }
  return { data: planes, h, w };
}

/**
 * Inverts preprocess. Values are clipped and truncated to 0-255, as the picture of a dream is.
 *
 * @param {Net} net
 * @param {Planes} img
 * @returns {Pixels}
 */
export function deprocess(net, { data, h, w }) {
  const pixels = new Uint8ClampedArray(4 * h * w).fill(255);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < h * w; i++) {
      pixels[4 * i + 2 - c] = Math.floor(Math.fround(data[c * h * w + i] + net.mean[c]));
    }
  }
  return { data: pixels, h, w };
}

/**
 * Runs one step of gradient ascent on the picture in net.src.
 *
 * @param {Net} net
 * @param {Settings} settings
 * @param {Objective} objective
 * @param {Features | null} guide
 * @param {RandomState} rng
 */
export async function make_step(net, settings, objective, guide, rng) {
  const { end, step_size, jitter, clip } = settings;
  await ascend(net, (picture) => net.gradient(picture, end, objective, guide), step_size, jitter, clip, rng);
}

/**
 * Takes one step along a gradient: shifts the picture, moves it, shifts it back and, with `clip`, clips it to 0-255.
 *
 * @param {Net} net
 * @param {(picture: Planes) => Promise<Float32Array>} gradient
 * @param {number} step_size
 * @param {number} jitter
 * @param {boolean} clip
 * @param {Pick<RandomState, "randint">} rng
 */
export async function ascend(net, gradient, step_size, jitter, clip, rng) {
  const [ox, oy] = rng.randint(-jitter, jitter + 1, 2);
  const src = roll(net.src, oy, ox);
  const g = await gradient(src);
  const size = Math.fround(g.reduce((sum, value) => sum + Math.abs(value), 0) / g.length);
  const min_size = Math.abs(step_size) / FLOAT32_MAX; // below this, step_size / size would be infinite
  if (!(min_size < size && size < Infinity)) {
    const fault = size <= min_size ? "zero" : "not finite";
    throw new PageError(`the gradient is ${fault} on this picture: try another layer or a smaller step`);
  }
  const rate = Math.fround(step_size / size);
  for (let i = 0; i < g.length; i++) src.data[i] += Math.fround(rate * g[i]);
  const moved = roll(src, -oy, -ox);
  if (clip) {
    const plane = src.h * src.w;
    net.mean.forEach((bias, c) => {
      for (let i = c * plane; i < (c + 1) * plane; i++) {
        moved.data[i] = Math.min(Math.max(moved.data[i], -bias), 255 - bias);
      }
    });
  }
  net.src = moved;
}

/** The state of dream_steps after a step. */
export class Step {
  /**
   * @param {Net} net
   * @param {Planes} base the original picture
   * @param {Planes} octave_base the original at the size of this octave
   * @param {number} octave counted from 0, the smallest
   * @param {number} iteration counted from 0
   */
  constructor(net, base, octave_base, octave, iteration) {
    this.net = net;
    this.base = base;
    this.octave_base = octave_base;
    this.octave = octave;
    this.iteration = iteration;
  }

  /** The picture at full size with the detail dreamt so far. */
  whole() {
    const { net, base, octave_base } = this;
    if (octave_base.h === base.h && octave_base.w === base.w) return deprocess(net, net.src);
    return deprocess(net, plus(base, zoom(minus(net.src, octave_base), base.h, base.w)));
  }
}

/**
 * Runs the octaves of deepdream on net.src and yields a Step after each step.
 *
 * @param {Net} net
 * @param {Pixels} base_img
 * @param {Settings} settings
 * @param {(rng: RandomState) => Promise<void>} step changes the picture in net.src
 * @returns {AsyncGenerator<Step, void>}
 */
export async function* dream_steps(net, base_img, settings, step) {
  const { iter_n, octave_n, octave_scale } = settings;
  const rng = new RandomState(settings.seed);
  const base = preprocess(net, base_img);
  const octaves = [base];
  for (const { h, w } of octaveSizes(base, octave_n, octave_scale).slice(1)) {
    octaves.push(zoom(octaves[octaves.length - 1], h, w));
  }
  /** What the dream has added so far. @type {Planes | null} */
  let detail = null;
  for (let octave = 0; octave < octave_n; octave++) {
    const octave_base = /** @type {Planes} */ (octaves.pop());
    const { h, w } = octave_base;
    net.src = detail ? plus(zoom(detail, h, w), octave_base) : octave_base;
    for (let i = 0; i < iter_n; i++) {
      await step(rng);
      yield new Step(net, base, octave_base, octave, i);
    }
    detail = minus(net.src, octave_base);
  }
}

/**
 * Runs a complete dream and yields a Step after each step.
 *
 * @param {Net} net
 * @param {Pixels} base_img
 * @param {Settings} settings
 * @param {Objective} objective
 * @param {Pixels | null} guide_img the picture to dream towards
 */
export async function* deepdream(net, base_img, settings, objective, guide_img = null) {
  checkSizes(net.topology, base_img, settings.octave_n, settings.octave_scale, settings.end);
  const guide = guide_img && (await guide_features(net, guide_img, settings.end));
  if (guide) check_scores(net, base_img, settings.end, guide);
  yield* dream_steps(net, base_img, settings, (rng) => make_step(net, settings, objective, guide, rng));
}

/**
 * Throws PageError if comparing each place of the picture with each of the guide needs too much memory.
 *
 * @param {Net} net
 * @param {Pixels} img
 * @param {string} end
 * @param {Features} guide
 */
function check_scores(net, img, end, guide) {
  const { h, w } = net.topology.shapes(img.h, img.w, end)[end];
  if ((h * w * guide.data.length) / guide.channels > MAX_SCORES) {
    throw new PageError(`a guide on layer ${end} needs too much memory: use a smaller longest side, or a later layer`);
  }
}

/**
 * The activations of `end` for a guide picture.
 *
 * @param {Net} net
 * @param {Pixels} guide_img
 * @param {string} end
 */
export async function guide_features(net, guide_img, end) {
  checkSizes(net.topology, guide_img, 1, DREAM.octave_scale, end, "guide");
  return net.features(preprocess(net, guide_img), end);
}

/**
 * @param {Planes} a
 * @param {Planes} b
 * @returns {Planes}
 */
function plus(a, b) {
  return { ...a, data: a.data.map((value, i) => value + b.data[i]) };
}

/**
 * @param {Planes} a
 * @param {Planes} b
 * @returns {Planes}
 */
function minus(a, b) {
  return { ...a, data: a.data.map((value, i) => value - b.data[i]) };
}
