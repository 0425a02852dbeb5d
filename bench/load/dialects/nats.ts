import type { Connection, ConnectOptions, Dialect } from "./dialect.ts";
import { SocketConnection } from "./socket-connection.ts";

const CR = 13;
const SPACE = 32;
const LETTER_M = 77;
const LETTER_P = 80;
const LETTER_I = 73;
const LETTER_O = 79;
const NOTHING = Buffer.alloc(0);

/** The text protocol of NATS over WebSocket. A WebSocket message holds any part of its stream. */
export const nats: Dialect = { connect: (options) => open(options) };

function open(options: ConnectOptions): Promise<Connection> {
  const login = { verbose: false, pedantic: false, echo: true, name: options.userId };
  return new NatsConnection(options).open(
    "/",
    "nats",
    `CONNECT ${JSON.stringify(login)}\r\nPING\r\n`,
  );
}

class NatsConnection extends SocketConnection {
  #subscriptions = 0;
  #rest: Buffer = NOTHING;

  override subscribe(channel: string): void {
    this.#subscriptions += 1;
    this.send(`SUB ${channel} ${this.#subscriptions}\r\n`);
  }

  override publish(channel: string, body: string): void {
    this.send(`PUB ${channel} ${body.length}\r\n${body}\r\n`);
  }

  protected override received(bytes: Buffer, start: number, end: number): void {
    if (this.#rest.length === 0) {
      const at = this.#takeAll(bytes, start, end);
      if (at < end) this.#rest = Buffer.from(bytes.subarray(at, end));
    } else {
      const all = Buffer.concat([this.#rest, bytes.subarray(start, end)]);
      const at = this.#takeAll(all, 0, all.length);
      this.#rest = at < all.length ? all.subarray(at) : NOTHING;
    }
  }

  /** Where the first operation begins that has not come whole. */
  #takeAll(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const lineEnd = bytes.indexOf(CR, at);
      if (lineEnd === -1 || lineEnd + 2 > end) return at;
      const next = lineEnd + 2;
      if (bytes[at] === LETTER_M) {
        const length = lastNumber(bytes, lineEnd);
        if (next + length + 2 > end) return at;
        this.options.onBody(bytes, next, next + length);
        at = next + length + 2;
      } else {
        this.#answer(bytes, at, lineEnd);
        at = next;
      }
    }
    return at;
  }

  #answer(bytes: Buffer, at: number, lineEnd: number): void {
    if (bytes[at] === LETTER_P && bytes[at + 1] === LETTER_I) this.send("PONG\r\n");
    else if (bytes[at] === LETTER_P && bytes[at + 1] === LETTER_O) this.accepted();
    else if (bytes[at] !== LETTER_I) this.ended(bytes.toString("latin1", at, lineEnd)); // -ERR
  }
}

/** MSG's line ends with the length of the body. */
function lastNumber(bytes: Buffer, lineEnd: number): number {
  let value = 0;
  let unit = 1;
  for (let at = lineEnd - 1; bytes[at] !== SPACE; at -= 1) {
    value += ((bytes[at] ?? 0) - 48) * unit;
    unit *= 10;
  }
  return value;
}
