/** SHA-256. The browser's own is missing where a page is served without encryption, as in a classroom. */

const BLOCK = 64;

/**
 * The first 32 bits after the point of the roots of the first primes.
 *
 * @param {number} count
 * @param {(n: number) => number} root
 */
function constants(count, root) {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    if (isPrime(n)) found.push(((root(n) % 1) * 2 ** 32) | 0);
  }
  return found;
}

/** @param {number} n */
function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}

const ROUNDS = Int32Array.from(constants(64, Math.cbrt));
const START = constants(8, Math.sqrt);

/**
 * @param {Uint8Array} bytes
 * @returns {string} in hexadecimal
 */
export function sha256(bytes) {
  const state = Int32Array.from(START);
  const words = new Int32Array(BLOCK);
  const whole = bytes.length - (bytes.length % BLOCK);
  const rest = new Uint8Array(bytes.length - whole + 9 > BLOCK ? 2 * BLOCK : BLOCK);
  rest.set(bytes.subarray(whole));
  rest[bytes.length - whole] = 128;
  const bits = new DataView(rest.buffer);
  bits.setUint32(rest.length - 8, Math.floor(bytes.length / 2 ** 29));
  bits.setUint32(rest.length - 4, bytes.length * 8);
  for (let at = 0; at < whole; at += BLOCK) mix(state, words, bytes, at);
  for (let at = 0; at < rest.length; at += BLOCK) mix(state, words, rest, at);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/**
 * Takes one block into the state.
 *
 * @param {Int32Array} state
 * @param {Int32Array} words room for 64
 * @param {Uint8Array} bytes
 * @param {number} at where the block begins
 */
function mix(state, words, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const [x, y] = [words[i - 15], words[i - 2]];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = words[i - 16] + s0 + words[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}
