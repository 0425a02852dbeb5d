import type { Socket } from "bun";
import { FrameReader, KIND, kindOf } from "./hub-frame.ts";

/** What is joined for one write, at most, but for a frame that alone is larger. */
const WRITE_BYTES = 256 * 1024;

export interface HubLinkEvents {
  /** A whole frame, of which nobody else has a part. */
  received(frame: Buffer): void;
  /** So many messages are the system's now. */
  sent(messages: number): void;
  /** Once. What waits is not sent any more. */
  closed(reason: string): void;
}

/** One end of a connection between a process and the hub: frames to bytes and back. */
export class HubLink {
  readonly #socket: Socket<HubLink>;
  readonly #events: HubLinkEvents;
  readonly #reader = new FrameReader();
  /** Frames that wait, from `#first` on. */
  #queue: Uint8Array[] = [];
  #first = 0;
  /** What a write has left over, and the messages that are out with it. */
  #rest: Uint8Array | null = null;
  #restMessages = 0;
  #isScheduled = false;
  #isClosed = false;
  #whenEmpty: (() => void) | null = null;
  /** Of all that waits. */
  pendingBytes = 0;

  constructor(socket: Socket<HubLink>, events: HubLinkEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  /** The handlers of sockets whose data is a link. */
  static readonly handlers = {
    data: ({ data }: Socket<HubLink>, bytes: Buffer) => data.#received(bytes),
    drain: ({ data }: Socket<HubLink>) => data.#flush(),
    close: ({ data }: Socket<HubLink>) => data.#close("the connection was closed"),
    error: ({ data }: Socket<HubLink>, fault: Error) => data.#close(fault.message),
  };

  /** Messages that wait. */
  get pendingMessages(): number {
    return this.#restMessages + messagesOf(this.#queue, this.#first);
  }

  /** Leaves with all that is sent in this turn of the event loop. */
  send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    this.#queue.push(frame);
    this.pendingBytes += frame.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#rest === null) this.#flush();
    });
  }

  /** Resolves when all that was sent is the system's, and closes; at once when the link is closed. */
  async end(): Promise<void> {
    if (!this.#isClosed && this.pendingBytes > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    this.#socket.end();
  }

  /** Drops what waits. */
  terminate(reason: string): void {
    this.#close(reason);
    this.#socket.terminate();
  }

  #received(bytes: Buffer): void {
    this.#reader.push(bytes, (frame) => {
      if (!this.#isClosed) this.#events.received(frame);
    });
  }

  #flush(): void {
    while (!this.#isClosed && this.pendingBytes > 0) {
      if (this.#rest === null) this.#gather();
      const batch = this.#rest;
      if (batch === null) return;
      const written = Math.max(0, this.#socket.write(batch));
      this.pendingBytes -= written;
      if (written < batch.length) {
        this.#rest = batch.subarray(written);
        return;
      }
      const messages = this.#restMessages;
      this.#rest = null;
      this.#restMessages = 0;
      if (messages > 0) this.#events.sent(messages);
    }
    if (this.pendingBytes === 0) this.#whenEmpty?.();
  }

  /** Joins the frames of the next write. */
  #gather(): void {
    const from = this.#first;
    let bytes = 0;
    let next = from;
    for (; next < this.#queue.length; next += 1) {
      const length = this.#queue[next]?.length ?? 0;
      if (next > from && bytes + length > WRITE_BYTES) break;
      bytes += length;
    }
    const frames = this.#queue.slice(from, next);
    this.#rest = frames.length === 1 ? (frames[0] ?? null) : Buffer.concat(frames, bytes);
    this.#restMessages = messagesOf(frames, 0);
    this.#first = next;
    if (next === this.#queue.length) {
      this.#queue = [];
      this.#first = 0;
    }
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#whenEmpty?.();
    this.#events.closed(reason);
    this.#queue = [];
    this.#rest = null;
  }
}

function messagesOf(frames: readonly Uint8Array[], from: number): number {
  let messages = 0;
  for (let at = from; at < frames.length; at += 1) {
    const frame = frames[at];
    if (frame !== undefined && kindOf(frame) === KIND.message) messages += 1;
  }
  return messages;
}
