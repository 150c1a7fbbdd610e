/** A deploy.prototxt as the list of layers that Caffe would run: deepdream/caffe_format/topology.py. */

import { PageError } from "./errors.js";
import { KINDS } from "./layers.js";
import { number, text, texts } from "./params.js";
import { parsePrototxt } from "./prototxt.js";

/** @typedef {import("./prototxt.js").Message} Message */
/** @typedef {import("./layers.js").Shape} Shape */

/**
 * @typedef {object} Layer
 * @property {string} name
 * @property {string} type
 * @property {string[]} bottoms
 * @property {string[]} tops
 * @property {Message} fields
 */

/** The names of the layer types before December 2014, and today's. */
const V1_TYPES = /** @type {{[type: string]: string}} */ ({
  CONCAT: "Concat",
  CONVOLUTION: "Convolution",
  DROPOUT: "Dropout",
  ELTWISE: "Eltwise",
  INNER_PRODUCT: "InnerProduct",
  LRN: "LRN",
  POOLING: "Pooling",
  RELU: "ReLU",
  SOFTMAX: "Softmax",
});

export class Topology {
  /** @param {string} prototxt */
  constructor(prototxt) {
    const net = parsePrototxt(prototxt);
    const layers = [...(net.layers ?? []), ...(net.layer ?? [])].map(asLayer).filter(runsInTests);
    const inputs = [...texts(net, "input"), ...layers.filter((layer) => layer.type === "Input").flatMap((l) => l.tops)];
    if (!layers.length) throw new PageError("it is not a Caffe net in text form: it holds no layers");
    if (!inputs.length) throw new PageError("it declares no input: use the net's deploy.prototxt");
    /** The blob of the picture. */
    this.input = inputs[0];
    this.layers = layers.filter((layer) => layer.type !== "Input");
    const written = new Set(inputs);
    for (const layer of this.layers) {
      const missing = layer.bottoms.find((bottom) => !written.has(bottom));
      if (missing !== undefined) {
        throw new PageError(`layer ${layer.name} reads ${missing}, which no earlier layer writes`);
      }
      layer.tops.forEach((top) => written.add(top));
    }
  }

  /**
   * The layers that `end` depends on, itself included, in Caffe's order.
   *
   * @param {string} end
   */
  needed(end) {
    const last = this.layers.findIndex((layer) => layer.name === end);
    if (last < 0) throw new PageError(`there is no layer ${end} in this net`);
    const wanted = new Set(this.layers[last].tops);
    /** @type {Layer[]} */
    const chosen = [];
    for (const layer of this.layers.slice(0, last + 1).reverse()) {
      if (!layer.tops.some((top) => wanted.has(top))) continue;
      layer.tops.forEach((top) => wanted.delete(top));
      layer.bottoms.forEach((bottom) => wanted.add(bottom));
      chosen.unshift(layer);
    }
    return chosen;
  }

  /**
   * The layers that one can dream on here, with their numbers of channels.
   *
   * Throws PageError, with the reason, if there is none.
   */
  dreamable() {
    /** @type {Map<string, number>} */
    const channels = new Map();
    let why = "it has no layer whose blob has the same name";
    for (const layer of this.layers.filter(({ name, tops }) => tops.includes(name))) {
      const obstacle = this.needed(layer.name).map(refusal).find(Boolean);
      if (obstacle) why = channels.size ? why : obstacle;
      else channels.set(layer.name, this.shapes(224, 224, layer.name)[layer.name].c);
    }
    if (!channels.size) throw new PageError(`this page cannot dream on that net: ${why}`);
    return channels;
  }

  /**
   * The shapes of the blobs that `end` depends on, for one picture. A size may come out below 1.
   *
   * @param {number} h
   * @param {number} w
   * @param {string} end
   * @returns {{[blob: string]: Shape}}
   */
  shapes(h, w, end) {
    /** @type {{[blob: string]: Shape}} */
    const shapes = Object.assign(Object.create(null), { [this.input]: { c: 3, h, w } });
    for (const layer of this.needed(end)) {
      const shape = KINDS[layer.type].shape(
        layer,
        layer.bottoms.map((bottom) => shapes[bottom]),
      );
      layer.tops.forEach((top) => (shapes[top] = shape));
    }
    return shapes;
  }

  /**
   * Whether `end` can work on a picture of this size.
   *
   * @param {number} h
   * @param {number} w
   * @param {string} end
   */
  fits(h, w, end) {
    return h > 0 && w > 0 && Object.values(this.shapes(h, w, end)).every((shape) => shape.h > 0 && shape.w > 0);
  }

  /**
   * Traces a channel back through Concat, ReLU and Clip to the layer and the channel that it comes from.
   *
   * A ReLU passes no gradient where its input is negative, and a single channel is often negative everywhere.
   *
   * @param {string} end
   * @param {number} channel
   * @returns {{end: string, channel: number}}
   */
  channelSource(end, channel) {
    const layers = this.needed(end);
    const layer = layers[layers.length - 1];
    const shapes = this.shapes(224, 224, end);
    let before = "";
    if (layer.type === "Concat") {
      for (before of layer.bottoms) {
        if (channel < shapes[before].c) break;
        channel -= shapes[before].c;
      }
    } else if (layer.type === "ReLU" || layer.type === "Clip") {
      before = layer.bottoms[0];
    }
    const maker = this.maker(before);
    return maker ? this.channelSource(maker, channel) : { end, channel };
  }

  /**
   * The layer that made a blob and has its name; "" if there is none.
   *
   * @param {string} blob
   * @returns {string}
   */
  maker(blob) {
    const layer = this.layers.find(({ tops }) => tops.includes(blob));
    if (layer?.type === "Dropout" && layer.name !== blob) return this.maker(layer.bottoms[0]);
    return layer?.name === blob ? blob : "";
  }
}

/**
 * Why a layer cannot be computed here; "" if it can.
 *
 * @param {Layer} layer
 */
function refusal(layer) {
  const kind = KINDS[layer.type];
  if (!Object.hasOwn(KINDS, layer.type)) return `layer ${layer.name} is of type ${layer.type}, which it does not know`;
  const why = kind.refuses(layer);
  return why && `layer ${layer.name} (${layer.type}) has ${why}, which it does not know`;
}

/**
 * @param {import("./prototxt.js").Value} fields
 * @returns {Layer}
 */
function asLayer(fields) {
  if (typeof fields !== "object") throw new PageError("it is not a Caffe net in text form: a layer has no fields");
  const type = text(fields, "type", "");
  return {
    name: text(fields, "name", ""),
    type: Object.hasOwn(V1_TYPES, type) ? V1_TYPES[type] : type,
    bottoms: texts(fields, "bottom"),
    tops: texts(fields, "top"),
    fields,
  };
}

/**
 * Whether a layer is part of the net in Caffe's TEST phase.
 *
 * @param {Layer} layer
 */
function runsInTests({ fields }) {
  /** @param {import("./prototxt.js").Value} rule */
  const meets = (rule) =>
    typeof rule === "object" &&
    text(rule, "phase", "TEST") === "TEST" &&
    number(rule, "min_level", 0) <= 0 &&
    number(rule, "max_level", 0) >= 0 &&
    !rule.stage;
  return fields.include ? fields.include.some(meets) : !(fields.exclude ?? []).some(meets);
}
