import type { WebSocketOptions } from "../web-socket.ts";
import { HttpConnection } from "./http-connection.ts";
import type { Carrier } from "./socket-connection.ts";

const HEADERS = ["Content-Type: text/plain"];

/**
 * SockJS's `xhr` transport: a request waits for messages, the next one follows at once; another
 * connection sends, what came meanwhile together.
 */
export class LongPolling implements Carrier {
  readonly #options: WebSocketOptions;
  readonly #receiving: HttpConnection;
  readonly #sending: HttpConnection;
  readonly #session: string;
  #outgoing: string[] = [];
  #isSending = false;
  #isClosed = false;

  private constructor(
    options: WebSocketOptions,
    receiving: HttpConnection,
    sending: HttpConnection,
  ) {
    this.#options = options;
    this.#receiving = receiving;
    this.#sending = sending;
    this.#session = `${options.path}/000/${crypto.randomUUID()}`;
  }

  /** Rejects when the server does not open the session. */
  static async open(options: WebSocketOptions): Promise<LongPolling> {
    const { port } = options;
    const client = new LongPolling(
      options,
      await HttpConnection.open(port),
      await HttpConnection.open(port),
    );
    const opening = await client.#poll();
    if (!opening.startsWith("o")) throw new Error(`The session was not opened: ${opening}`);
    void client.#receive();
    return client;
  }

  send(text: string): void {
    this.#outgoing.push(text);
    if (!this.#isSending) void this.#flush();
  }

  close(): void {
    this.#isClosed = true;
    this.#receiving.close();
    this.#sending.close();
  }

  async #receive(): Promise<void> {
    try {
      while (!this.#isClosed) this.#take(await this.#poll());
    } catch (fault) {
      this.#ended(fault);
    }
  }

  async #flush(): Promise<void> {
    this.#isSending = true;
    try {
      await Promise.resolve(); // What this turn sends goes together.
      while (this.#outgoing.length > 0 && !this.#isClosed) {
        const messages = JSON.stringify(this.#outgoing.splice(0));
        const url = `${this.#session}/xhr_send`;
        const { status, body } = await this.#sending.request("POST", url, HEADERS, messages);
        if (status !== 204) throw new Error(`${status} ${body}`);
      }
    } catch (fault) {
      this.#ended(fault);
    }
    this.#isSending = false;
  }

  async #poll(): Promise<string> {
    const url = `${this.#session}/xhr`;
    const { status, body } = await this.#receiving.request("POST", url, HEADERS);
    if (status !== 200) throw new Error(`${status} ${body}`);
    return body;
  }

  /** A frame of SockJS: `a["…","…"]`, or `h`, or `c[code,"reason"]`. */
  #take(frame: string): void {
    if (frame.startsWith("h")) return;
    if (!frame.startsWith("a")) throw new Error(frame);
    const messages: unknown = JSON.parse(frame.slice(1));
    if (!Array.isArray(messages)) throw new Error(frame);
    for (const message of messages) {
      const bytes = Buffer.from(String(message));
      this.#options.onMessage(bytes, 0, bytes.length);
    }
  }

  #ended(fault: unknown): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onClose(fault instanceof Error ? fault.message : String(fault));
  }
}
