import type { Dialect } from "./dialect.ts";
import { SocketConnection } from "./socket-connection.ts";

const LF = 10;
const DATA = Buffer.from('"data":"');
const QUOTE = 34;
const PUSH = Buffer.from('{"push"');
const ERROR = Buffer.from('"error":');
const PING_LENGTH = "{}".length;

const PATH = "/connection/websocket";
const CONNECT = '{"id":1,"connect":{}}';
const FIRST_COMMAND = 2;

/** Centrifugo's JSON protocol: a line a reply, several lines in a WebSocket message. */
export const centrifugo: Dialect = {
  connect: (options) => new CentrifugoConnection(options).open(PATH, "centrifuge-json", CONNECT),
};

class CentrifugoConnection extends SocketConnection {
  #nextCommand = FIRST_COMMAND;

  override subscribe(channel: string): void {
    this.#command(`"subscribe":{"channel":"${channel}"}`);
  }

  override publish(channel: string, body: string): void {
    this.#command(`"publish":{"channel":"${channel}","data":"${body}"}`);
  }

  #command(command: string): void {
    this.send(`{"id":${this.#nextCommand},${command}}`);
    this.#nextCommand += 1;
  }

  protected override received(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const lf = bytes.indexOf(LF, at);
      const lineEnd = lf === -1 || lf > end ? end : lf;
      this.#take(bytes, at, lineEnd);
      at = lineEnd + 1;
    }
  }

  #take(bytes: Buffer, start: number, end: number): void {
    if (startsWith(bytes, start, end, PUSH)) {
      const data = bytes.indexOf(DATA, start);
      if (data === -1 || data > end) return; // Not a publication.
      const from = data + DATA.length;
      this.options.onBody(bytes, from, bytes.indexOf(QUOTE, from));
    } else if (end - start === PING_LENGTH) {
      this.send("{}");
    } else if (bytes.subarray(start, end).includes(ERROR)) {
      this.ended(bytes.toString("utf8", start, end));
    } else {
      this.accepted(); // The first reply; those that follow say that all is well.
    }
  }
}

/** A ping is shorter than the prefix, and may be the last that there is in `bytes`. */
function startsWith(bytes: Buffer, start: number, end: number, prefix: Buffer): boolean {
  const prefixEnd = start + prefix.length;
  return prefixEnd <= end && bytes.compare(prefix, 0, prefix.length, start, prefixEnd) === 0;
}
