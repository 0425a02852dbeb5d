import type { Conversation, History, SeenMessage } from "../checker/record.ts";
import { digestOf } from "./content.ts";
import type { Address } from "./endpoint.ts";
import { historySchema, type WireMessage } from "./wire.ts";

const PAGE = 200;
/** A node that was cut off has connections to its store that find out late. */
const PATIENCE_MS = 30_000;

/** The server answered, and not with the history. */
export class HistoryRefused extends Error {
  override readonly name = "HistoryRefused";
}

/** The whole conversation over HTTP, as one of its members reads it. Empty where there is none. */
export async function readHistory(
  { host, port }: Address,
  userId: string,
  conversationId: string,
): Promise<WireMessage[]> {
  const all: WireMessage[] = [];
  for (;;) {
    const after = all.at(-1)?.seq ?? 0;
    const path = `/api/conversations/${conversationId}/messages?after=${after}&limit=${PAGE}`;
    const answer = await fetch(`http://${host}:${port}${path}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: { "X-User-Id": userId },
    });
    if (answer.status === 404) return all;
    if (!answer.ok) {
      throw new HistoryRefused(`GET ${path}: ${answer.status} ${await answer.text()}`);
    }
    const { messages } = historySchema.parse(await answer.json());
    all.push(...messages);
    if (messages.length < PAGE) return all;
  }
}

export async function readHistories(
  server: Address,
  conversations: readonly Conversation[],
): Promise<History> {
  const histories = new Map<string, readonly SeenMessage[]>();
  for (const { id, memberIds } of conversations) {
    const [userId = ""] = memberIds;
    const messages = await readHistory(server, userId, id);
    histories.set(id, messages.map(toSeen));
  }
  return histories;
}

export function toSeen(message: WireMessage): SeenMessage {
  const { conversationId, id, seq, senderId, clientMessageId, content } = message;
  return { conversationId, id, seq, senderId, clientMessageId, digest: digestOf(content) };
}
