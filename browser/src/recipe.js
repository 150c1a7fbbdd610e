/** The recipe of a dream, as the command writes it: deepdream/images/recipe.py and pipeline/prepare.py. */

/** @typedef {import("./dream.js").Settings} Settings */
/** @typedef {import("./passes.js").Objective} Objective */
/** @typedef {{[key: string]: string | number | boolean | null | number[]}} Recipe */

export const KEYWORD = "dreamify";
const FLOATS = ["scale", "step", "model_mean", "model_scale"]; // Python writes 2.0 where JavaScript writes 2

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} sha256 of the .caffemodel
 * @property {string} numbers the SHA-256 of the numbers in it
 * @property {string} prototxtSha256
 * @property {number[] | null} mean of blue, green and red; null for a net that this program knows
 */

/**
 * @typedef {object} Made what a dream was made of
 * @property {string} version of this program
 * @property {string} runtime the version of onnxruntime-web
 * @property {Model} model
 * @property {Settings} settings
 * @property {number} maxSize
 * @property {string} layer the one that was asked for
 * @property {Objective} objective of that layer
 * @property {string} input the SHA-256 of the picture
 * @property {string | null} guide the SHA-256 of the guide
 * @property {string | null} moment how far it is, if it is unfinished
 */

/**
 * @param {Made} made
 * @returns {Recipe}
 */
export function recipeOf({ version, runtime, model, settings, maxSize, layer, objective, input, guide, moment }) {
  /** @type {Recipe} */
  const target = objective.kind === "channel" ? {} : { layer };
  /** @type {Recipe} */
  const channel = objective.kind === "channel" ? { channel: `${layer}:${objective.channel}` } : {};
  /** @type {Recipe} */
  const others = { ...(guide ? { guide_sha256: guide } : {}), ...(moment ? { moment } : {}) };
  return {
    program: "dreamify",
    version,
    engine: "onnxruntime-web",
    engine_version: runtime,
    device: "cpu",
    precision: "float32",
    threads: 1,
    model: model.name,
    model_sha256: model.sha256,
    numbers_sha256: model.numbers,
    prototxt_sha256: model.prototxtSha256,
    ...(model.mean ? { model_mean: model.mean, model_scale: 1 } : {}),
    ...target,
    iterations: settings.iter_n,
    octaves: settings.octave_n,
    scale: settings.octave_scale,
    step: settings.step_size,
    jitter: settings.jitter,
    clip: settings.clip,
    seed: settings.seed,
    max_size: maxSize,
    objective: objective.kind,
    ...channel,
    input_sha256: input,
    ...others,
  };
}

/**
 * The recipe as one line of ASCII, as Python's json.dumps writes it.
 *
 * @param {Recipe} recipe
 */
export function toJson(recipe) {
  const entries = Object.entries(recipe).map(([key, value]) => {
    const values = [value].flat().map((one) => {
      const isWhole = FLOATS.includes(key) && Number.isInteger(one);
      return isWhole ? `${one}.0` : JSON.stringify(one);
    });
    return `${JSON.stringify(key)}: ${Array.isArray(value) ? `[${values.join(", ")}]` : values[0]}`;
  });
  const text = `{${JSON.stringify(KEYWORD)}: {${entries.join(", ")}}}`;
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
