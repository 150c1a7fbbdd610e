/** Protobuf's wire format: Caffe's weights are read from it, and ONNX models are written in it. */

import { PageError } from "./errors.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * @typedef {object} Field one field of a message
 * @property {number} number
 * @property {number} start the place of its content
 * @property {number} end
 * @property {number} value its content, if that is a number
 */

/**
 * Yields the fields of the message in bytes[start:end].
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @returns {Generator<Field>}
 */
export function* fields(bytes, start = 0, end = bytes.length) {
  let at = start;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < end; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new PageError("a message is cut short");
  };
  while (at < end) {
    const key = varint();
    const wire = key % 8;
    if (![VARINT, FIXED64, BYTES, FIXED32].includes(wire) || key < 8) throw new PageError("a message is damaged");
    const value = wire === VARINT || wire === BYTES ? varint() : 0;
    const length = { [VARINT]: 0, [FIXED64]: 8, [BYTES]: value, [FIXED32]: 4 }[wire] ?? 0;
    if (at + length > end) throw new PageError("a message is cut short");
    yield { number: Math.floor(key / 8), start: at, end: at + length, value };
    at += length;
  }
}

/** @typedef {number | string | Uint8Array} Value */

/**
 * Writes a message.
 *
 * @param {...[number, Value | Value[]]} content the fields, each with one value or several
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function message(...content) {
  const parts = content.flatMap(([number, values]) => [values].flat().map((value) => field(number, value)));
  return join(parts);
}

/**
 * @param {number} number
 * @param {Value} value
 * @returns {Uint8Array}
 */
function field(number, value) {
  if (typeof value === "number") return join([varint(number * 8 + VARINT), varint(value)]);
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return join([varint(number * 8 + BYTES), varint(bytes.length), bytes]);
}

/** @param {number} value a whole number, 0 or more */
export function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.of(...bytes, value);
}

/** @param {Uint8Array[]} parts */
export function join(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
