import { connect, type Socket } from "node:net";

export interface RawRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly version?: "1.0" | "1.1";
}

/** The head of a response; its body is read from the connection. */
export interface RawHead {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface RawAnswer extends RawHead {
  readonly body: string;
}

/** One TCP connection that speaks HTTP as a test tells it to, and shows every chunk. */
export class RawHttp {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #isEnded = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#wake();
    });
    // Also after a reset, which an abrupt end may look like.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  static open(port: number): Promise<RawHttp> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawHttp(socket)));
    });
  }

  /** Sends a request; resolves when the system has taken it. */
  send(method: string, path: string, request: RawRequest = {}): Promise<void> {
    const { headers = {}, body, version = "1.1" } = request;
    const lines = [`${method} ${path} HTTP/${version}`];
    for (const [name, value] of Object.entries({ Host: "127.0.0.1", ...headers })) {
      lines.push(`${name}: ${value}`);
    }
    if (method === "POST") lines.push(`Content-Length: ${Buffer.byteLength(body ?? "")}`);
    return new Promise((resolve) => {
      this.#socket.write(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`, () => resolve());
    });
  }

  async head(): Promise<RawHead> {
    const text = (await this.#until("\r\n\r\n")).toString("latin1");
    const [first = "", ...lines] = text.trimEnd().split("\r\n");
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { status: Number(first.split(" ")[1]), headers: new Map(headers) };
  }

  async start(method: string, path: string, request: RawRequest = {}): Promise<RawHead> {
    await this.send(method, path, request);
    return this.head();
  }

  /** A request and its whole answer. */
  async ask(method: string, path: string, request: RawRequest = {}): Promise<RawAnswer> {
    await this.send(method, path, request);
    return this.answer();
  }

  async answer(): Promise<RawAnswer> {
    const head = await this.head();
    return { ...head, body: await this.body(head) };
  }

  async body({ status, headers }: RawHead): Promise<string> {
    if (status === 204 || status === 304 || status === 101) return "";
    const length = headers.get("content-length");
    if (length !== undefined) return this.read(Number(length));
    if (headers.get("transfer-encoding") !== "chunked") return this.rest();
    let body = "";
    for (let chunk = await this.chunk(); chunk !== ""; chunk = await this.chunk()) body += chunk;
    return body;
  }

  /** The next chunk of a chunked body; "" is its end. */
  async chunk(): Promise<string> {
    const size = Number.parseInt((await this.#until("\r\n")).toString("latin1"), 16);
    const text = await this.read(size + 2);
    return text.slice(0, -2);
  }

  async read(bytes: number): Promise<string> {
    await this.#when(() => this.#bytes.length >= bytes);
    return this.#take(bytes).toString();
  }

  /** Resolves when there is something to read, or nothing will come any more. */
  arrival(): Promise<void> {
    return this.#when(() => this.#bytes.length > 0, true);
  }

  /** All that comes until the server closes the connection. */
  async rest(): Promise<string> {
    await this.#when(() => this.#isEnded, true);
    return this.#take(this.#bytes.length).toString();
  }

  /** Reads nothing more. */
  pause(): void {
    this.#socket.pause();
  }

  /** Resolves when the system has closed it too. */
  close(): Promise<void> {
    this.#socket.destroy();
    return this.#when(() => this.#isEnded, true);
  }

  async #until(mark: string): Promise<Buffer> {
    await this.#when(() => this.#bytes.includes(mark));
    return this.#take(this.#bytes.indexOf(mark) + mark.length);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #take(bytes: number): Buffer {
    const taken = this.#bytes.subarray(0, bytes);
    this.#bytes = this.#bytes.subarray(bytes);
    return taken;
  }

  async #when(isReached: () => boolean, mayEnd = false): Promise<void> {
    while (!isReached()) {
      if (this.#isEnded && mayEnd) return;
      if (this.#isEnded) throw new Error(`closed by the server; unread: ${this.#bytes}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}
