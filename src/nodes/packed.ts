const LONGEST_TEXT_BYTES = 16 * 1024 * 1024;
const FIRST_BYTES = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Puts octets, numbers (LEB128) and texts (UTF-8 behind their length) one behind the other. */
export class PackedWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  octet(octet: number): this {
    this.#makeRoom(1);
    this.#bytes[this.#at] = octet;
    this.#at += 1;
    return this;
  }

  /** @param number whole, not negative, and safe */
  number(number: number): this {
    let rest = number;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.octet((rest % 0x80) | 0x80);
    return this.octet(rest);
  }

  text(text: string): this {
    const length = Buffer.byteLength(text);
    this.number(length).#makeRoom(length);
    this.#at += this.#bytes.write(text, this.#at);
    return this;
  }

  /** What was put there so far. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #makeRoom(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.bytes());
    this.#bytes = larger;
  }
}

/** Reads what a `PackedWriter` wrote; throws a RangeError or TypeError where it is something else. */
export class PackedReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  octet(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new RangeError("end");
    this.#at += 1;
    return octet;
  }

  number(): number {
    let number = 0;
    for (let unit = 1; ; unit *= 0x80) {
      const octet = this.octet();
      number += (octet & 0x7f) * unit;
      if (!Number.isSafeInteger(number)) throw new RangeError("number");
      if (octet < 0x80) return number;
    }
  }

  text(): string {
    const length = this.number();
    const end = this.#at + length;
    if (length > LONGEST_TEXT_BYTES || end > this.#bytes.length) throw new RangeError("length");
    const text = utf8.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return text;
  }
}
