/** Sorts the files that a visitor drops or chooses, by their names and their first bytes. */

import { PageError } from "./errors.js";

const PICTURE = /\.(jpe?g|png|gif|webp|avif|bmp|ico|svg)$/i;

/**
 * @typedef {object} Sorted
 * @property {File | null} prototxt
 * @property {File | null} weights
 * @property {File | null} picture
 */

/**
 * Throws PageError for a file that is none of these, and for two of a kind.
 *
 * @param {Iterable<File>} files
 * @returns {Sorted}
 */
export function sortFiles(files) {
  /** @type {Sorted} */
  const sorted = { prototxt: null, weights: null, picture: null };
  for (const file of files) {
    const kind = kindOf(file);
    const other = sorted[kind];
    if (other) throw new PageError(`${other.name} and ${file.name} are of one kind: give one of them`);
    if (!file.size) throw new PageError(`${file.name} is empty: choose it again`);
    sorted[kind] = file;
  }
  return sorted;
}

/**
 * @param {File} file
 * @returns {"prototxt" | "weights" | "picture"}
 */
function kindOf(file) {
  if (/\.caffemodel(\.\d+)?$/i.test(file.name)) return "weights";
  if (/\.prototxt(\.txt)?$/i.test(file.name)) return "prototxt";
  if (file.type.startsWith("image/") || PICTURE.test(file.name)) return "picture";
  throw new PageError(`${file.name} is no picture, no .prototxt and no .caffemodel`);
}
