import type { Remote } from "../auth/remote.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Connection } from "../session/ports.ts";
import { closeFrame, HEARTBEAT_FRAME, OPEN_FRAME } from "../sockjs/framing.ts";
import type { Receiver } from "./receiver.ts";

/** The response of one request, as far as a SockJS connection sees it. */
export interface FrameSink {
  /** Writes a frame. False when the response takes no further one, and has ended. */
  write(frame: string): boolean;
  /** Idempotent. */
  end(): void;
  /** What the peer has not taken yet of what was written. */
  readonly bufferedBytes: number;
}

export interface SockJsConnectionOptions {
  readonly remote: Remote;
  readonly clock: Clock;
  /** How long the client may be without a request that receives. */
  readonly graceMs: number;
  /** What may wait for the client's next request; past it the connection is closed. */
  readonly sendBufferBytes: number;
  /** The connection is to be forgotten. */
  readonly onForgotten: () => void;
}

/**
 * A SockJS connection over HTTP requests: one that receives, at most, and others that send. Messages
 * wait while none receives. A client that stays away, or whose receiving request breaks off, has
 * lost the connection; why it ended is told to whoever asks during the grace that follows.
 */
export class SockJsConnection implements Connection {
  readonly framing = "sockjs";
  readonly topics = null;
  /** Also between two requests: its session ends soon when none comes. */
  readonly isReading = true;
  readonly remote: Remote;
  /** Requests whose body is on its way. */
  uploads = 0;
  readonly #options: SockJsConnectionOptions;
  #receiver: Receiver | null = null;
  #sink: FrameSink | null = null;
  /** The request before: its response may still be on its way. */
  #answered: FrameSink | null = null;
  #isOpenTold = false;
  /** Messages as JSON strings. */
  #waiting: string[] = [];
  #waitingBytes = 0;
  #isFlushing = false;
  /** Set once the connection has ended. */
  #closeFrame: string | null = null;
  #grace: Timer | null = null;

  constructor(options: SockJsConnectionOptions) {
    this.#options = options;
    this.remote = options.remote;
  }

  get receiver(): Receiver | null {
    return this.#receiver;
  }

  /** A request receives already. */
  get isReceiving(): boolean {
    return this.#sink !== null;
  }

  opened(receiver: Receiver): void {
    if (this.#closeFrame === null) this.#receiver = receiver;
  }

  /** A request wants to receive. */
  attach(sink: FrameSink): void {
    if (this.#sink !== null) {
      sink.write(closeFrame(2010, "Another connection still open"));
      sink.end();
      return;
    }
    this.#sink = sink;
    this.#grace?.cancel();
    if (!this.#isOpenTold) {
      this.#isOpenTold = true;
      this.#write(OPEN_FRAME);
    }
    this.#flush();
  }

  /** The client broke a request off before it had all of the response: something may be lost. */
  interrupted(sink: FrameSink): void {
    if (this.#sink !== sink && this.#answered !== sink) return;
    this.#detach();
    this.#end(1002, "Connection interrupted");
  }

  // One message a call: an array frame of one element, or a heart-beat.
  send(payload: string | Uint8Array): void {
    if (this.#closeFrame !== null || typeof payload !== "string") return;
    if (payload === HEARTBEAT_FRAME) {
      if (this.#waiting.length === 0) this.#write(HEARTBEAT_FRAME);
      return;
    }
    const message = payload.slice(2, -1);
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    if (this.#waitingBytes > this.#options.sendBufferBytes) {
      this.terminate();
      return;
    }
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  bufferedBytes(): number {
    const leaving = (this.#sink?.bufferedBytes ?? 0) + (this.#answered?.bufferedBytes ?? 0);
    return this.#waitingBytes + leaving;
  }

  /** The peer has taken what a response had buffered. */
  drained(): void {
    if (this.bufferedBytes() === 0) this.#receiver?.drained();
  }

  close(code: number, reason: string): void {
    if (this.#closeFrame !== null) return;
    this.#closeFrame = closeFrame(code, reason);
    this.#gone();
    this.#flush();
    if (this.#sink === null) this.#startGrace();
  }

  terminate(): void {
    const sink = this.#sink;
    this.#sink = null;
    this.#answered = null;
    this.#end(1002, "Connection interrupted");
    sink?.end();
    this.#startGrace();
  }

  /** What waits, and then how it ended, as far as the receiving request takes it. */
  #flush(): void {
    if (this.#sink === null) return;
    if (this.#waiting.length > 0) {
      const frame = `a[${this.#waiting.join(",")}]`;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#write(frame);
      this.drained();
    }
    if (this.#closeFrame === null || this.#sink === null) return;
    const sink = this.#sink;
    this.#detach();
    sink.write(this.#closeFrame);
    sink.end();
  }

  #write(frame: string): void {
    const sink = this.#sink;
    if (sink === null) return;
    if (!sink.write(frame)) this.#detach();
  }

  #detach(): void {
    if (this.#sink === null) return;
    this.#answered = this.#sink;
    this.#sink = null;
    this.#startGrace();
  }

  #startGrace(): void {
    this.#grace?.cancel();
    this.#grace = this.#options.clock.schedule(this.#options.graceMs, () => {
      this.#end(1002, "Connection interrupted");
      this.#options.onForgotten();
    });
  }

  #end(code: number, reason: string): void {
    this.#closeFrame ??= closeFrame(code, reason);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#gone();
  }

  #gone(): void {
    const receiver = this.#receiver;
    this.#receiver = null;
    receiver?.closed();
  }
}
