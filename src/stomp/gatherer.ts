import type { Body } from "./frame.ts";

/** So many pieces become one block: a body that comes octet by octet costs little more than its size. */
const PIECES_PER_BLOCK = 256;

/** Keeps the pieces of a line or a body until the last one is there. All are text, or all bytes. */
export class Gatherer {
  #pieces: Body[] = [];
  #blocks: Body[] = [];

  add(piece: Body): void {
    this.#pieces.push(piece);
    if (this.#pieces.length < PIECES_PER_BLOCK) return;
    this.#blocks.push(join(this.#pieces));
    this.#pieces = [];
  }

  /** All of it, and forgets it. A single piece comes back as it went in; undefined without any. */
  take(): Body | undefined {
    if (this.#blocks.length === 0 && this.#pieces.length < 2) return this.#pieces.pop();
    const whole = join([...this.#blocks, ...this.#pieces]);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#pieces = [];
    this.#blocks = [];
  }
}

function join(parts: readonly Body[]): Body {
  const texts: string[] = [];
  const bytes: Uint8Array[] = [];
  for (const part of parts) {
    if (typeof part === "string") texts.push(part);
    else bytes.push(part);
  }
  return bytes.length > 0 ? Buffer.concat(bytes) : texts.join("");
}
