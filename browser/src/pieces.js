/** Fetches a net whose numbers lie in many small files, and joins them to a .caffemodel. */

import { PageError } from "./errors.js";
import { inner, number, pair } from "./params.js";
import { join, message, varint } from "./protobuf.js";
import { sha256 } from "./sha256.js";
import { Topology } from "./topology.js";

/** @typedef {import("./topology.js").Layer} Layer */
/** @typedef {import("./worker.js").NetFiles} NetFiles */

/**
 * @typedef {object} Source
 * @property {string} name of the net
 * @property {string[]} prototxt the addresses of its deploy.prototxt, which are tried in turn
 * @property {string} prototxtSum its SHA-256
 * @property {string[]} pieces the addresses of the folder with LAYER_filter.bin and LAYER_bias.bin for each layer
 * @property {string} sum the SHA-256 of the .caffemodel that they make
 */

const AT_ONCE = 6;
const PATIENCE = 60_000; // milliseconds
const WAY_OUT = "try again, or choose the net's two files";
const NUMBER = 4; // bytes

/**
 * @param {Source} source
 * @param {(progress: {done: number, all: number}) => void} tell
 * @returns {Promise<NetFiles>}
 */
export async function fetchNet(source, tell) {
  const description = await get(source.prototxt);
  check(description, source.prototxtSum, "deploy.prototxt");
  const { layers } = new Topology(new TextDecoder().decode(description));
  const learned = layers.filter(({ type }) => type === "Convolution" || type === "InnerProduct");
  const names = learned.flatMap(({ name }) => [`${name}_filter.bin`, `${name}_bias.bin`]);
  const pieces = await getAll(
    names.map((name) => source.pieces.map((folder) => folder + name)),
    tell,
  );
  const written = learned.map((layer, i) => layerMessage(layer, pieces[2 * i], pieces[2 * i + 1]));
  const weights = message([100, written]);
  check(weights, source.sum, "the net");
  const called = { prototxt: "deploy.prototxt", weights: `${source.name}.caffemodel` };
  return { prototxt: new Blob([description]), weights: new Blob([weights]), names: called };
}

/**
 * Fetches files, a few at a time, and returns them in order.
 *
 * @param {string[][]} addresses of each file
 * @param {(progress: {done: number, all: number}) => void} tell
 */
async function getAll(addresses, tell) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const files = [];
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < addresses.length) {
      const i = next++;
      files[i] = await get(addresses[i]);
      tell({ done: ++done, all: addresses.length });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return files;
}

/**
 * Fetches a file from the first address that has it.
 *
 * @param {string[]} addresses
 */
async function get(addresses) {
  let why = "";
  for (const address of addresses) {
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE), credentials: "omit" });
      if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
      why = `${address} cannot be fetched (the answer is ${answer.status})`;
    } catch (error) {
      const isLate = error instanceof Error && error.name === "TimeoutError";
      why = `${address} cannot be fetched (${isLate ? "it takes too long" : "it cannot be reached"})`;
    }
  }
  throw new PageError(`${why}: ${WAY_OUT}`);
}

/**
 * @param {Uint8Array} bytes
 * @param {string} sum
 * @param {string} what
 */
function check(bytes, sum, what) {
  if (sha256(bytes) !== sum) throw new PageError(`${what} came with other bytes than it should: ${WAY_OUT}`);
}

/**
 * A layer with its numbers, as Caffe writes it.
 *
 * @param {Layer} layer
 * @param {Uint8Array<ArrayBuffer>} filter stored as (out, height, width, in)
 * @param {Uint8Array<ArrayBuffer>} bias
 */
function layerMessage({ name, type, fields }, filter, bias) {
  const isConvolution = type === "Convolution";
  const param = inner(fields, isConvolution ? "convolution_param" : "inner_product_param");
  const out = number(param, "num_output", 0);
  const window = isConvolution ? pair(param, "kernel_size", "kernel", 1) : [];
  const places = window.reduce((product, size) => product * size, 1);
  const channels = Math.floor(filter.length / (NUMBER * out * places));
  const dims = [out, channels, ...window];
  if (filter.length !== NUMBER * out * places * channels || bias.length !== NUMBER * out) {
    throw new PageError(`the numbers of layer ${name} came incomplete: ${WAY_OUT}`);
  }
  const numbers = channelsFirst(new Float32Array(filter.buffer), out, places, channels);
  return message([1, name], [2, type], [7, [blob(numbers, dims), blob(new Float32Array(bias.buffer), [out])]]);
}

/**
 * (out, places, channels) as (out, channels, places).
 *
 * @param {Float32Array} numbers
 * @param {number} out
 * @param {number} places
 * @param {number} channels
 */
function channelsFirst(numbers, out, places, channels) {
  const turned = new Float32Array(numbers.length);
  let from = 0;
  for (let o = 0; o < out; o++) {
    for (let place = 0; place < places; place++) {
      for (let c = 0; c < channels; c++) turned[(o * channels + c) * places + place] = numbers[from++];
    }
  }
  return turned;
}

/**
 * @param {Float32Array} numbers
 * @param {number[]} dims
 */
function blob(numbers, dims) {
  const data = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return message([5, data], [7, message([1, join(dims.map(varint))])]);
}
