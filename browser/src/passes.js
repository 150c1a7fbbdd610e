/** A net's forward and backward pass towards an objective, as one ONNX model. */

import { Graph } from "./graph.js";
import { KINDS } from "./layers.js";

/** @typedef {import("./graph.js").Name} Name */
/** @typedef {import("./graph.js").Stored} Stored */
/** @typedef {import("./layers.js").Backward} Backward */
/** @typedef {import("./topology.js").Topology} Topology */
/** @typedef {(layer: string, wanted: number[][]) => Stored[]} FindParams */

/**
 * What a dream maximizes: everything that the layer sees, what is in a guide picture, or one channel.
 *
 * @typedef {{kind: "l2"} | {kind: "guide"} | {kind: "channel", channel: number}} Objective
 */

export const [PICTURE, GUIDE, GRADIENT, FEATURES] = ["picture", "guide", "gradient", "features"];

/**
 * The model that maps a picture, (1, 3, h, w), to the gradient of the objective with respect to it.
 *
 * For a guide, it has a second input: the guide's features, (channels, places).
 *
 * @param {Topology} topology
 * @param {FindParams} params
 * @param {string} end
 * @param {Objective} objective
 */
export function gradientModel(topology, params, end, objective) {
  const graph = new Graph();
  const { value, channels, ways } = forward(graph, topology, params, end);
  const diffs = new Map([[value, objectiveDiff(graph, objective, value, channels)]]);
  for (const { top, bottoms, backward } of ways.reverse()) {
    const diff = diffs.get(top);
    if (!diff) continue;
    backward(diff).forEach((part, i) => {
      const before = diffs.get(bottoms[i]);
      diffs.set(bottoms[i], before ? graph.op("Add", [before, part]) : part);
    });
  }
  /** @type {import("./graph.js").Port[]} */
  const inputs = [[PICTURE, [1, 3, "h", "w"]]];
  if (objective.kind === "guide") inputs.push([GUIDE, [channels, "places"]]);
  return graph.model(inputs, [GRADIENT, diffs.get(PICTURE) ?? "", [1, 3, "h", "w"]]);
}

/**
 * The model that maps a picture to what layer `end` sees in it, (1, channels, height, width).
 *
 * @param {Topology} topology
 * @param {FindParams} params
 * @param {string} end
 */
export function featuresModel(topology, params, end) {
  const graph = new Graph();
  const { value, channels } = forward(graph, topology, params, end);
  return graph.model([[PICTURE, [1, 3, "h", "w"]]], [FEATURES, value, [1, channels, "height", "width"]]);
}

/**
 * @param {Graph} graph
 * @param {Topology} topology
 * @param {FindParams} params
 * @param {string} end
 */
function forward(graph, topology, params, end) {
  /** @type {Map<string, Name>} */
  const values = new Map([[topology.input, PICTURE]]);
  /** @type {{top: Name, bottoms: Name[], backward: Backward}[]} */
  const ways = [];
  const shapes = topology.shapes(224, 224, end); // only their channels matter here
  for (const layer of topology.needed(end)) {
    const kind = KINDS[layer.type];
    const bottoms = layer.bottoms.map((bottom) => values.get(bottom) ?? "");
    const sizes = layer.bottoms.map((bottom) => shapes[bottom]);
    const stored = params(layer.name, kind.params(layer, sizes));
    const names = stored.map((tensor, i) => graph.stored(`${layer.name} ${i}`, tensor));
    const [top, backward] = kind.write(graph, layer, bottoms, sizes, names);
    layer.tops.forEach((blob) => values.set(blob, top));
    if (backward) ways.push({ top, bottoms, backward });
  }
  return { value: values.get(end) ?? "", channels: shapes[end].c, ways };
}

/**
 * The diff of the layer `end`: deepdream/objectives.py.
 *
 * @param {Graph} graph
 * @param {Objective} objective
 * @param {Name} value
 * @param {number} channels
 */
function objectiveDiff(graph, objective, value, channels) {
  if (objective.kind === "l2") return value;
  if (objective.kind === "channel") {
    const ones = Float32Array.from({ length: channels }, (_, i) => Number(i === objective.channel));
    const one = graph.floats("channel", [1, channels, 1, 1], ones);
    return graph.op("Expand", [one, graph.op("Shape", [value])]);
  }
  const places = graph.op("Reshape", [value, graph.ints(channels, -1)]);
  const turned = graph.op("Transpose", [GUIDE], { perm: [1, 0] });
  const best = graph.op("ArgMax", [graph.op("MatMul", [turned, places])], { axis: 0, keepdims: 0 });
  const features = graph.op("Gather", [GUIDE, best], { axis: 1 });
  return graph.op("Reshape", [features, graph.op("Shape", [value])]);
}
