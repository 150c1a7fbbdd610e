/** Reads the fields of a message in text form. */

import { PageError } from "./errors.js";

/** @typedef {import("./prototxt.js").Message} Message */

/**
 * @param {Message} fields
 * @param {string} name
 * @param {number} otherwise the value of a field that is not there
 */
export function number(fields, name, otherwise) {
  const value = fields[name]?.at(-1) ?? otherwise;
  if (typeof value !== "number") throw new PageError(`the net's field ${name} should be a number, not ${show(value)}`);
  return value;
}

/**
 * @param {Message} fields
 * @param {string} name
 * @param {string} otherwise
 */
export function text(fields, name, otherwise) {
  return String(fields[name]?.at(-1) ?? otherwise);
}

/**
 * @param {Message} fields
 * @param {string} name
 */
export function texts(fields, name) {
  return (fields[name] ?? []).map(String);
}

/**
 * A message within a message; an empty one if it is not there.
 *
 * @param {Message} fields
 * @param {string} name
 * @returns {Message}
 */
export function inner(fields, name) {
  const value = fields[name]?.at(-1) ?? Object.create(null);
  if (typeof value !== "object") throw new PageError(`the net's field ${name} should be a message, not ${show(value)}`);
  return value;
}

/**
 * A number for each direction: given once, twice, or as name_h and name_w.
 *
 * @param {Message} fields
 * @param {string} name
 * @param {string} short the name with _h and _w
 * @param {number} otherwise
 * @returns {[vertical: number, horizontal: number]}
 */
export function pair(fields, name, short, otherwise) {
  if (fields[`${short}_h`] || fields[`${short}_w`]) {
    return [number(fields, `${short}_h`, 0), number(fields, `${short}_w`, 0)];
  }
  const first = fields[name]?.slice(0, 1) ?? [];
  return [number({ [name]: first }, name, otherwise), number(fields, name, otherwise)];
}

/** @param {unknown} value */
function show(value) {
  return String(value).slice(0, 40);
}
