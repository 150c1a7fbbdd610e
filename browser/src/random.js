/** numpy.random.RandomState, as far as a dream needs it: MT19937 with an integer as its seed. */

const WORDS = 624;
const MIDDLE = 397;

export class RandomState {
  /** @param {number} seed 0 to 2**32 - 1 */
  constructor(seed) {
    this.words = new Uint32Array(WORDS);
    this.words[0] = seed;
    for (let i = 1; i < WORDS; i++) {
      const before = this.words[i - 1];
      this.words[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
    this.next = WORDS;
  }

  /**
   * Draws whole numbers from low to high - 1.
   *
   * @param {number} low
   * @param {number} high
   * @param {number} size how many
   */
  randint(low, high, size) {
    return Array.from({ length: size }, () => low + this.upTo(high - 1 - low));
  }

  /**
   * Draws from 0 to `largest` by discarding what is above it, as NumPy's legacy generator does.
   *
   * @param {number} largest
   */
  upTo(largest) {
    if (!largest) return 0;
    const mask = 2 ** (32 - Math.clz32(largest)) - 1;
    for (;;) {
      const value = (this.word() & mask) >>> 0;
      if (value <= largest) return value;
    }
  }

  /** The next 32 random bits. */
  word() {
    if (this.next === WORDS) this.refill();
    let y = this.words[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  refill() {
    const words = this.words;
    for (let i = 0; i < WORDS; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % WORDS] & 0x7fffffff);
      words[i] = words[(i + MIDDLE) % WORDS] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}
