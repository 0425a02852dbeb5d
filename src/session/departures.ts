import type { Connection } from "./ports.ts";

/**
 * Messages that a connection was sent without an acknowledgement to come. They count as delivered
 * when their bytes have left its send buffer; if the connection is lost before, they never do.
 *
 * The buffer leaves in order. So a message has left as soon as no fewer bytes were sent after it than
 * the buffer still holds, even if it is never empty. That stays true when its own bytes, or those of
 * others, are reckoned too few: what is added says at least how much was sent.
 */
export class Departures<Message> {
  #waiting: Message[] = [];
  /** Of each that waits: bytes sent up to its end. */
  #ends: number[] = [];
  #sentBytes = 0;
  #scheduled = false;

  constructor(
    readonly connection: Connection,
    /** Runs a task when what has been sent until now is in the connection's buffer. */
    readonly later: (task: () => void) => void,
    readonly departed: (messages: readonly Message[]) => void,
  ) {}

  /**
   * The message was sent in this turn of the event loop, or before, and after those that were added
   * before it. `bytes` are no more than its frame has on the wire; 0 if what was added before it
   * may have been sent after it.
   */
  add(message: Message, bytes: number): void {
    this.#sentBytes += bytes;
    this.#waiting.push(message);
    this.#ends.push(this.#sentBytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.later(this.#look);
  }

  readonly #look = (): void => {
    this.#scheduled = false;
    this.check();
  };

  /** Looks at the buffer: on drain, and when a turn has ended. */
  check(): void {
    if (this.#waiting.length === 0) return;
    const buffered = this.connection.bufferedBytes();
    const count =
      buffered === 0 ? this.#waiting.length : this.#countUpTo(this.#sentBytes - buffered);
    if (count === 0) return;
    const gone = this.#waiting;
    this.#waiting = gone.splice(count);
    this.#ends.splice(0, count);
    this.departed(gone);
  }

  /** The connection is lost. */
  abandon(): void {
    this.#waiting = [];
    this.#ends = [];
  }

  /** How many end no later than there. */
  #countUpTo(sentBytes: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) <= sentBytes) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
