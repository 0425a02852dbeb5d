import { connect, type Socket } from "node:net";

/** Requests of a SockJS session over HTTP, as a client's transport makes them. */
export class SockJsHttp {
  static #made = 0;
  readonly session: string;

  constructor(
    /** The base URL. */
    readonly base: string,
    readonly headers: Record<string, string> = {},
  ) {
    SockJsHttp.#made += 1;
    this.session = `session-${SockJsHttp.#made}`;
  }

  url(transport: string, server = "000"): string {
    return `${this.base}/${server}/${this.session}/${transport}`;
  }

  post(transport: string, body = "", headers: Record<string, string> = {}): Promise<Response> {
    return http(this.url(transport), {
      method: "POST",
      body,
      headers: { ...this.headers, ...headers },
    });
  }

  get(transport: string, query = ""): Promise<Response> {
    return http(this.url(transport) + query, { headers: this.headers });
  }

  /** The frame of one poll. */
  async poll(): Promise<string> {
    return await (await this.post("xhr")).text();
  }

  async send(...messages: unknown[]): Promise<void> {
    const { status } = await this.post("xhr_send", JSON.stringify(messages));
    if (status !== 204) throw new Error(`xhr_send was answered ${status}`);
  }
}

/** `fetch` that asks no proxy and follows nothing. */
export function http(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { redirect: "manual", proxy: "", ...init });
}

/** A request over a socket of its own, whose response is read as it comes. */
export class RawRequest {
  #received = "";
  #hasEnded = false;
  #waiting: (() => void)[] = [];
  readonly #socket: Socket;
  /** The request is on its way. */
  readonly sent: Promise<void>;

  constructor(url: string, request: readonly string[], body = "") {
    const { hostname, port } = new URL(url);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.sent = promise;
    this.#socket = connect(Number(port), hostname, () => {
      this.#socket.write(`${request.join("\r\n")}\r\n\r\n${body}`, () => resolve());
    });
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => this.#note(() => (this.#received += text)));
    this.#socket.on("close", () => this.#note(() => (this.#hasEnded = true)));
    this.#socket.on("error", () => {});
  }

  static streaming(
    url: string,
    method: "GET" | "POST",
    headers: readonly string[] = [],
  ): RawRequest {
    const { pathname, search, host } = new URL(url);
    const length = method === "POST" ? ["Content-Length: 0"] : [];
    return new RawRequest(url, [
      `${method} ${pathname}${search} HTTP/1.1`,
      `Host: ${host}`,
      ...headers,
      ...length,
    ]);
  }

  get received(): string {
    return this.#received;
  }

  /** The chunks of the body so far. */
  chunks(): string[] {
    const chunks: string[] = [];
    let rest = this.#received.slice(this.#received.indexOf("\r\n\r\n") + 4);
    for (;;) {
      const line = rest.indexOf("\r\n");
      const size = Number.parseInt(rest.slice(0, line), 16);
      if (line === -1 || Number.isNaN(size)) return chunks;
      const chunk = Buffer.from(rest.slice(line + 2))
        .subarray(0, size)
        .toString();
      rest = rest.slice(line + 2 + chunk.length + 2);
      chunks.push(chunk);
      if (size === 0) return chunks;
    }
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.#hasEnded) throw new Error(`the response ended with ${this.#received}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves with all of it when the server has closed. */
  async ended(): Promise<string> {
    while (!this.#hasEnded) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#received;
  }

  /** A further request on the same connection. */
  write(text: string): void {
    this.#socket.write(text);
  }

  /** Breaks off. */
  abort(): void {
    this.#socket.destroy();
  }

  #note(change: () => void): void {
    change();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
