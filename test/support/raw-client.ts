import { Decoder } from "../../src/stomp/decoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";

/** A WebSocket that says exactly what a test tells it to, and reads frames. */
export class RawClient {
  readonly frames: Frame[] = [];
  /** The close code. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #decoder = new Decoder({
    maxFrameBytes: 1 << 24,
    maxHeaders: 100,
    maxHeaderLineBytes: 1 << 16,
  });
  #waiting: (() => void)[] = [];
  #taken = new Map<string, number>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#decoder.version = "1.2";
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", (event) => {
        resolve(event.code);
        this.#wake();
      });
    });
    socket.addEventListener("message", ({ data }) => {
      const chunk = data instanceof ArrayBuffer ? new Uint8Array(data) : String(data);
      this.#decoder.push(chunk, (frame) => this.frames.push(frame));
      this.#wake();
    });
  }

  static async open(url: string, protocols: string[] = []): Promise<RawClient> {
    const socket = new WebSocket(url, protocols);
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("close", () => reject(new Error("the handshake was refused")));
    });
    return client;
  }

  static async connect(url: string, userId: string): Promise<RawClient> {
    const client = await RawClient.open(url);
    client.send(`CONNECT\naccept-version:1.2\nX-User-Id:${userId}\n\n\0`);
    await client.frame("CONNECTED");
    return client;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  close(): void {
    this.#socket.close();
  }

  got(command: string): Frame[] {
    return this.frames.filter((frame) => frame.command === command);
  }

  /** The next frame with the command that has not been asked for. */
  async frame(command: string): Promise<Frame> {
    const index = this.#taken.get(command) ?? 0;
    this.#taken.set(command, index + 1);
    for (;;) {
      const frame = this.got(command)[index];
      if (frame !== undefined) return frame;
      if (this.#socket.readyState === WebSocket.CLOSED) {
        const commands = this.frames.map((other) => other.command);
        throw new Error(`closed without the ${command}; got ${commands.join(" ")}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
