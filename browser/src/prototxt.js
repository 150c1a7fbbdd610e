/** Protobuf's text format, in which Caffe's nets are described. */

import { PageError } from "./errors.js";

/** @typedef {{[field: string]: Value[]}} Message every field as a list, in the order of the text */
/** @typedef {string | number | Message} Value */

const TOKENS = /\s+|#[^\n]*|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}<>[\]:;,]|[^\s{}<>[\]:;,"'#]+)/gy;
const DEEPEST = 100;
const CLOSING = /** @type {const} */ ({ "{": "}", "<": ">" });

/**
 * Parses a message in text form.
 *
 * @param {string} text
 * @returns {Message}
 */
export function parsePrototxt(text) {
  const tokens = tokenize(text);
  let [at, depth] = [0, 0];

  /**
   * @param {string | undefined} closing what ends this message
   * @returns {Message}
   */
  function message(closing) {
    /** @type {Message} */
    const fields = Object.create(null);
    if (++depth > DEEPEST) throw notANet("it is nested too deep");
    while (tokens[at] !== closing) {
      const name = tokens[at++];
      if (!/^\w+$/.test(name ?? "")) {
        throw notANet(name === undefined ? "it is cut short" : `${quoted(name)} is no field`);
      }
      const colon = tokens[at] === ":";
      if (colon) at++;
      else if (!(tokens[at] in CLOSING)) throw notANet(`${quoted(name)} has no value`);
      (fields[name] ??= []).push(...values());
      if (tokens[at] === ";" || tokens[at] === ",") at++;
    }
    at++;
    depth--;
    return fields;
  }

  /** @returns {Value[]} */
  function values() {
    if (tokens[at] !== "[") return [value()];
    const list = [];
    for (at++; tokens[at] !== "]"; ) {
      list.push(value());
      if (tokens[at] === ",") at++;
    }
    at++;
    return list;
  }

  /** @returns {Value} */
  function value() {
    const token = tokens[at++];
    if (token === undefined) throw notANet("it is cut short");
    if (token === "{" || token === "<") return message(CLOSING[token]);
    if (/^["']/.test(token)) return token.slice(1, -1).replace(/\\(.)/g, "$1");
    if (!/^[\w.+-]+$/.test(token)) throw notANet(`${quoted(token)} is no value`);
    return Number.isNaN(Number(token.replace(/f$/, ""))) ? token : Number(token.replace(/f$/, ""));
  }

  return message(undefined);
}

/** @param {string} text */
function tokenize(text) {
  const tokens = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < text.length) {
    const found = TOKENS.exec(text);
    if (!found) throw notANet("it holds other bytes");
    if (found[1] !== undefined) tokens.push(found[1]);
  }
  return tokens;
}

/** @param {string} why */
function notANet(why) {
  return new PageError(`it is not a Caffe net in text form: ${why}`);
}

/** @param {string} text */
function quoted(text) {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
