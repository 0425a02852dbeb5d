/** A MESSAGE frame of Parley, of whose headers a client needs these two. */
export interface MessageFrame {
  readonly subscription: string;
  /** Of subscriptions that acknowledge. */
  readonly ack: string | null;
  readonly body: unknown;
}

const END_OF_HEADERS = Buffer.from("\n\n");

/** The payload is the frame and its NUL. */
export function parseMessage(bytes: Buffer, start: number, end: number): MessageFrame {
  const headersEnd = bytes.indexOf(END_OF_HEADERS, start);
  const headers = bytes.toString("latin1", start, headersEnd + 1);
  const body: unknown = JSON.parse(bytes.toString("utf8", headersEnd + 2, end - 1));
  return {
    subscription: /\nsubscription:(.*)\n/.exec(headers)?.[1] ?? "",
    ack: /\nack:(.*)\n/.exec(headers)?.[1] ?? null,
    body,
  };
}

/** `body` is JSON, and its length in bytes is told. */
export function sendFrame(destination: string, body: string): string {
  const length = Buffer.byteLength(body);
  return `SEND\ndestination:${destination}\ncontent-type:application/json\ncontent-length:${length}\n\n${body}\0`;
}
