import { expect } from "bun:test";
import { Client, type StompConfig } from "@stomp/stompjs";
import type { ParleyProcess } from "./parley-process.ts";
import { historyOf } from "./steady-sender.ts";
import { type Event, StockClient } from "./stock-client.ts";

const IN_FLIGHT = 10;
const AGAIN_MS = 20;
const CONFIRMATIONS = "/user/queue/confirmations";
const ERRORS = "/user/queue/errors";

/**
 * A stock client that does what the documentation asks of one: it connects again whenever it is left,
 * and sends again what was not confirmed. It writes as fast as it is confirmed.
 */
export class PersistentSender {
  /** By `clientMessageId`. */
  readonly confirmed = new Map<string, Event>();
  readonly client: StockClient;
  readonly #to: { readonly conversationId: string; readonly recipientId: string };
  readonly #unconfirmed = new Set<string>();
  #written = 0;
  #isWriting = true;

  constructor(config: StompConfig, userId: string, recipientId: string) {
    this.#to = { conversationId: `${userId}-${recipientId}`, recipientId };
    const stomp = new Client({
      ...{ connectHeaders: { "X-User-Id": userId }, reconnectDelay: 50 },
      ...config,
    });
    this.client = new StockClient(userId, stomp);
    stomp.onConnect = () => {
      this.client.connects += 1;
      stomp.subscribe(CONFIRMATIONS, ({ body }) => this.#confirm(JSON.parse(body)));
      stomp.subscribe(ERRORS, ({ body }) => this.#sendLater(JSON.parse(body)));
      for (const id of this.#unconfirmed) this.#send(id);
      this.#writeOn();
    };
    stomp.activate();
  }

  get conversationId(): string {
    return this.#to.conversationId;
  }

  /** Resolves when so many more are confirmed. */
  async more(count: number): Promise<void> {
    const enough = this.confirmed.size + count;
    await this.client.until(() => this.confirmed.size >= enough, `${enough} confirmations`);
  }

  /** Writes no more, and resolves when all is confirmed. */
  async finish(): Promise<void> {
    this.#isWriting = false;
    await this.client.until(() => this.#unconfirmed.size === 0, "the last confirmations");
  }

  #writeOn(): void {
    while (this.#isWriting && this.#unconfirmed.size < IN_FLIGHT) {
      this.#written += 1;
      const id = `${this.conversationId}-${this.#written}`;
      this.#unconfirmed.add(id);
      this.#send(id);
    }
    this.client.note();
  }

  #send(id: string): void {
    if (!this.client.stomp.connected) return;
    const body = { ...this.#to, clientMessageId: id, content: id };
    this.client.send("/app/chat.send", body);
  }

  /** When the server says that it may; when its database is away, soon. */
  #sendLater({ clientMessageId, code, retryAfterMs }: Event): void {
    const id = String(clientMessageId);
    const again = () => {
      if (this.#unconfirmed.has(id)) this.#send(id);
    };
    if (typeof retryAfterMs === "number") setTimeout(again, retryAfterMs);
    else if (code === "STORAGE_UNAVAILABLE") setTimeout(again, AGAIN_MS);
  }

  #confirm(event: Event): void {
    if (event.status !== "SENT") return;
    const id = String(event.clientMessageId);
    if (!this.confirmed.has(id)) this.confirmed.set(id, event);
    this.#unconfirmed.delete(id);
    this.#writeOn();
  }
}

/** All that was confirmed to the senders is there on every node, as it was confirmed, and no more. */
export async function expectAllKept(
  senders: readonly PersistentSender[],
  nodes: readonly ParleyProcess[],
): Promise<void> {
  for (const { conversationId, confirmed, client } of senders) {
    for (const node of nodes) {
      const history = await historyOf(node, conversationId, client.userId);
      expect(history.map(({ seq }) => seq)).toEqual(history.map((_, at) => at + 1));
      expect(history).toHaveLength(confirmed.size);
      for (const { id, seq, clientMessageId } of history) {
        expect(confirmed.get(String(clientMessageId))).toMatchObject({ messageId: id, seq });
      }
    }
  }
}
