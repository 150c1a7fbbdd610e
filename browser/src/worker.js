/** Dreams in a worker, so that the page never stalls: answers requests of client.js. */

import { deepdream } from "./dream.js";
import { PageError, bytesOf } from "./errors.js";
import { MEAN, Net } from "./net.js";
import { fetchNet } from "./pieces.js";
import { readPicture } from "./picture.js";
import { encodePng } from "./png.js";
import { KEYWORD, recipeOf, toJson } from "./recipe.js";
import { sha256 } from "./sha256.js";
import { Topology } from "./topology.js";
import { Weights } from "./weights.js";

/** @typedef {import("./dream.js").Pixels} Pixels */
/** @typedef {import("./dream.js").Settings} Settings */
/** @typedef {import("./passes.js").Objective} Objective */
/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {{name: string, mean: number[], layers: {[prefix: string]: string}, sums: string[]}} Card */
/** @typedef {{prototxt: Blob, weights: Blob, names: {prototxt: string, weights: string}}} NetFiles */
/** @typedef {import("./pieces.js").Source} Source */
/** @typedef {{version: string, runtime: string, cards: Card[], source: Source}} About */
/** @typedef {{name: string, channels: number, note: string}} LayerChoice */
/** @typedef {{name: string, isKnown: boolean, layers: LayerChoice[]}} OpenedNet */

/**
 * @typedef {object} Wish what a visitor wants to be dreamt
 * @property {Blob} picture
 * @property {Blob | null} guide
 * @property {number} maxSize
 * @property {Settings} settings `end` is the layer that was asked for
 * @property {number | null} channel of that layer
 */

/**
 * @typedef {object} Progress
 * @property {Pixels} pixels
 * @property {number} octave counted from 0
 * @property {number} iteration counted from 0
 * @property {number} h of this octave
 * @property {number} w
 */

/** @typedef {{png: Blob, pixels: Pixels, moment: string | null, seconds: number}} Dreamt */

/** @type {import("./net.js").Runtime} */
let ort;
/** @type {About} */
let about;
/** @type {Net} */
let net;
/** @type {import("./recipe.js").Model} */
let model;
let isStopped = false;

/** @type {{[name: string]: (arg: any, tell: (progress: any) => void) => Promise<unknown>}} */
const REQUESTS = { start, open, look, dream, stop, fetchNet: (_, tell) => fetchNet(about.source, tell) };

onmessage = async ({ data: { id, name, arg } }) => {
  try {
    const answer = await REQUESTS[name](arg, (progress) => postMessage({ id, progress }));
    postMessage({ id, answer });
  } catch (error) {
    const isExpected = error instanceof PageError;
    postMessage({ id, fault: isExpected ? error.message : `something failed in this page: ${error}`, isExpected });
  }
};

/**
 * Starts the runtime.
 *
 * @param {{runtime: string, wasm: Uint8Array<ArrayBuffer>, about: About}} arg its code, and its gzipped WebAssembly
 */
async function start({ runtime, wasm, about: told }) {
  about = told;
  const address = URL.createObjectURL(new Blob([runtime], { type: "text/javascript" }));
  ort = await import(address);
  URL.revokeObjectURL(address);
  const whole = new Blob([wasm]).stream().pipeThrough(new DecompressionStream("gzip"));
  ort.env.wasm.wasmBinary = await new Response(whole).arrayBuffer();
  ort.env.wasm.numThreads = 1;
}

/**
 * Reads a net.
 *
 * @param {NetFiles} files
 * @returns {Promise<OpenedNet>}
 */
async function open({ prototxt, weights, names }) {
  const description = await named(names.prototxt, () => bytesOf(prototxt));
  const bytes = await named(names.weights, () => bytesOf(weights));
  const topology = await named(names.prototxt, () => new Topology(new TextDecoder().decode(description)));
  const layers = await named(names.prototxt, () => topology.dreamable());
  const stored = await named(names.weights, () => new Weights(bytes));
  const sum = sha256(bytes);
  const card = about.cards.find(({ sums }) => sums.includes(sum));
  net = await named(names.weights, () => new Net(ort, topology, stored, card?.mean ?? MEAN));
  const name = card?.name ?? names.weights.replace(/\.caffemodel$/i, "");
  const numbers = sha256(stored.numbers(topology.layers.map((layer) => layer.name)));
  model = { name, sha256: sum, numbers, prototxtSha256: sha256(description), mean: card ? null : net.mean };
  const notes = card?.layers ?? {};
  const choices = [...layers].map(([layer, channels]) => ({ name: layer, channels, note: noteOf(layer, notes) }));
  return { name, isKnown: Boolean(card), layers: choices };
}

/**
 * Reads a picture as it is dreamt on.
 *
 * @param {{picture: Blob, maxSize: number}} arg
 */
async function look({ picture, maxSize }) {
  return (await readPicture(picture, maxSize)).pixels;
}

/**
 * @param {Wish} wish
 * @param {(progress: Progress) => void} tell
 * @returns {Promise<Dreamt>}
 */
async function dream({ picture, guide, maxSize, settings, channel }, tell) {
  isStopped = false;
  const began = performance.now();
  const base = await readPicture(picture, maxSize);
  const towards = guide && (await readPicture(guide, maxSize));
  const target = channel === null ? null : channelTarget(settings.end, channel);
  const end = target?.end ?? settings.end;
  /** @type {Objective} */
  const objective = target ? { kind: "channel", channel: target.channel } : { kind: towards ? "guide" : "l2" };
  let pixels = base.pixels;
  let moment = null;
  const { octave_n, iter_n } = settings;
  const steps = deepdream(net, base.pixels, { ...settings, end }, objective, towards && towards.pixels);
  for await (const step of steps) {
    pixels = withOpacity(step.whole(), base);
    const { octave, iteration } = step;
    tell({ pixels, octave, iteration, h: net.src.h, w: net.src.w });
    await breath();
    const isLast = octave + 1 === octave_n && iteration + 1 === iter_n;
    if (isStopped && !isLast) {
      moment = `octave ${octave + 1} of ${octave_n}, iteration ${iteration + 1} of ${iter_n}`;
      break;
    }
  }
  const recipe = recipeOf({
    ...about,
    model,
    settings,
    maxSize,
    layer: settings.end,
    objective: channel === null ? objective : { kind: "channel", channel },
    input: base.sha256,
    guide: towards && towards.sha256,
    moment,
  });
  const png = await encodePng(pixels, KEYWORD, toJson(recipe));
  return { png, pixels, moment, seconds: (performance.now() - began) / 1000 };
}

/**
 * The layer and the channel that a channel comes from; throws PageError if the layer has no such channel.
 *
 * @param {string} end
 * @param {number} channel
 */
function channelTarget(end, channel) {
  const count = net.topology.dreamable().get(end) ?? 0;
  if (channel >= count) {
    throw new PageError(`layer ${end} has no channel ${channel}: its channels are 0 to ${count - 1}`);
  }
  return net.topology.channelSource(end, channel);
}

async function stop() {
  isStopped = true;
}

/** Lets messages in. A timer would be slowed down in a tab that nobody looks at. */
function breath() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}

/**
 * @param {Pixels} pixels
 * @param {Picture} base the picture whose opacity they get
 */
function withOpacity(pixels, base) {
  if (!base.isOpaque) for (let i = 3; i < pixels.data.length; i += 4) pixels.data[i] = base.pixels.data[i];
  return pixels;
}

/**
 * What dreams on a layer tend to show: the entry for its longest prefix.
 *
 * @param {string} layer
 * @param {{[prefix: string]: string}} notes
 */
function noteOf(layer, notes) {
  const prefixes = Object.keys(notes).filter((prefix) => layer.startsWith(prefix));
  return notes[prefixes.sort((a, b) => b.length - a.length)[0]] ?? "";
}

/**
 * Names the file that a fault is in.
 *
 * @template T
 * @param {string} file
 * @param {() => T | Promise<T>} work
 */
async function named(file, work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PageError) throw new PageError(`${file}: ${error.message}`);
    throw error;
  }
}
