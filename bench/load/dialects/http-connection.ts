import type { Socket } from "bun";

const NOTHING = Buffer.alloc(0);
const HEAD_END = "\r\n\r\n";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * One HTTP/1.1 connection that stays open, one request at a time: what a browser keeps for a page
 * that polls, without the work that `fetch` does for each request.
 */
export class HttpConnection {
  readonly #port: number;
  #socket: Socket | null = null;
  #received: Buffer = NOTHING;
  #waiting: PromiseWithResolvers<HttpAnswer> | null = null;

  private constructor(port: number) {
    this.#port = port;
  }

  static async open(port: number): Promise<HttpConnection> {
    const connection = new HttpConnection(port);
    connection.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => connection.#take(bytes),
        close: () => connection.#ended("the connection was lost"),
        error: (_socket, fault) => connection.#ended(fault.message),
      },
    });
    connection.#socket.setNoDelay(true);
    return connection;
  }

  /** Rejects when the connection ends first, also by `close`. */
  request(
    method: "GET" | "POST",
    path: string,
    headers: readonly string[],
    body = "",
  ): Promise<HttpAnswer> {
    if (this.#waiting !== null) throw new Error("A request is under way");
    const answer = Promise.withResolvers<HttpAnswer>();
    const length = method === "POST" ? [`Content-Length: ${Buffer.byteLength(body)}`] : [];
    const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${this.#port}`, ...headers];
    const text = `${[...head, ...length].join("\r\n")}${HEAD_END}${body}`;
    this.#waiting = answer;
    // Requests are far smaller than a socket's buffer, which is empty when one begins.
    if ((this.#socket?.write(text) ?? -1) < Buffer.byteLength(text)) this.#ended("nothing is sent");
    return answer.promise;
  }

  close(): void {
    this.#socket?.end();
    this.#ended("closed");
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    const answer = answerIn(this.#received);
    if (answer === null) return;
    this.#received = NOTHING;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }

  #ended(reason: string): void {
    this.#waiting?.reject(new Error(reason));
    this.#waiting = null;
  }
}

/** Null until it is whole. */
function answerIn(bytes: Buffer): HttpAnswer | null {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return null;
  const head = bytes.toString("latin1", 0, headEnd);
  const status = Number(head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
  const rest = bytes.subarray(headEnd + HEAD_END.length);
  const body = /^transfer-encoding: *chunked/im.test(head)
    ? chunksIn(rest)
    : sized(rest, Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0));
  return body === null ? null : { status, body };
}

function sized(bytes: Buffer, length: number): string | null {
  return bytes.length < length ? null : bytes.toString("utf8", 0, length);
}

function chunksIn(bytes: Buffer): string | null {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return null;
    const length = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2 + length + 2;
    if (next > bytes.length) return null;
    if (length === 0) return Buffer.concat(chunks).toString("utf8");
    chunks.push(bytes.subarray(lineEnd + 2, next - 2));
    at = next;
  }
}
