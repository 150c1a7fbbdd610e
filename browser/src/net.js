/** A net that onnxruntime-web runs in WebAssembly, on one thread and without a GPU. */

import { PageError } from "./errors.js";
import { KINDS } from "./layers.js";
import { FEATURES, GRADIENT, GUIDE, PICTURE, featuresModel, gradientModel } from "./passes.js";

/** @typedef {typeof import("onnxruntime-web")} Runtime */
/** @typedef {import("onnxruntime-web").InferenceSession} Session */
/** @typedef {import("./passes.js").Objective} Objective */
/** @typedef {import("./planes.js").Planes} Planes */
/** @typedef {import("./topology.js").Topology} Topology */
/** @typedef {import("./weights.js").Weights} Weights */
/** @typedef {{data: Float32Array, channels: number}} Features (channels, places) */

export const MEAN = [104, 116, 122]; // blue, green, red: the 2015 notebook's

export class Net {
  /**
   * @param {Runtime} ort
   * @param {Topology} topology
   * @param {Weights} weights
   * @param {number[]} mean
   */
  constructor(ort, topology, weights, mean = MEAN) {
    this.ort = ort;
    this.topology = topology;
    this.weights = weights;
    this.mean = mean;
    /** The picture: the input blob of Caffe's net. @type {Planes} */
    this.src = { data: new Float32Array(0), h: 0, w: 0 };
    /** @type {Session | null} */
    this.session = null;
    this.sessionFor = "";
    for (const end of topology.dreamable().keys()) this.check(end);
  }

  /** Throws PageError unless the weights fit layer `end`. @param {string} end */
  check(end) {
    const layer = this.topology.needed(end).at(-1);
    const shapes = this.topology.shapes(224, 224, end);
    if (!layer) return;
    const bottoms = layer.bottoms.map((bottom) => shapes[bottom]);
    this.weights.of(layer.name, KINDS[layer.type].params(layer, bottoms));
  }

  /**
   * The gradient of an objective on layer `end` with respect to a picture.
   *
   * @param {Planes} picture
   * @param {string} end
   * @param {Objective} objective
   * @param {Features | null} guide the features to dream towards
   * @returns {Promise<Float32Array>}
   */
  async gradient(picture, end, objective, guide = null) {
    const session = await this.sessionOf(`${JSON.stringify(objective)} ${end}`, (params) =>
      gradientModel(this.topology, params, end, objective),
    );
    const inputs = guide && { [GUIDE]: this.tensor(guide.data, [guide.channels, guide.data.length / guide.channels]) };
    return this.run(session, { ...this.pictureInput(picture), ...inputs }, GRADIENT);
  }

  /**
   * What layer `end` sees in a picture.
   *
   * @param {Planes} picture
   * @param {string} end
   * @returns {Promise<Features>}
   */
  async features(picture, end) {
    const session = await this.sessionOf(`features ${end}`, (params) => featuresModel(this.topology, params, end));
    const data = await this.run(session, this.pictureInput(picture), FEATURES);
    return { data, channels: this.topology.shapes(picture.h, picture.w, end)[end].c };
  }

  /**
   * The session of a model; the last one is kept.
   *
   * @param {string} name
   * @param {(params: import("./passes.js").FindParams) => Uint8Array} write
   */
  async sessionOf(name, write) {
    if (this.session && this.sessionFor === name) return this.session;
    await this.session?.release();
    this.session = null;
    const model = write((layer, wanted) => this.weights.of(layer, wanted));
    this.session = await refusingLittleMemory(() =>
      this.ort.InferenceSession.create(model, {
        executionProviders: ["wasm"],
        externalData: this.weights.files.map(({ path, data }) => ({ path, data })),
        enableMemPattern: false, // every octave has another size
        logSeverityLevel: 3, // errors
      }),
    );
    this.sessionFor = name;
    return this.session;
  }

  /**
   * @param {Session} session
   * @param {{[name: string]: import("onnxruntime-web").Tensor}} inputs
   * @param {string} output
   * @returns {Promise<Float32Array>}
   */
  async run(session, inputs, output) {
    const outputs = await refusingLittleMemory(() => session.run(inputs));
    return /** @type {Float32Array} */ (outputs[output].data);
  }

  /** @param {Planes} picture */
  pictureInput({ data, h, w }) {
    return { [PICTURE]: this.tensor(data, [1, 3, h, w]) };
  }

  /**
   * @param {Float32Array} data
   * @param {number[]} dims
   */
  tensor(data, dims) {
    return new this.ort.Tensor("float32", data, dims);
  }
}

/**
 * @template T
 * @param {() => Promise<T>} work
 */
async function refusingLittleMemory(work) {
  try {
    return await work();
  } catch (error) {
    const text = String(error);
    if (!/bad_alloc|memory|overflow|Aborted|RangeError|allocat|\b\d{6,}\b/i.test(text)) throw error;
    throw new PageError("memory has run out: use a smaller longest side, or another layer", { cause: error });
  }
}
