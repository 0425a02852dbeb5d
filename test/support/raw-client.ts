import { Decoder } from "../../src/stomp/decoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import type { StompVersion } from "../../src/stomp/version.ts";

/** A WebSocket that says exactly what a test tells it to, and reads frames. */
export class RawClient {
  readonly frames: Frame[] = [];
  /** Every WebSocket message as it came, heart-beats too. */
  readonly messages: (string | Uint8Array)[] = [];
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
  #confirmed = 0;

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
      this.messages.push(chunk);
      this.#decoder.push(chunk, (frame) => this.frames.push(frame));
      this.#wake();
    });
  }

  /** @param headers of the handshake */
  static async open(
    url: string,
    protocols: string[] = [],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawClient> {
    // Bun's own options, which the types of browsers do not know.
    const socket: WebSocket = Reflect.construct(WebSocket, [url, { protocols, headers }]);
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("close", () => reject(new Error("the handshake was refused")));
    });
    return client;
  }

  static async connect(
    url: string,
    userId: string,
    version: StompVersion = "1.2",
  ): Promise<RawClient> {
    const client = await RawClient.open(url);
    client.#decoder.version = version;
    const offer = version === "1.0" ? {} : { "accept-version": version };
    client.frameOf("CONNECT", { ...offer, "X-User-Id": userId });
    await client.frame("CONNECTED");
    return client;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** Sends a frame; the headers are written as they are, without escaping. */
  frameOf(command: string, headers: Readonly<Record<string, string>> = {}, body = ""): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.send(`${command}\n${lines.join("")}\n${body}\0`);
  }

  /** Sends a frame and resolves when the server has done what it says. */
  async confirmed(
    command: string,
    headers: Readonly<Record<string, string>> = {},
    body = "",
  ): Promise<void> {
    this.#confirmed += 1;
    const receipt = `confirmed-${this.#confirmed}`;
    this.frameOf(command, { ...headers, receipt }, body);
    await this.until(`the receipt of ${command}`, () =>
      this.got("RECEIPT").some((frame) => frame.header("receipt-id") === receipt),
    );
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
    await this.until(`the ${command}`, () => this.got(command).length > index);
    const frame = this.got(command)[index];
    if (frame === undefined) throw new Error(`no ${command}`);
    return frame;
  }

  /** Resolves when what came satisfies the condition; rejects if the connection ends before. */
  async until(what: string, isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.#socket.readyState === WebSocket.CLOSED) {
        const commands = this.frames.map((other) => other.command);
        throw new Error(`closed without ${what}; got ${commands.join(" ")}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
