import type { StoredMessage } from "../chat/stored-chats.ts";
import type { ResponseFormat } from "../sockjs/response-format.ts";
import type { ClientEvent, EventSink } from "./event-connection.ts";
import type { FrameSink } from "./sockjs-connection.ts";
import { streamingResponse } from "./sockjs-response.ts";

/** How long a client whose stream has ended waits before it comes back, unless it is told. */
const RETRY_MS = 2_000;

/** Server-sent events, as they are written. */
const FORMAT: ResponseFormat = {
  contentType: "text/event-stream; charset=utf-8",
  isPolling: false,
  prelude: `retry: ${RETRY_MS}\n\n`,
  write: (text) => text,
};

/** Proxies must pass each event on as it comes; nginx is told so by a header of its own. */
export const STREAM_HEADERS = {
  "content-type": FORMAT.contentType,
  "cache-control": "no-store",
  "x-accel-buffering": "no",
} as const;

/** A comment: no event, but proxies and clients see that the stream is alive. */
const COMMENT = ":\n\n";

/** An event of a stream; `id` is what a client that comes back says that it has. */
export function eventText({ name, data }: ClientEvent, id: string | null): string {
  const retryMs = name === "error" ? /"retryAfterMs":(\d+)/.exec(data)?.[1] : undefined;
  const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
  const position = id === null ? "" : `id: ${id}\n`;
  return `${retry}${position}event: ${name}\ndata: ${data}\n\n`;
}

export interface EventStreamOptions {
  /** The client has taken what was buffered. */
  readonly onDrained: () => void;
  /** The response is about to end. */
  readonly onEnd: () => void;
  /** The message is on its way, in so many bytes at least. */
  readonly onLeaving: (message: StoredMessage, bytes: number) => void;
}

/** A response without end, of which each event is on its way at once. */
export class EventStream implements EventSink {
  readonly isReading = true;
  readonly response: Response | Promise<Response>;
  readonly #sink: FrameSink;
  readonly #options: EventStreamOptions;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    const headers = new Headers(STREAM_HEADERS);
    const { onDrained, onEnd } = options;
    const limits = { limitBytes: Number.POSITIVE_INFINITY, onDrained, onEnd };
    const { sink, response } = streamingResponse(FORMAT, headers, limits);
    this.#sink = sink;
    this.response = response;
  }

  event(event: ClientEvent): void {
    this.#sink.write(eventText(event, null));
  }

  message(message: StoredMessage, body: string): void {
    const text = eventText({ name: "message", data: body }, message.id);
    this.#sink.write(text);
    this.#options.onLeaving(message, text.length);
  }

  caughtUp(position: string): void {
    this.#sink.write(eventText({ name: "ready", data: "{}" }, position));
  }

  heartbeat(): void {
    this.#sink.write(COMMENT);
  }

  end(): void {
    this.#sink.end();
  }

  get bufferedBytes(): number {
    return this.#sink.bufferedBytes;
  }

  get heldBytes(): number {
    return this.#sink.bufferedBytes;
  }
}
