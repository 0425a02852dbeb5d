import { connect, type Socket } from "node:net";
import { Decoder } from "../../src/stomp/decoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";

/** A STOMP client over a WebSocket that can stop reading: what is sent to it backs up in the server. */
export class PausingClient {
  readonly frames: Frame[] = [];
  readonly #socket: Socket;
  readonly #decoder = new Decoder({
    maxFrameBytes: 1 << 24,
    maxHeaders: 100,
    maxHeaderLineBytes: 1 << 16,
  });
  #rest = Buffer.alloc(0);
  #isUpgraded = false;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  private constructor(port: number) {
    this.#decoder.version = "1.2";
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (bytes: Buffer) => this.#received(bytes));
    this.#socket.on("error", () => {}); // The close follows.
    this.#socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
    this.#socket.write(
      "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
  }

  static async connect(port: number, userId: string): Promise<PausingClient> {
    const client = new PausingClient(port);
    await client.until("the upgrade", () => client.#isUpgraded);
    client.send(`CONNECT\naccept-version:1.2\nX-User-Id:${userId}\n\n\0`);
    await client.until("CONNECTED", () => client.got("CONNECTED").length > 0);
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  got(command: string): Frame[] {
    return this.frames.filter((frame) => frame.command === command);
  }

  /** One frame, shorter than 64 KiB, as a text message masked with zeros. */
  send(frame: string): void {
    const payload = Buffer.from(frame);
    const head = Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Resolves when what came satisfies the condition; rejects if the connection ends before. */
  async until(what: string, isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.#isClosed) throw new Error(`closed without ${what}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #received(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#isUpgraded) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#isUpgraded = true;
      this.#rest = this.#rest.subarray(end + 4);
    }
    for (let payload = this.#takePayload(); payload !== null; payload = this.#takePayload()) {
      this.#decoder.push(payload, (frame) => this.frames.push(frame));
    }
    this.#wake();
  }

  /** Of a server's frame, which is not masked [RFC 6455 §5.2]. */
  #takePayload(): Buffer | null {
    const rest = this.#rest;
    if (rest.length < 2) return null;
    const short = rest.readUInt8(1);
    const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (rest.length < headBytes) return null;
    const length =
      short === 127
        ? Number(rest.readBigUInt64BE(2))
        : short === 126
          ? rest.readUInt16BE(2)
          : short;
    if (rest.length < headBytes + length) return null;
    this.#rest = rest.subarray(headBytes + length);
    return rest.subarray(headBytes, headBytes + length);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
