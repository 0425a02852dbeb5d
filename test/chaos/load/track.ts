import type { Cursor } from "../checker/record.ts";

/** One device's way through one conversation: up to where it has everything. */
export class Track {
  #seq = 0;
  readonly #ids = new Map<number, string>();

  get cursor(): Cursor {
    return { seq: this.#seq, id: this.#ids.get(this.#seq) ?? null };
  }

  /** The highest seen, with or without a gap before it. */
  highest = 0;

  /** A message, or the confirmation of one's own. */
  see(seq: number, id: string): void {
    const known = this.#ids.get(seq);
    if (known === id) return;
    if (known !== undefined) this.#forgetFrom(seq); // The server took that seq anew.
    this.#ids.set(seq, id);
    this.highest = Math.max(this.highest, seq);
    while (this.#ids.has(this.#seq + 1)) this.#seq += 1;
  }

  /** The server says that nothing up to there is missing. */
  raiseTo(seq: number): void {
    this.#seq = Math.max(this.#seq, seq);
    this.highest = Math.max(this.highest, seq);
    while (this.#ids.has(this.#seq + 1)) this.#seq += 1;
  }

  /** All that was seen is void. */
  forget(): void {
    this.#forgetFrom(1);
  }

  #forgetFrom(seq: number): void {
    for (const other of [...this.#ids.keys()]) if (other >= seq) this.#ids.delete(other);
    this.#seq = Math.min(this.#seq, seq - 1);
    this.highest = this.#seq;
  }
}
