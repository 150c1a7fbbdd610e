/** Where the parameters of each layer lie in a .caffemodel: deepdream/caffe_format/weights.py. */

import { PageError } from "./errors.js";
import { fields, join } from "./protobuf.js";

/** @typedef {import("./graph.js").Stored} Stored */

/**
 * @typedef {object} Blob
 * @property {number[]} dims
 * @property {boolean} isOld whether it has the older 4-D shape, where a bias is 1x1x1xN
 * @property {number} start the place of its numbers
 * @property {number} end
 * @property {boolean} isDouble whether they are float64
 */

/** The messages of today's layers and of those before December 2014, and where they have their name and their blobs. */
const LAYERS = /** @type {{[field: number]: {name: number, blobs: number}}} */ ({
  2: { name: 4, blobs: 6 },
  100: { name: 1, blobs: 7 },
});
const [DATA, SHAPE, DOUBLE_DATA] = [5, 7, 8];
const CAFFEMODEL = "caffemodel";
const CONVERTED = "converted";

export class Weights {
  /** @param {Uint8Array} bytes a .caffemodel */
  constructor(bytes) {
    this.bytes = bytes;
    /** @type {Map<string, Blob[]>} */
    this.blobs = new Map();
    /** @type {{path: string, data: Uint8Array}[]} what Stored tensors refer to */
    this.files = [{ path: CAFFEMODEL, data: bytes }];
    try {
      for (const field of fields(bytes)) {
        if (!LAYERS[field.number]) continue;
        const [name, blobs] = readLayer(bytes, field.start, field.end, LAYERS[field.number]);
        if (blobs.length) this.blobs.set(name, blobs);
      }
    } catch (error) {
      if (error instanceof PageError) throw new PageError("it is damaged or not a .caffemodel");
      throw error;
    }
    if (!this.blobs.size) throw new PageError("it holds no weights, so it is damaged or not a .caffemodel");
  }

  /**
   * The parameters of a layer, in the shapes that the net wants. Throws PageError if they are of another net.
   *
   * @param {string} layer
   * @param {number[][]} wanted
   * @returns {Stored[]}
   */
  of(layer, wanted) {
    const found = this.blobs.get(layer) ?? [];
    if (found.length !== wanted.length || !found.every((blob, i) => fits(blob, wanted[i]))) {
      const has = show(found.map((blob) => blob.dims));
      throw new PageError(
        `it holds the weights of another net: layer ${layer} needs ${show(wanted)}, but it has ${has}`,
      );
    }
    return found.map((blob, i) => this.stored(layer, blob, wanted[i]));
  }

  /**
   * All numbers of the net as float32, in the order that its identity is taken in: deepdream/modelzoo/numbers.py.
   *
   * @param {string[]} layers in the prototxt's order
   */
  numbers(layers) {
    const blobs = layers.flatMap((layer) => this.blobs.get(layer) ?? []);
    const parts = blobs.map(({ start, end, isDouble }) => {
      const bytes = this.bytes.subarray(start, end);
      return isDouble ? asFloat32(bytes) : bytes;
    });
    return join(parts);
  }

  /**
   * @param {string} layer
   * @param {Blob} blob
   * @param {number[]} dims
   * @returns {Stored}
   */
  stored(layer, blob, dims) {
    const count = dims.reduce((product, size) => product * size, 1);
    if (blob.end - blob.start !== count * (blob.isDouble ? 8 : 4)) {
      throw new PageError(`it is damaged at layer ${layer}: download it again`);
    }
    if (!blob.isDouble) return { file: CAFFEMODEL, offset: blob.start, dims };
    const path = `${CONVERTED} ${this.files.length}`;
    this.files.push({ path, data: asFloat32(this.bytes.subarray(blob.start, blob.end)) });
    return { file: path, offset: 0, dims };
  }
}

/**
 * Doubles as float32.
 *
 * @param {Uint8Array} bytes
 */
function asFloat32(bytes) {
  return new Uint8Array(Float32Array.from(new Float64Array(bytes.slice().buffer)).buffer);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @param {{name: number, blobs: number}} places
 * @returns {[string, Blob[]]}
 */
function readLayer(bytes, start, end, places) {
  let name = "";
  const blobs = [];
  for (const field of fields(bytes, start, end)) {
    if (field.number === places.name) name = new TextDecoder().decode(bytes.subarray(field.start, field.end));
    if (field.number === places.blobs) blobs.push(readBlob(bytes, field.start, field.end));
  }
  return [name, blobs];
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @returns {Blob}
 */
function readBlob(bytes, start, end) {
  const blob = { dims: /** @type {number[]} */ ([]), isOld: false, start: 0, end: 0, isDouble: false };
  const old = [0, 0, 0, 0];
  for (const field of fields(bytes, start, end)) {
    if (field.number <= 4) {
      old[field.number - 1] = field.value;
      blob.isOld = true;
    } else if (field.number === SHAPE) {
      blob.dims = readShape(bytes, field.start, field.end);
    } else if (field.number === DATA || field.number === DOUBLE_DATA) {
      Object.assign(blob, { start: field.start, end: field.end, isDouble: field.number === DOUBLE_DATA });
    }
  }
  return blob.isOld ? { ...blob, dims: old } : blob;
}

/**
 * A BlobShape: its numbers one by one, or packed into one field.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function readShape(bytes, start, end) {
  const dims = [];
  for (const field of fields(bytes, start, end)) {
    if (field.start === field.end) dims.push(field.value);
    for (let at = field.start, scale = 1, size = 0; at < field.end; at++) {
      size += (bytes[at] & 127) * scale;
      scale *= 128;
      if (bytes[at] < 128) {
        dims.push(size);
        [scale, size] = [1, 0];
      }
    }
  }
  return dims;
}

/**
 * @param {Blob} blob
 * @param {number[]} wanted
 */
function fits(blob, wanted) {
  const ones = blob.isOld ? Array(4 - wanted.length).fill(1) : [];
  return String(blob.dims) === String([...ones, ...wanted]);
}

/** @param {number[][]} shapes */
function show(shapes) {
  return shapes.map((dims) => dims.join("x") || "one number").join(" and ") || "nothing";
}
