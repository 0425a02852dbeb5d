import type { Cursor } from "../checker/record.ts";

/** One device's way through one conversation: up to where it has everything. */
export class Track {
  #seq = 0;
  readonly #ids = new Map<number, string>();
  /** What came on the connection that there is. */
  #fresh = new Set<number>();
  /** What the device said of itself on a connection whose SYNCED has not come; null once it has. */
  #said: Cursor | null = null;

  /**
   * Before SYNCED only messages count that follow what the device said one by one. A confirmation of
   * one's own, in the place of a lost message, proves nothing of those before it, which may be lost too.
   */
  get cursor(): Cursor {
    return this.#said ?? { seq: this.#seq, id: this.#ids.get(this.#seq) ?? null };
  }

  /** A message that came. */
  receive(seq: number, id: string): void {
    if (this.#said !== null && seq === this.#said.seq + 1) this.#said = { seq, id };
    this.see(seq, id);
  }

  /** A message of the history, or the confirmation of one's own. */
  see(seq: number, id: string): void {
    const known = this.#ids.get(seq);
    if (known === id) return;
    if (known !== undefined) this.#forgetFrom(seq); // The server took that seq anew.
    this.#ids.set(seq, id);
    this.#fresh.add(seq);
    while (this.#ids.has(this.#seq + 1)) this.#seq += 1;
  }

  /** The server says that nothing up to there is missing. */
  raiseTo(seq: number): void {
    this.#said = null;
    this.#seq = Math.max(this.#seq, seq);
    while (this.#ids.has(this.#seq + 1)) this.#seq += 1;
  }

  /** A new connection. `syncs`: the device tells its cursor, and hears SYNCED. */
  begin(syncs: boolean): void {
    this.#said = syncs ? this.cursor : null;
    this.#fresh = new Set();
  }

  /** All that was seen on earlier connections is void. */
  forget(): void {
    this.#said = null;
    const kept = [...this.#fresh].map((seq) => [seq, this.#ids.get(seq)] as const);
    this.#forgetFrom(1);
    for (const [seq, id] of kept) if (id !== undefined) this.see(seq, id);
  }

  #forgetFrom(seq: number): void {
    for (const other of [...this.#ids.keys()]) if (other >= seq) this.#ids.delete(other);
    this.#seq = Math.min(this.#seq, seq - 1);
  }
}
