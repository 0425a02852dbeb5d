/** What an outbox needs of a socket; Bun's has it. */
export interface OutboxSocket {
  /** Takes what it can, and says how many bytes; -1 when it is gone. */
  write(bytes: Uint8Array): number;
}

/** So many bytes do not wait for the end of the turn. */
const WRITE_NOW_BYTES = 64 * 1024;

/**
 * What goes out by a socket, in order: what one turn of the event loop adds is one write, and what
 * the socket does not take at once waits until it drains.
 */
export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #taken: (messages: number) => void;
  /** What no write has tried yet. */
  #queue: Uint8Array[] = [];
  #queuedMessages = 0;
  /** What the last write left over: while there is some, the socket takes nothing. */
  #rest: Uint8Array | null = null;
  /** Of the last write, which the socket has not taken wholly. */
  #restMessages = 0;
  #bytes = 0;
  #isScheduled = false;

  /** @param taken so many messages are the system's now, wholly */
  constructor(socket: OutboxSocket, taken: (messages: number) => void) {
    this.#socket = socket;
    this.#taken = taken;
  }

  /** What the socket has not taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages of which the socket has not taken all. */
  get messages(): number {
    return this.#queuedMessages + this.#restMessages;
  }

  /** @param isMessage it is one of those that are counted */
  add(bytes: Uint8Array, isMessage: boolean): void {
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    if (isMessage) this.#queuedMessages += 1;
    if (this.#rest !== null) return;
    if (this.#bytes >= WRITE_NOW_BYTES) this.#writeQueue();
    else this.#writeSoon();
  }

  /** The socket takes more. */
  drained(): void {
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null) this.#write(rest);
    if (this.#rest === null) this.#writeQueue();
  }

  #writeSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#rest === null) this.#writeQueue();
    });
  }

  #writeQueue(): void {
    const [only, ...more] = this.#queue;
    if (only === undefined) return;
    const bytes = more.length === 0 ? only : Buffer.concat(this.#queue);
    this.#queue = [];
    this.#restMessages = this.#queuedMessages;
    this.#queuedMessages = 0;
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    // Of a socket that is gone the owner hears by other ways.
    const taken = Math.max(0, this.#socket.write(bytes));
    this.#bytes -= taken;
    if (taken < bytes.length) {
      this.#rest = bytes.subarray(taken);
      return;
    }
    const messages = this.#restMessages;
    this.#restMessages = 0;
    if (messages > 0) this.#taken(messages);
  }
}
