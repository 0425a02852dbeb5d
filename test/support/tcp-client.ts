import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { Decoder } from "../../src/stomp/decoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";

const FIXTURES = join(import.meta.dir, "../fixtures");

/** For localhost, 127.0.0.1 and ::1, signed by itself, good for a hundred years. */
export const CERT_FILE = join(FIXTURES, "tls-cert.pem");
export const KEY_FILE = join(FIXTURES, "tls-key.pem");

/** A socket that says exactly what a test tells it to, and reads frames until told to pause. */
export class TcpClient {
  readonly frames: Frame[] = [];
  /** Everything that came. */
  receivedBytes = 0;
  /** The server will say no more. */
  readonly ended: Promise<void>;
  /** Both sides are closed, in order or by a reset. */
  readonly closed: Promise<void>;
  readonly #decoder = new Decoder({
    maxFrameBytes: 1 << 24,
    maxHeaders: 100,
    maxHeaderLineBytes: 1 << 16,
  });
  #waiting: (() => void)[] = [];
  #taken = new Map<string, number>();
  #isOver = false;

  private constructor(readonly socket: Socket) {
    this.#decoder.version = "1.2";
    const ended = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.closed = closed.promise;
    socket.on("data", (bytes: Buffer) => {
      this.receivedBytes += bytes.length;
      this.#decoder.push(bytes, (frame) => this.frames.push(frame));
      this.#wake();
    });
    socket.on("error", () => {}); // A reset is followed by "close".
    socket.on("end", () => ended.resolve());
    socket.on("close", () => {
      this.#isOver = true;
      ended.resolve();
      closed.resolve();
      this.#wake();
    });
  }

  /**
   * @param options.tls with the fixtures' certificate as the only one to trust
   * @param options.keepsOpen the client does not close its side when the server does
   */
  static async open(
    port: number,
    options: { readonly tls?: boolean; readonly keepsOpen?: boolean } = {},
  ): Promise<TcpClient> {
    const where = { port, host: "127.0.0.1", allowHalfOpen: options.keepsOpen ?? false };
    const isTls = options.tls === true;
    const socket = isTls
      ? connectTls({ ...where, ca: readFileSync(CERT_FILE, "utf8"), servername: "localhost" })
      : connect(where);
    const client = new TcpClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(isTls ? "secureConnect" : "connect", () => resolve());
      socket.once("error", reject);
    });
    return client;
  }

  static async connect(
    port: number,
    userId: string,
    options: { readonly tls?: boolean } = {},
  ): Promise<TcpClient> {
    const client = await TcpClient.open(port, options);
    client.send(`CONNECT\naccept-version:1.2\nhost:localhost\nlogin:${userId}\n\n\0`);
    await client.frame("CONNECTED");
    return client;
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Subscribes and resolves when the server has it. */
  async subscribed(destination: string, headers = ""): Promise<void> {
    this.send(
      `SUBSCRIBE\nid:${destination}\ndestination:${destination}\nreceipt:s\n${headers}\n\0`,
    );
    await this.frame("RECEIPT");
  }

  /** The client has said all; it still listens. */
  halfClose(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
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
      if (this.#isOver) {
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
