import type { Connection, ConnectOptions, Dialect } from "./dialect.ts";
import { type OpenCarrier, SocketConnection } from "./socket-connection.ts";

/** Where servers of STOMP over WebSocket differ. */
export interface StompFlavour {
  readonly path: string;
  /** A WebSocket without it. */
  readonly carrier?: OpenCarrier;
  /** Further headers of CONNECT, such as the user's name. */
  readonly login: (userId: string) => readonly string[];
}

const NUL = 0;
const LF = 10;
const LETTER_E = 69;
const LETTER_M = 77;
const HEADERS_END = Buffer.from("\n\n");

/** STOMP 1.2 with a frame in each message, which is how all servers here send it. */
export function stomp(flavour: StompFlavour): Dialect {
  return { connect: (options) => open(flavour, options) };
}

function open(flavour: StompFlavour, options: ConnectOptions): Promise<Connection> {
  const headers = ["accept-version:1.2", "heart-beat:0,0", ...flavour.login(options.userId)];
  const login = `CONNECT\n${headers.join("\n")}\n\n\0`;
  return new StompConnection(options).open(flavour.path, "v12.stomp", login, flavour.carrier);
}

class StompConnection extends SocketConnection {
  #subscriptions = 0;
  /** Of the last message, with the empty line. */
  #headLength = HEADERS_END.length;

  override subscribe(channel: string): void {
    const id = `sub-${this.#subscriptions}`;
    this.#subscriptions += 1;
    // Bare Bun answers with this receipt; servers that know none leave it out.
    const headers = [`id:${id}`, `destination:/topic/${channel}`, "ack:auto", `receipt:${id}`];
    this.send(`SUBSCRIBE\n${headers.join("\n")}\n\n\0`);
  }

  override publish(channel: string, body: string): void {
    this.send(`SEND\ndestination:/topic/${channel}\ncontent-type:text/plain\n\n${body}\0`);
  }

  protected override received(bytes: Buffer, start: number, end: number): void {
    switch (bytes[start]) {
      case LETTER_M: {
        // RabbitMQ sends a line feed after the NUL.
        const nul = bytes[end - 1] === NUL ? end - 1 : bytes.lastIndexOf(NUL, end - 1);
        this.options.onBody(bytes, this.#bodyOf(bytes, start), nul);
        break;
      }
      case LETTER_E:
        this.ended(bytes.toString("utf8", start, end));
        break;
      case LF: // A heart-beat.
        break;
      default: // CONNECTED, RECEIPT
        this.accepted();
    }
  }

  /** Headers are mostly as long as those of the message before, and a body has no line feeds. */
  #bodyOf(bytes: Buffer, start: number): number {
    const guess = start + this.#headLength;
    if (bytes[guess - 1] !== LF || bytes[guess - 2] !== LF)
      this.#headLength = bytes.indexOf(HEADERS_END, start) + HEADERS_END.length - start;
    return start + this.#headLength;
  }
}
