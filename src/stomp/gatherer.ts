import type { Body } from "./frame.ts";

/** So many pieces become one block: a body that comes octet by octet costs little more than its size. */
const PIECES_PER_BLOCK = 256;

/** Keeps the pieces of a line or a body until the last one is there. All are text, or all bytes. */
export class Gatherer {
  /** Mostly there is no other. */
  #first: Body | undefined;
  /** Those behind it, since the last block. */
  #pieces: Body[] | null = null;
  #blocks: Body[] | null = null;

  add(piece: Body): void {
    if (this.#first === undefined) {
      this.#first = piece;
      return;
    }
    this.#pieces ??= [];
    this.#pieces.push(piece);
    if (this.#pieces.length < PIECES_PER_BLOCK) return;
    this.#blocks ??= [];
    this.#blocks.push(join(this.#pieces));
    this.#pieces = null;
  }

  /** All of it, and forgets it. A single piece comes back as it went in; undefined without any. */
  take(): Body | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    const isSole = this.#pieces === null && this.#blocks === null;
    const whole = isSole ? first : join([first, ...(this.#blocks ?? []), ...(this.#pieces ?? [])]);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#first = undefined;
    this.#pieces = null;
    this.#blocks = null;
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
