/** What the page shows: the picture, its dream, and how far it is. */

/** @typedef {import("./dream.js").Pixels} Pixels */
/** @typedef {import("./dream.js").Settings} Settings */
/** @typedef {import("./worker.js").Progress} Progress */

/**
 * The element with this id.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`the page has no such element: ${id}`);
  return found;
}

const pictures = element("pictures", HTMLElement);
const [before, after] = ["before", "after"].map((id) => element(id, HTMLCanvasElement));
const compare = element("compare", HTMLInputElement);
const comparePart = element("compare-part", HTMLElement);
const bar = element("progress", HTMLProgressElement);
const status = element("status", HTMLElement);
const fault = element("fault", HTMLElement);

compare.oninput = () => (after.style.clipPath = `inset(0 0 0 ${compare.value}%)`);

/** Shows a picture before its dream. @param {Pixels} pixels */
export function showPicture(pixels) {
  draw(before, pixels);
  after.hidden = comparePart.hidden = true;
  pictures.hidden = false;
}

/** @param {Pixels} pixels */
export function showDream(pixels) {
  draw(after, pixels);
  after.hidden = comparePart.hidden = false;
}

/** @param {string} text */
export function say(text) {
  status.textContent = text;
  fault.textContent = "";
}

/** @param {unknown} error */
export function complain(error) {
  const text = error instanceof Error ? error.message : String(error);
  status.textContent = "";
  fault.textContent = text + (/[.!?]$/.test(text) ? "" : ".");
}

/** Counts the steps of a dream, each by its pixels, which its time is proportional to. */
export class Countdown {
  /**
   * @param {Settings} settings
   * @param {Pixels} pixels
   */
  constructor({ iter_n, octave_n, octave_scale }, { h, w }) {
    this.iter_n = iter_n;
    this.octave_n = octave_n;
    this.began = performance.now();
    this.done = 0;
    const octaves = Array.from({ length: octave_n }, (_, i) => octave_scale ** (-2 * i));
    this.all = iter_n * h * w * octaves.reduce((sum, share) => sum + share, 0);
    bar.value = 0;
    bar.hidden = false;
  }

  /** @param {Progress} progress */
  show({ octave, iteration, h, w }) {
    this.done += h * w;
    const share = Math.min(1, this.done / this.all);
    const left = ((performance.now() - this.began) * (1 - share)) / share / 1000;
    bar.value = share;
    say(
      `octave ${octave + 1} of ${this.octave_n}, iteration ${iteration + 1} of ${this.iter_n}, ` +
        `${w}x${h}, about ${time(left)} left`,
    );
  }
}

/**
 * Shows how many of several pieces are there; the bar goes with the last one.
 *
 * @param {{done: number, all: number}} progress
 */
export function showPieces({ done, all }) {
  bar.value = done / all;
  bar.hidden = done === all;
  say(`fetching the net, ${done} of ${all} pieces`);
}

export function hideBar() {
  bar.hidden = true;
}

/** @param {number} seconds */
export function time(seconds) {
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Pixels} pixels
 */
function draw(canvas, { data, h, w }) {
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(data), w, h), 0, 0);
}
