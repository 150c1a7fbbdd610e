/** Writes a PNG with a text, as the command does: sRGB, the text, the pixels. */

import { join } from "./protobuf.js";

/** @typedef {import("./dream.js").Pixels} Pixels */

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
const [RGB, RGBA] = [2, 6];
const UP = 2; // the filter of every row: the difference from the row above

/** @type {Uint32Array} */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/**
 * @param {Pixels} pixels
 * @param {string} keyword
 * @param {string} text ASCII
 * @returns {Promise<Blob>}
 */
export async function encodePng(pixels, keyword, text) {
  const isOpaque = pixels.data.every((value, i) => i % 4 !== 3 || value === 255);
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, pixels.w);
  new DataView(header.buffer).setUint32(4, pixels.h);
  header.set([8, isOpaque ? RGB : RGBA], 8);
  const packed = new Blob([filtered(pixels, isOpaque ? 3 : 4)]).stream().pipeThrough(new CompressionStream("deflate"));
  const chunks = [
    chunk("IHDR", header),
    chunk("sRGB", Uint8Array.of(0)),
    chunk("tEXt", new TextEncoder().encode(`${keyword}\0${text}`)),
    chunk("IDAT", new Uint8Array(await new Response(packed).arrayBuffer())),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob([SIGNATURE, ...chunks], { type: "image/png" });
}

/**
 * The rows, each with its filter's number and then the differences from the row above.
 *
 * @param {Pixels} pixels
 * @param {number} channels 3 or 4
 */
function filtered({ data, h, w }, channels) {
  const rows = new Uint8Array(h * (1 + channels * w));
  let at = 0;
  for (let y = 0; y < h; y++) {
    rows[at++] = UP;
    for (let x = 0; x < w; x++) {
      const from = 4 * (y * w + x);
      for (let c = 0; c < channels; c++) rows[at++] = data[from + c] - (y ? data[from - 4 * w + c] : 0);
    }
  }
  return rows;
}

/**
 * @param {string} kind
 * @param {Uint8Array} content
 */
function chunk(kind, content) {
  const body = join([new TextEncoder().encode(kind), content]);
  const ends = new DataView(new ArrayBuffer(8));
  ends.setUint32(0, content.length);
  ends.setUint32(4, crc(body));
  return join([new Uint8Array(ends.buffer, 0, 4), body, new Uint8Array(ends.buffer, 4, 4)]);
}

/** @param {Uint8Array} bytes */
function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
