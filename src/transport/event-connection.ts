import type { MessageTaker } from "../app/user-events.ts";
import type { Remote } from "../auth/remote.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Connection } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import { unescapeHeader } from "../stomp/escaping.ts";

/** What a client of `/api/events` is told of. */
export interface ClientEvent {
  readonly name: string;
  /** JSON, in one line. */
  readonly data: string;
}

/** Where a connection's events go: a stream, or the answers to polls. */
export interface EventSink {
  /** All but chat messages. */
  event(event: ClientEvent): void;
  message(message: StoredMessage, body: string): void;
  /** Once: there is nothing more up to that position. */
  caughtUp(position: string): void;
  heartbeat(): void;
  /** After what was written. Idempotent. */
  end(): void;
  /** The client takes what is written as it comes; one that polls, by its next request. */
  readonly isReading: boolean;
  /** What the client has not taken yet. */
  readonly bufferedBytes: number;
  /** With what it may ask for again. */
  readonly heldBytes: number;
}

/** What `HeartbeatSender` sends. */
export const HEARTBEAT = "\n";

/**
 * The connection of a client that speaks no STOMP, and only listens: what its session says becomes
 * events. Its subscriptions are made by `UserEvents`, whose ids name the events.
 */
export class EventConnection implements Connection, MessageTaker {
  readonly framing = "raw";
  readonly topics = null;
  readonly #sink: EventSink;
  readonly #limitBytes: number;
  readonly #clock: Clock;
  #session: Session | null = null;
  #isClosed = false;

  /** @param limitBytes may wait for the client; past it the connection is closed */
  constructor(
    readonly remote: Remote,
    sink: EventSink,
    limitBytes: number,
    clock: Clock,
  ) {
    this.#sink = sink;
    this.#limitBytes = limitBytes;
    this.#clock = clock;
  }

  opened(session: Session): void {
    this.#session = session;
  }

  // One frame a call, or a heart-beat: STOMP 1.2 as text.
  send(payload: string | Uint8Array): void {
    if (this.#isClosed || typeof payload !== "string") return;
    if (payload === HEARTBEAT) {
      this.#sink.heartbeat();
      return;
    }
    const event = eventOf(payload, this.#clock);
    if (event !== null) this.#sink.event(event);
    this.#limit();
  }

  message(message: StoredMessage, body: string): void {
    if (this.#isClosed) return;
    this.#sink.message(message, body);
    this.#limit();
  }

  caughtUp(position: string): void {
    if (!this.#isClosed) this.#sink.caughtUp(position);
  }

  bufferedBytes(): number {
    return this.#sink.heldBytes;
  }

  get isReading(): boolean {
    return this.#sink.isReading;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sink.end();
  }

  /** The client is gone. Idempotent. */
  terminate(): void {
    this.close();
    this.#session?.closed();
  }

  #limit(): void {
    if (this.#sink.bufferedBytes <= this.#limitBytes) return;
    this.#session?.overflowed();
    this.terminate();
  }
}

/** null for a frame of no concern to the client. */
function eventOf(frame: string, clock: Clock): ClientEvent | null {
  if (frame.startsWith("MESSAGE\n")) {
    const name = /^MESSAGE\nsubscription:([a-z]+)/.exec(frame)?.[1];
    if (name === undefined) return null;
    const end = frame.indexOf("\n\n");
    const body = frame.slice(end + 2, -1);
    return { name, data: name === "notice" ? noticeOf(frame.slice(0, end), body) : body };
  }
  // Its body is the error's code and text, see `Session.fail`.
  const [, code, message] = /^ERROR\n[\s\S]*?\n\n([A-Z_]+): ([\s\S]*)\n\0$/.exec(frame) ?? [];
  if (code === undefined) return null;
  const retryAfter = /\nretry-after-ms:(\d+)\n/.exec(frame)?.[1];
  const retryAfterMs = retryAfter === undefined ? undefined : Number(retryAfter);
  const timestamp = isoTime(clock.now());
  return { name: "error", data: JSON.stringify({ code, message, retryAfterMs, timestamp }) };
}

/** Its body is as the back end said it, and may be anything. */
function noticeOf(head: string, body: string): string {
  const escaped = /\ncontent-type:(.*)/.exec(head)?.[1];
  const contentType = escaped === undefined ? null : unescapeHeader("1.2", escaped);
  return JSON.stringify({ contentType, body });
}
