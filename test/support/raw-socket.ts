import type { Socket } from "bun";

/** A TCP connection that says exactly what a test tells it to, and keeps all that comes back. */
export class RawSocket {
  /** Resolves when the server has closed. */
  readonly closed: Promise<void>;
  readonly #chunks: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #unsent: Buffer = Buffer.alloc(0);
  #socket: Socket | null = null;
  readonly #close = Promise.withResolvers<void>();

  private constructor() {
    this.closed = this.#close.promise;
  }

  static async open(port: number): Promise<RawSocket> {
    const raw = new RawSocket();
    raw.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => {
          raw.#chunks.push(Buffer.from(bytes));
          raw.#wake();
        },
        drain: () => raw.#flush(),
        close: () => raw.#ended(),
        error: () => raw.#ended(),
      },
    });
    raw.#socket.setNoDelay(true);
    return raw;
  }

  /** Past the handshake of a WebSocket. */
  static async upgrade(port: number, path = "/ws"): Promise<RawSocket> {
    const raw = await RawSocket.open(port);
    raw.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await raw.until("\r\n\r\n");
    if (!raw.text.startsWith("HTTP/1.1 101")) throw new Error(`refused: ${raw.text}`);
    return raw;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Everything that came, an octet a character. */
  get text(): string {
    return this.bytes.toString("latin1");
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Of the first HTTP answer; null if there is none. */
  get status(): number | null {
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(this.text)?.[1];
    return status === undefined ? null : Number(status);
  }

  write(bytes: string | Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(bytes)]);
    this.#flush();
  }

  /** Resolves when the text has come; rejects when the server closes without it. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      if (this.#isClosed) throw new Error(`closed without ${JSON.stringify(text)}: ${this.text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when there is an HTTP answer or the end. */
  async answered(): Promise<void> {
    while (!this.text.includes("\r\n\r\n") && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  end(): void {
    this.#socket?.end();
  }

  #flush(): void {
    if (this.#socket === null || this.#isClosed || this.#unsent.length === 0) return;
    const written = Math.max(0, this.#socket.write(this.#unsent));
    this.#unsent = this.#unsent.subarray(written);
  }

  #ended(): void {
    this.#isClosed = true;
    this.#close.resolve();
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
