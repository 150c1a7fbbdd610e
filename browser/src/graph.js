/** Writes an ONNX model: operators, constants, and tensors whose numbers lie in another file. */

import { join, message } from "./protobuf.js";

/** @typedef {string} Name of a tensor in the graph */
/** @typedef {{file: string, offset: number, dims: number[]}} Stored float32 numbers in a file beside the model */
/** @typedef {{[name: string]: number | number[] | string}} Attributes */
/** @typedef {[name: string, dims: (number | string)[]]} Port an input or an output, its free sizes by name */

const FLOAT = 1;
const INT64 = 7;
// The types of attributes, and the fields that hold them.
const INT = { type: 2, field: 3 };
const STRING = { type: 3, field: 4 };
const INTS = { type: 7, field: 8 };
const EXTERNAL = 1;
const IR_VERSION = 9;
const OPSET = 18;

export class Graph {
  constructor() {
    /** @type {Uint8Array[]} */
    this.nodes = [];
    /** @type {Map<string, Uint8Array>} */
    this.tensors = new Map();
    this.count = 0;
  }

  /**
   * Adds an operator with one output.
   *
   * @param {string} type
   * @param {Name[]} inputs
   * @param {Attributes} attributes
   * @returns {Name}
   */
  op(type, inputs, attributes = {}) {
    return this.ops(type, inputs, attributes, 1)[0];
  }

  /**
   * Adds an operator with several outputs.
   *
   * @param {string} type
   * @param {Name[]} inputs
   * @param {Attributes} attributes
   * @param {number} outputs
   * @returns {Name[]}
   */
  ops(type, inputs, attributes, outputs) {
    const names = Array.from({ length: outputs }, () => `t${this.count++}`);
    const written = Object.entries(attributes).map(([name, value]) => {
      const { type, field } = typeof value === "number" ? INT : typeof value === "string" ? STRING : INTS;
      return message([1, name], [field, value], [20, type]);
    });
    this.nodes.push(message([1, inputs], [2, names], [4, type], [5, written]));
    return names;
  }

  /** A float32 constant. @param {number} value */
  number(value) {
    const name = `number ${value}`;
    this.tensors.set(name, tensor(name, FLOAT, [], new Float32Array([value])));
    return name;
  }

  /** A vector of int64. @param {number[]} values */
  ints(...values) {
    const name = `ints ${values}`;
    this.tensors.set(name, tensor(name, INT64, [values.length], new BigInt64Array(values.map(BigInt))));
    return name;
  }

  /**
   * @param {string} name
   * @param {number[]} dims
   * @param {Float32Array} values
   */
  floats(name, dims, values) {
    this.tensors.set(name, tensor(name, FLOAT, dims, values));
    return name;
  }

  /**
   * @param {string} name
   * @param {Stored} stored
   */
  stored(name, { file, offset, dims }) {
    const length = 4 * dims.reduce((product, size) => product * size, 1);
    const entries = Object.entries({ location: file, offset: String(offset), length: String(length) });
    const place = entries.map(([key, value]) => message([1, key], [2, value]));
    this.tensors.set(name, message([1, dims], [2, FLOAT], [8, name], [13, place], [14, EXTERNAL]));
    return name;
  }

  /**
   * The whole model.
   *
   * @param {Port[]} inputs
   * @param {[name: string, value: Name, dims: (number | string)[]]} output
   */
  model(inputs, [name, value, dims]) {
    const copy = message([1, [value]], [2, [name]], [4, "Identity"]);
    const graph = message(
      [1, [...this.nodes, copy]],
      [2, "dream"],
      [5, [...this.tensors.values()]],
      [11, inputs.map((port) => declaration(...port))],
      [12, [declaration(name, dims)]],
    );
    return message([1, IR_VERSION], [7, graph], [8, message([1, ""], [2, OPSET])]);
  }
}

/**
 * @param {string} name
 * @param {number} type
 * @param {number[]} dims
 * @param {Float32Array | BigInt64Array} values
 */
function tensor(name, type, dims, values) {
  return message([1, dims], [2, type], [8, name], [9, new Uint8Array(values.buffer)]);
}

/**
 * @param {string} name
 * @param {(number | string)[]} dims
 */
function declaration(name, dims) {
  const sizes = dims.map((size) => message(typeof size === "number" ? [1, size] : [2, size]));
  const shape = join(sizes.map((size) => message([1, size])));
  return message([1, name], [2, message([1, message([1, FLOAT], [2, shape])])]);
}
