import type { Socket } from "bun";

/** A message's payload is `bytes` from `start` up to `end`; it is overwritten after the call. */
export type OnMessage = (bytes: Buffer, start: number, end: number) => void;

export interface WebSocketOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string | undefined;
  readonly port: number;
  readonly path: string;
  /** null: none is offered. */
  readonly protocol: string | null;
  /** Opened or not, the connection is given up after so long without a byte, twice that at most; never by default. */
  readonly silenceMs?: number | undefined;
  readonly onMessage: OnMessage;
  /** Once, however the connection ended; `reason` is for people. */
  readonly onClose: (reason: string) => void;
}

/** How the reason of a close frame begins. */
export const CLOSED_BY_SERVER = "closed by the server";

/** Of WebSocket frames with their heads, and of handshakes; what TCP and IP put around them is not in it. */
export interface Traffic {
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
}

const carried = { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 };

/** What all connections of this process have carried up to now, as `process.cpuUsage` has its time. */
export function trafficSoFar(): Traffic {
  return { ...carried };
}

const TEXT = 0x1;
const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
const FINAL = 0x80;
const MASKED = 0x80;
const NOTHING = Buffer.alloc(0);

/**
 * A WebSocket client [RFC 6455] that does no more than a load generator needs: it hands over
 * payloads as bytes in the buffer in which they came, without an event or a string for each, which
 * is what lets one core receive what another one sends. What one turn of the event loop sends on a
 * connection leaves as one write.
 */
export class LightWebSocket {
  readonly #options: WebSocketOptions;
  #socket: Socket | null = null;
  /** A frame that has not come whole. */
  #rest: Buffer = NOTHING;
  #outgoing: Buffer[] = [];
  #isFlushing = false;
  #isBlocked = false;
  #isOpen = false;
  #isClosed = false;
  #silence: ReturnType<typeof setInterval> | undefined;
  #hasHeard = false;
  readonly #opened = Promise.withResolvers<void>();

  private constructor(options: WebSocketOptions) {
    this.#options = options;
  }

  /** Rejects when the server refuses the handshake. */
  static async open(options: WebSocketOptions): Promise<LightWebSocket> {
    const client = new LightWebSocket(options);
    client.#listenFor(options.silenceMs);
    const connecting = Bun.connect({
      hostname: options.host ?? "127.0.0.1",
      port: options.port,
      socket: {
        open: (socket) => client.#connected(socket),
        data: (_socket, bytes) => client.#received(bytes),
        drain: () => client.#drained(),
        close: () => client.#closed("the connection was lost"),
        error: (_socket, fault) => client.#closed(fault.message),
      },
    });
    connecting.catch((fault: Error) => client.#closed(fault.message));
    await client.#opened.promise;
    return client;
  }

  send(text: string, as: "text" | "binary" = "text"): void {
    this.#write(as === "text" ? TEXT : BINARY, Buffer.from(text));
  }

  /** Reads no more: what the server sends stays with it and with the kernel. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#silence);
    this.#socket?.end();
  }

  #listenFor(silenceMs: number | undefined): void {
    if (silenceMs === undefined) return;
    this.#silence = setInterval(() => {
      if (!this.#hasHeard) this.#closed("nothing came any more");
      this.#hasHeard = false;
    }, silenceMs);
  }

  #connected(socket: Socket): void {
    const { host = "127.0.0.1", port, path, protocol } = this.#options;
    this.#socket = socket;
    if (this.#isClosed) {
      socket.end();
      return;
    }
    socket.setNoDelay(true);
    const request = [
      ...[`GET ${path} HTTP/1.1`, `Host: ${host}:${port}`, "Upgrade: websocket"],
      ...["Connection: Upgrade", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${KEY}`],
      ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
      "\r\n",
    ].join("\r\n");
    carried.bytesOut += request.length;
    socket.write(request);
  }

  #received(bytes: Buffer): void {
    this.#hasHeard = true;
    carried.bytesIn += bytes.length;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    if (!this.#isOpen) {
      const end = all.indexOf("\r\n\r\n");
      if (end !== -1 && !this.#isAccepted(all.toString("latin1", 0, end))) return;
      at = end === -1 ? 0 : end + 4;
    }
    if (this.#isOpen) at = this.#takeFrames(all, at);
    this.#rest = at === all.length ? NOTHING : Buffer.from(all.subarray(at));
  }

  #isAccepted(answer: string): boolean {
    if (!answer.startsWith("HTTP/1.1 101")) {
      const refusal = answer.slice(0, 64);
      this.#opened.reject(new Error(`The handshake was refused: ${refusal}`));
      this.#closed(refusal);
      return false;
    }
    this.#isOpen = true;
    this.#opened.resolve();
    return true;
  }

  /** Where the frames that are whole end. */
  #takeFrames(bytes: Buffer, from: number): number {
    let at = from;
    while (at + 2 <= bytes.length) {
      let length = bytes[at + 1] ?? 0;
      let start = at + 2;
      if (length === 126) {
        if (start + 2 > bytes.length) return at;
        length = bytes.readUInt16BE(start);
        start += 2;
      } else if (length === 127) {
        if (start + 8 > bytes.length) return at;
        length = Number(bytes.readBigUInt64BE(start));
        start += 8;
      }
      if (start + length > bytes.length) return at;
      this.#take(bytes[at] ?? 0, bytes, start, start + length);
      at = start + length;
    }
    return at;
  }

  #take(head: number, bytes: Buffer, start: number, end: number): void {
    carried.framesIn += 1;
    switch (head) {
      case FINAL | TEXT:
      case FINAL | BINARY:
        this.#options.onMessage(bytes, start, end);
        break;
      case FINAL | PING:
        this.#write(PONG, Buffer.from(bytes.subarray(start, end)));
        break;
      case FINAL | PONG:
        break;
      case FINAL | CLOSE:
        this.#closed(`${CLOSED_BY_SERVER}: ${bytes.toString("utf8", start + 2, end)}`);
        break;
      default:
        this.#closed(`a frame that this client does not know, ${head.toString(16)}`);
    }
  }

  /** Masked with zeros, which is as good as any to a server and leaves the payload as it is. */
  #write(opcode: number, payload: Buffer): void {
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
    head[0] = FINAL | opcode;
    head[1] = MASKED | (length < 126 ? length : length < 65_536 ? 126 : 127);
    if (length >= 65_536) head.writeBigUInt64BE(BigInt(length), 2);
    else if (length >= 126) head.writeUInt16BE(length, 2);
    this.#outgoing.push(head, payload);
    carried.framesOut += 1;
    carried.bytesOut += head.length + length;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#isBlocked || this.#socket === null || this.#isClosed) return;
    const bytes = Buffer.concat(this.#outgoing);
    const written = this.#socket.write(bytes);
    this.#isBlocked = written < bytes.length;
    this.#outgoing = this.#isBlocked ? [bytes.subarray(Math.max(0, written))] : [];
  }

  #drained(): void {
    this.#isBlocked = false;
    if (this.#outgoing.length > 0) this.#flush();
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#silence);
    this.#opened.reject(new Error(reason));
    this.#socket?.end();
    this.#options.onClose(reason);
  }
}

/** The server's answer to it is not checked: nothing here guards against confused proxies. */
const KEY = Buffer.alloc(16, "parley bench").toString("base64");
