/** Bits for each key, and of these how many a key sets: a full layer takes one absent key in 700 for present. */
const BITS_PER_KEY = 14;
const BITS_SET = 7;

const FIRST_CAPACITY = 65_536;

/**
 * A set of strings that says of a string either that it is surely not in it, or that it may be. It
 * grows with its keys, by a layer twice as large as the last one: to between 1.75 and 5.25 bytes a key.
 */
export class BloomFilter {
  readonly #layers: Layer[] = [];
  #size = 0;

  /** Keys added; one that is added again counts again. */
  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    let layer = this.#layers.at(-1);
    if (layer === undefined || layer.size === layer.capacity) {
      layer = new Layer(layer === undefined ? FIRST_CAPACITY : 2 * layer.capacity);
      this.#layers.push(layer);
    }
    layer.add(Bun.hash.xxHash32(key, 1), step(key));
    this.#size += 1;
  }

  mayHave(key: string): boolean {
    const first = Bun.hash.xxHash32(key, 1);
    const between = step(key);
    for (const layer of this.#layers) if (layer.mayHave(first, between)) return true;
    return false;
  }
}

/** Of double hashing; odd, so that it is never none. */
function step(key: string): number {
  return Bun.hash.xxHash32(key, 2) | 1;
}

class Layer {
  size = 0;
  readonly #words: Uint32Array;
  readonly #bits: number;

  constructor(readonly capacity: number) {
    this.#bits = capacity * BITS_PER_KEY;
    this.#words = new Uint32Array(this.#bits / 32);
  }

  add(first: number, between: number): void {
    for (let count = 0, hash = first; count < BITS_SET; count += 1) {
      const bit = (hash >>> 0) % this.#bits;
      const word = bit >>> 5;
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (bit & 31));
      hash = (hash + between) | 0;
    }
    this.size += 1;
  }

  mayHave(first: number, between: number): boolean {
    for (let count = 0, hash = first; count < BITS_SET; count += 1) {
      const bit = (hash >>> 0) % this.#bits;
      if (((this.#words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
      hash = (hash + between) | 0;
    }
    return true;
  }
}
