import type { ParleyProcess } from "./parley-process.ts";
import { connectStock, type Event, type StockClient } from "./stock-client.ts";

const IN_FLIGHT = 40;

/** Sends to one conversation, message after message, and keeps a record of what was confirmed. */
export class SteadySender {
  /** By `clientMessageId`, which is the content as well. */
  readonly confirmed = new Map<string, Event>();
  readonly #client: StockClient;
  readonly #conversation: { readonly conversationId: string; readonly recipientId: string };
  #made = 0;

  private constructor(client: StockClient, conversationId: string, recipientId: string) {
    this.#client = client;
    this.#conversation = { conversationId, recipientId };
  }

  static async start(
    server: ParleyProcess,
    conversationId: string,
    from: string,
    to: string,
  ): Promise<SteadySender> {
    const client = await connectStock(server, from, { config: { reconnectDelay: 0 } });
    const sender = new SteadySender(client, conversationId, to);
    client.stomp.subscribe("/user/queue/confirmations", ({ body }) => {
      const event: Event = JSON.parse(body);
      if (event.status !== "SENT" || event.conversationId !== conversationId) return;
      sender.confirmed.set(String(event.clientMessageId), event);
      sender.#send();
      client.note();
    });
    for (let n = 0; n < IN_FLIGHT; n += 1) sender.#send();
    return sender;
  }

  /** Resolves when at least so many messages were confirmed. */
  async until(count: number): Promise<void> {
    await this.#client.until(() => this.confirmed.size >= count, `${count} confirmations`);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #send(): void {
    if (!this.#client.stomp.connected) return;
    this.#made += 1;
    const id = `${this.#conversation.conversationId}-${this.#made}`;
    this.#client.send("/app/chat.send", {
      ...this.#conversation,
      ...{ clientMessageId: id, content: id },
    });
  }
}

/** All that the server has of the conversation. */
export async function historyOf(
  server: ParleyProcess,
  conversationId: string,
  userId: string,
): Promise<Event[]> {
  const LIMIT = 200;
  const messages: Event[] = [];
  for (;;) {
    const after = messages.at(-1)?.seq ?? 0;
    const path = `/api/conversations/${conversationId}/messages?after=${after}&limit=${LIMIT}`;
    const answer = await fetch(server.url + path, { headers: { "X-User-Id": userId } });
    const page: { messages: Event[] } = await answer.json();
    messages.push(...page.messages);
    if (page.messages.length < LIMIT) return messages;
  }
}
