import type { Connection } from "./ports.ts";

/**
 * Messages that a connection was sent without an acknowledgement to come. They count as delivered
 * when its send buffer is empty; if the connection is lost before, they never do.
 */
export class Departures<Message> {
  #waiting: Message[] = [];
  #scheduled = false;

  constructor(
    readonly connection: Connection,
    readonly departed: (messages: readonly Message[]) => void,
  ) {}

  /** The message was sent in this turn of the event loop, or before. */
  add(message: Message): void {
    this.#waiting.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What a turn publishes reaches the socket's buffer at the end of it.
    setImmediate(() => {
      this.#scheduled = false;
      this.check();
    });
  }

  /** Looks at the buffer: on drain, and when a turn has ended. */
  check(): void {
    if (this.#waiting.length === 0 || this.connection.bufferedBytes() > 0) return;
    const gone = this.#waiting;
    this.#waiting = [];
    this.departed(gone);
  }

  /** The connection is lost. */
  abandon(): void {
    this.#waiting = [];
  }
}
