import { z } from "zod";
import type { Connection, ConnectOptions, Dialect } from "./dialect.ts";
import { HttpConnection } from "./http-connection.ts";
import { SocketConnection } from "./socket-connection.ts";

/** What people mean when they say that polling is enough. */
const INTERVAL_MS = 1_000;
const PAGE = 100;

const pageSchema = z.object({
  messages: z.array(z.object({ seq: z.number(), content: z.string() })),
});

/**
 * Parley without receiving: messages are sent as always, and looked for in the conversation's
 * history once a second. For 1:1 alone: `user-6` and `user-7` are one pair, whose conversation both
 * write to; who a message is for stands before its body.
 */
export const historyPolling: Dialect = { connect: (options) => open(options) };

async function open(options: ConnectOptions): Promise<Connection> {
  const http = await HttpConnection.open(options.port);
  const login = `CONNECT\naccept-version:1.2\nhost:localhost\nheart-beat:0,0\nX-User-Id:${options.userId}\n\n\0`;
  return new PollingConnection(options, http).open("/ws", "v12.stomp", login);
}

class PollingConnection extends SocketConnection {
  readonly #http: HttpConnection;
  readonly #number: number;
  readonly #conversation: string;
  #lastSeq = 0;
  #isClosed = false;

  constructor(options: ConnectOptions, http: HttpConnection) {
    super(options);
    this.#http = http;
    this.#number = Number(/\d+$/.exec(options.userId)?.[0] ?? 0);
    this.#conversation = `pair-${this.#number >> 1}`;
  }

  override subscribe(channel: string): void {
    void this.#pollForever(`${channel} `);
  }

  override publish(channel: string, body: string): void {
    const message = {
      conversationId: this.#conversation,
      recipientId: `user-${this.#number ^ 1}`,
      content: `${channel} ${body}`,
    };
    this.send(
      `SEND\ndestination:/app/chat.send\ncontent-type:application/json\n\n${JSON.stringify(message)}\0`,
    );
  }

  override close(): void {
    this.#isClosed = true;
    this.#http.close();
    super.close();
  }

  /** CONNECTED, or an ERROR. */
  protected override received(bytes: Buffer, start: number, end: number): void {
    const frame = bytes.toString("utf8", start, end);
    if (frame.startsWith("CONNECTED")) this.accepted();
    else this.ended(frame);
  }

  async #pollForever(prefix: string): Promise<void> {
    try {
      await Bun.sleep(Math.random() * INTERVAL_MS); // Users do not ask all at once.
      while (!this.#isClosed) {
        const dueMs = performance.now() + INTERVAL_MS;
        while (!(await this.#poll(prefix)));
        await Bun.sleep(Math.max(0, dueMs - performance.now()));
      }
    } catch (fault) {
      if (!this.#isClosed) this.ended(fault instanceof Error ? fault.message : String(fault));
    }
  }

  /** False when there is more. */
  async #poll(prefix: string): Promise<boolean> {
    const { status, body } = await this.#http.request(
      "GET",
      `/api/conversations/${this.#conversation}/messages?after=${this.#lastSeq}&limit=${PAGE}`,
      [`X-User-Id: ${this.options.userId}`],
    );
    if (status === 404) return true; // Nobody has written yet.
    if (status !== 200) throw new Error(`${status} ${body}`);
    const { messages } = pageSchema.parse(JSON.parse(body));
    for (const { seq, content } of messages) {
      this.#lastSeq = seq;
      if (!content.startsWith(prefix)) continue;
      const bytes = Buffer.from(content);
      this.options.onBody(bytes, prefix.length, bytes.length);
    }
    return messages.length < PAGE;
  }
}
