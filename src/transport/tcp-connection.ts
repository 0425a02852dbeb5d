import type { Remote } from "../auth/remote.ts";
import { isLoopbackHost } from "../config.ts";
import type { Connection } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import { plainAddress } from "./client-address.ts";

/** What a connection needs of a socket; Bun's has it. */
export interface TcpSocket {
  /** Of the peer; undefined for one that has gone already. */
  readonly remoteAddress: string | undefined;
  /** Takes what it can, and says how many bytes; -1 when it is gone. */
  write(bytes: Uint8Array): number;
  /** FIN after what was written; what the peer sends still comes. */
  shutdown(): void;
  /** Drops the socket with what it holds. */
  terminate(): void;
  /** Reads no more until `resume`; what was read already may still come. */
  pause(): void;
  resume(): void;
}

export interface TcpConnectionOptions {
  /** What may wait to be sent; past it the connection is dropped. */
  readonly sendBufferBytes: number;
  /** Of what comes, so much is decoded before a look at whether frames wait. */
  readonly pieceBytes: number;
  /** The send buffer is past its limit: the connection is about to be dropped. */
  readonly onOverflow: (connection: TcpConnection) => void;
  /** Nothing more will be sent: the peer takes the rest, and closes its side. */
  readonly onClosing: (connection: TcpConnection) => void;
}

const NUL = 0;

/** So many bytes do not wait for the end of the turn. */
const WRITE_NOW_BYTES = 64 * 1024;

/**
 * A TCP socket under a session. The frames of one turn of the event loop become one write; what the
 * socket does not take at once is kept, in order, until it drains.
 */
export class TcpConnection implements Connection {
  readonly framing = "stream";
  readonly isReading = true;
  readonly topics = null;
  readonly remote: Remote;
  readonly #socket: TcpSocket;
  readonly #options: TcpConnectionOptions;
  #session: Session | null = null;
  #state: "open" | "closing" | "shut" | "dropped" | "gone" = "open";
  /** Frames that no write has tried yet. */
  #queue: Uint8Array[] = [];
  /** What the last write left over; while there is some, the socket is blocked. */
  #rest: Uint8Array | null = null;
  #bufferedBytes = 0;
  #isTurnWatched = false;
  /** What came while frames wait: the client has to wait too. */
  #unread: Uint8Array[] = [];
  #isPaused = false;
  #hasEnded = false;

  constructor(socket: TcpSocket, options: TcpConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const { remoteAddress } = socket;
    const address = remoteAddress === undefined ? null : plainAddress(remoteAddress);
    const isLocal = address !== null && isLoopbackHost(address);
    this.remote = {
      ...{ peerAddress: address, address, proxied: !isLocal },
      header: () => undefined,
      forgetHeaders() {},
    };
  }

  get session(): Session | null {
    return this.#session;
  }

  opened(session: Session): void {
    this.#session = session;
  }

  received(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    if (!this.#isPaused) this.#read();
  }

  /** The peer says no more. */
  ended(): void {
    this.#hasEnded = true;
    if (!this.#isPaused) this.#session?.ended();
  }

  /** The socket takes more. */
  drained(): void {
    const rest = this.#rest;
    if (rest === null) return;
    this.#rest = null;
    const before = this.#bufferedBytes;
    this.#write(rest);
    this.#writeQueue();
    if (this.#bufferedBytes < before) this.#session?.drained();
    this.#shutDownWhenSent();
  }

  /** The socket is gone. Idempotent. */
  gone(): void {
    this.#drop("gone");
    this.#session?.closed();
    this.#session = null;
    this.#bufferedBytes = 0;
  }

  send(payload: string | Uint8Array): void {
    if (this.#state !== "open") return;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.#queue.push(bytes);
    this.#bufferedBytes += bytes.length;
    if (this.#bufferedBytes >= WRITE_NOW_BYTES) this.#writeQueue();
    if (this.#rest === null) this.#watchTurn();
    else this.#checkLimit();
  }

  bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** A stream carries no close code: an ERROR frame before it says why. */
  close(_code: number, _reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#options.onClosing(this);
    this.#writeQueue();
    this.#shutDownWhenSent();
  }

  terminate(): void {
    if (this.#state === "gone") return;
    this.#drop("dropped");
    this.#socket.terminate();
  }

  /**
   * A client that sends faster than its frames can be handled is not read, which it notices. Pieces
   * end behind a NUL: a body that came whole stays whole.
   */
  #read(): void {
    const session = this.#session;
    for (let bytes = this.#unread.shift(); bytes !== undefined; bytes = this.#unread.shift()) {
      if (session === null) continue;
      const nul = bytes.indexOf(NUL, this.#options.pieceBytes - 1);
      const end = nul === -1 ? bytes.length : nul + 1;
      if (end < bytes.length) this.#unread.unshift(bytes.subarray(end));
      session.receive(end < bytes.length ? bytes.subarray(0, end) : bytes);
      const idle = session.idle();
      if (idle !== null) {
        this.#pauseUntil(idle);
        return;
      }
    }
  }

  #pauseUntil(idle: Promise<void>): void {
    this.#isPaused = true;
    this.#socket.pause();
    const goOn = () => {
      this.#isPaused = false;
      this.#read();
      if (this.#isPaused || this.#state === "gone") return;
      this.#socket.resume();
      if (this.#hasEnded) this.#session?.ended();
    };
    idle.then(goOn, goOn);
  }

  // An immediate runs once a turn; microtasks run after each message that comes in.
  #watchTurn(): void {
    if (this.#isTurnWatched) return;
    this.#isTurnWatched = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#isTurnWatched = false;
    if (this.#state === "dropped") this.terminate();
    if (this.#state !== "open") return;
    this.#writeQueue();
    if (this.#rest === null) this.#session?.drained();
    else this.#checkLimit();
  };

  #writeQueue(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#rest !== null) return;
    const bytes = this.#queue.length === 1 ? first : Buffer.concat(this.#queue);
    this.#queue = [];
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    const written = Math.max(0, this.#socket.write(bytes));
    this.#bufferedBytes -= written;
    if (written < bytes.length) this.#rest = bytes.subarray(written);
  }

  /** Whoever sends is in the midst of something: the socket goes when the turn ends. */
  #checkLimit(): void {
    if (this.#bufferedBytes <= this.#options.sendBufferBytes) return;
    this.#drop("dropped");
    this.#options.onOverflow(this);
    this.#watchTurn();
  }

  /** The count of buffered bytes stays until the session knows: what they were did not depart. */
  #drop(state: "dropped" | "gone"): void {
    this.#state = state;
    this.#unread = [];
    this.#queue = [];
    this.#rest = null;
  }

  #shutDownWhenSent(): void {
    if (this.#state !== "closing" || this.#bufferedBytes > 0) return;
    this.#state = "shut";
    this.#socket.shutdown();
  }
}
