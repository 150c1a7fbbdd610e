/**
 * Caffe's layers as ONNX operators, each with an explicit backward pass: deepdream/engines/torch/layers.
 *
 * A layer type says what it refuses, the shape of its top, the shapes of its parameters, and how it is written into a
 * graph. `write` returns the top's value, and a function from the top's diff to the diffs of the bottoms; for a layer
 * that does nothing, the function is null and the top is the bottom's value itself.
 */

import { inner, number, pair, text } from "./params.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./graph.js").Name} Name */
/** @typedef {import("./topology.js").Layer} Layer */
/** @typedef {{c: number, h: number, w: number}} Shape */
/** @typedef {(diff: Name) => Name[]} Backward */

/**
 * @typedef {object} Kind
 * @property {(layer: Layer) => string} refuses what cannot be computed here, or ""
 * @property {(layer: Layer, bottoms: Shape[]) => Shape} shape
 * @property {(layer: Layer, bottoms: Shape[]) => number[][]} params
 * @property {(graph: Graph, layer: Layer, bottoms: Name[], shapes: Shape[], params: Name[]) => [Name, Backward | null]} write
 */

// Parameters that have no effect on a pass, or that say how it is computed and not what.
const WITHOUT_EFFECT = ["weight_filler", "bias_filler", "engine", "force_nd_im2col"];

/**
 * The name of a field that is not among the known ones, or "".
 *
 * @param {Layer} layer
 * @param {string} param
 * @param {string[]} known
 */
function unknown(layer, param, known) {
  const found = Object.keys(inner(layer.fields, param)).find((name) => ![...known, ...WITHOUT_EFFECT].includes(name));
  return found ? `the field ${found}` : "";
}

/** @param {Layer} layer */
function convolution(layer) {
  const param = inner(layer.fields, "convolution_param");
  const kernel = pair(param, "kernel_size", "kernel", 0);
  const stride = pair(param, "stride", "stride", 1);
  const pad = pair(param, "pad", "pad", 0);
  const dilation = pair(param, "dilation", "dilation", 1);
  const bias = text(param, "bias_term", "true") === "true";
  return { kernel, stride, pad, dilation, bias, out: number(param, "num_output", 0), group: number(param, "group", 1) };
}

/** @type {Kind} */
const Convolution = {
  refuses(layer) {
    const sides = ["kernel", "stride", "pad"].flatMap((name) => [`${name}_h`, `${name}_w`]);
    const known = ["num_output", "bias_term", "kernel_size", "stride", "pad", "dilation", "group", "axis", ...sides];
    if (number(inner(layer.fields, "convolution_param"), "axis", 1) !== 1) return "another axis than 1";
    const { kernel, stride, dilation, out, group } = convolution(layer);
    if (layer.bottoms.length !== 1 || layer.tops.length !== 1) return "several bottoms or tops";
    if (Math.min(...kernel, ...stride, ...dilation, out, group) < 1) return "no window or no output";
    return unknown(layer, "convolution_param", known);
  },
  shape(layer, [{ h, w }]) {
    const { kernel, stride, pad, dilation, out } = convolution(layer);
    const sizes = [h, w].map((size, i) =>
      Math.floor((size + 2 * pad[i] - (dilation[i] * (kernel[i] - 1) + 1)) / stride[i] + 1),
    );
    return { c: out, h: sizes[0], w: sizes[1] };
  },
  params(layer, [{ c }]) {
    const { kernel, bias, out, group } = convolution(layer);
    return [[out, c / group, ...kernel], ...(bias ? [[out]] : [])];
  },
  write(graph, layer, [x], _shapes, params) {
    const { kernel, stride, pad, dilation, group } = convolution(layer);
    const window = { kernel_shape: kernel, strides: stride, pads: [...pad, ...pad], dilations: dilation, group };
    /** @type {Backward} */
    const backward = (diff) => {
      // The stride leaves open how large the bottom was: the largest one is computed, and cut.
      const output_padding = stride.map((step) => step - 1);
      const whole = graph.op("ConvTranspose", [diff, params[0]], { ...window, output_padding });
      if (Math.max(...stride) === 1) return [whole];
      const size = graph.op("Shape", [x], { start: 2, end: 4 });
      return [graph.op("Slice", [whole, graph.ints(0, 0), size, graph.ints(2, 3)])];
    };
    return [graph.op("Conv", [x, ...params], window), backward];
  },
};

/** @param {Layer} layer */
function pooling(layer) {
  const param = inner(layer.fields, "pooling_param");
  const floors = text(param, "round_mode", "CEIL") === "FLOOR";
  return {
    kernel: pair(param, "kernel_size", "kernel", 0),
    stride: pair(param, "stride", "stride", 1),
    pad: pair(param, "pad", "pad", 0),
    floors,
  };
}

/** @type {Kind} */
const Pooling = {
  refuses(layer) {
    const param = inner(layer.fields, "pooling_param");
    if (text(param, "pool", "MAX") !== "MAX") return `pool: ${text(param, "pool", "")}`;
    if (text(param, "global_pooling", "false") === "true") return "global_pooling";
    if (layer.tops.length !== 1) return "several tops";
    const { kernel, stride, pad } = pooling(layer);
    if (Math.min(...kernel, ...stride) < 1) return "no window";
    if (kernel.some((size, i) => pad[i] >= size || stride[i] > size)) return "windows with gaps, or all padding";
    const sides = ["kernel", "stride", "pad"].flatMap((name) => [`${name}_h`, `${name}_w`]);
    const known = ["pool", "kernel_size", "stride", "pad", "round_mode", "global_pooling", ...sides];
    return unknown(layer, "pooling_param", known);
  },
  shape(layer, [{ c, h, w }]) {
    const { kernel, stride, pad, floors } = pooling(layer);
    const padded = Math.max(...pad) > 0;
    const sizes = [h, w].map((size, i) => {
      const exact = (size + 2 * pad[i] - kernel[i]) / stride[i];
      const count = (floors ? Math.floor(exact) : Math.ceil(exact)) + 1;
      return padded && (count - 1) * stride[i] >= size + pad[i] ? count - 1 : count;
    });
    return { c, h: sizes[0], w: sizes[1] };
  },
  params: () => [],
  write(graph, layer, [x]) {
    const { kernel, stride, pad, floors } = pooling(layer);
    const window = { kernel_shape: kernel, strides: stride, pads: [...pad, ...pad], ceil_mode: floors ? 0 : 1 };
    const [y, winners] = graph.ops("MaxPool", [x], window, 2);
    /** @type {Backward} */
    const backward = (diff) => {
      // Windows overlap, and a pixel that wins several of them gets the sum: MaxUnpool would keep the last one.
      const count = graph.op("Reshape", [graph.op("Size", [x]), graph.ints(1)]);
      const flat = [winners, diff].map((value) => graph.op("Reshape", [value, graph.ints(-1)]));
      const zeros = graph.op("ConstantOfShape", [count]);
      const sums = graph.op("ScatterElements", [zeros, ...flat], { reduction: "add" });
      return [graph.op("Reshape", [sums, graph.op("Shape", [x])])];
    };
    return [y, backward];
  },
};

/** @param {Layer} layer @param {Shape[]} bottoms */
const same = (layer, bottoms) => bottoms[0];

/** @type {Kind} */
const ReLU = {
  refuses(layer) {
    const slope = number(inner(layer.fields, "relu_param"), "negative_slope", 0);
    return slope ? "a negative_slope" : unknown(layer, "relu_param", ["negative_slope"]);
  },
  shape: same,
  params: () => [],
  write(graph, _layer, [x]) {
    const y = graph.op("Relu", [x]);
    /** @type {Backward} */
    const backward = (diff) => {
      const zero = graph.number(0);
      return [graph.op("Where", [graph.op("Greater", [y, zero]), diff, zero])];
    };
    return [y, backward];
  },
};

/** @type {Kind} */
const Clip = {
  refuses: (layer) => unknown(layer, "clip_param", ["min", "max"]),
  shape: same,
  params: () => [],
  write(graph, layer, [x]) {
    const param = inner(layer.fields, "clip_param");
    const [least, most] = [number(param, "min", 0), number(param, "max", 0)].map((value) => graph.number(value));
    const y = graph.op("Clip", [x, least, most]);
    if (layer.bottoms[0] === layer.tops[0]) return [y, (diff) => [diff]]; // in place, Caffe sees only clipped values
    /** @type {Backward} */
    const backward = (diff) => {
      const inside = [graph.op("GreaterOrEqual", [x, least]), graph.op("LessOrEqual", [x, most])];
      return [graph.op("Where", [graph.op("And", inside), diff, graph.number(0)])];
    };
    return [y, backward];
  },
};

/** @type {Kind} */
const Dropout = {
  refuses: () => "",
  shape: same,
  params: () => [],
  write: (_graph, _layer, [x]) => [x, null], // a dream runs in Caffe's TEST phase
};

/** @type {Kind} */
const Concat = {
  refuses(layer) {
    const param = inner(layer.fields, "concat_param");
    if (number(param, "axis", number(param, "concat_dim", 1)) !== 1) return "another axis than 1";
    return unknown(layer, "concat_param", ["axis", "concat_dim"]);
  },
  shape: (_layer, bottoms) => ({ ...bottoms[0], c: bottoms.reduce((sum, { c }) => sum + c, 0) }),
  params: () => [],
  write(graph, _layer, bottoms, shapes) {
    /** @type {Backward} */
    const backward = (diff) => {
      const sizes = graph.ints(...shapes.map(({ c }) => c));
      return graph.ops("Split", [diff, sizes], { axis: 1 }, bottoms.length);
    };
    return [graph.op("Concat", bottoms, { axis: 1 }), backward];
  },
};

/** @type {Kind} */
const Eltwise = {
  refuses(layer) {
    const param = inner(layer.fields, "eltwise_param");
    if (text(param, "operation", "SUM") !== "SUM") return `operation: ${text(param, "operation", "")}`;
    return unknown(layer, "eltwise_param", ["operation", "stable_prod_grad"]);
  },
  shape: same,
  params: () => [],
  write(graph, _layer, bottoms) {
    const y = bottoms.reduce((sum, x) => graph.op("Add", [sum, x]));
    return [y, (diff) => bottoms.map(() => diff)];
  },
};

/** @type {Kind} */
const LRN = {
  refuses(layer) {
    const param = inner(layer.fields, "lrn_param");
    if (text(param, "norm_region", "ACROSS_CHANNELS") !== "ACROSS_CHANNELS") return "norm_region: WITHIN_CHANNEL";
    if (number(param, "local_size", 5) % 2 === 0) return "an even local_size";
    return unknown(layer, "lrn_param", ["local_size", "alpha", "beta", "k", "norm_region"]);
  },
  shape: same,
  params: () => [],
  // y = x / s^beta, where s = k + alpha/n * the sum of x² over the n channels around.
  write(graph, layer, [x], [{ c }]) {
    const param = inner(layer.fields, "lrn_param");
    const size = number(param, "local_size", 5);
    const alpha = number(param, "alpha", 1);
    const beta = number(param, "beta", 0.75);
    /** @param {Name} values alpha/n times the sum over each window of channels */
    const window = (values) => {
      const beside = (size - 1) / 2;
      const padded = graph.op("Pad", [values, graph.ints(0, beside, 0, 0, 0, beside, 0, 0)]);
      const parts = Array.from({ length: size }, (_, i) =>
        graph.op("Slice", [padded, graph.ints(i), graph.ints(i + c), graph.ints(1)]),
      );
      const sum = parts.reduce((total, part) => graph.op("Add", [total, part]));
      return graph.op("Mul", [sum, graph.number(alpha / size)]);
    };
    const scale = graph.op("Add", [window(graph.op("Mul", [x, x])), graph.number(number(param, "k", 1))]);
    const power = scaleToThe(graph, scale, beta);
    /** @type {Backward} */
    const backward = (diff) => {
      const direct = graph.op("Div", [diff, power]);
      const around = window(graph.op("Div", [graph.op("Mul", [direct, x]), scale]));
      const indirect = graph.op("Mul", [graph.op("Mul", [around, x]), graph.number(2 * beta)]);
      return [graph.op("Sub", [direct, indirect])];
    };
    return [graph.op("Div", [x, power]), backward];
  },
};

/**
 * s^beta. For the usual beta of 0.75, square roots are used, which round alike on every machine.
 *
 * @param {Graph} graph
 * @param {Name} scale
 * @param {number} beta
 */
function scaleToThe(graph, scale, beta) {
  if (beta !== 0.75) return graph.op("Pow", [scale, graph.number(beta)]);
  const root = graph.op("Sqrt", [scale]);
  return graph.op("Mul", [root, graph.op("Sqrt", [root])]);
}

/** @type {{[type: string]: Kind}} */
export const KINDS = { Clip, Concat, Convolution, Dropout, Eltwise, LRN, Pooling, ReLU };
