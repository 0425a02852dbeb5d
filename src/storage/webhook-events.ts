import { lowestIdAt } from "../ids.ts";
import { type AddedAgain, MESSAGE_CREATED, type WebhookEvent } from "../notify/webhook-ports.ts";

/** What is known of a message whose event is added anew. */
export interface ToldMessage {
  readonly id: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly timestampMs: number;
}

/** Below the ids of all messages of that time, and of those after it. */
export function startOf(fromMs: number, after: string | null): string {
  return after ?? lowestIdAt(Math.floor(fromMs));
}

/** See `WebhookStore.addAgain`. An id is made no sooner than the time that its message has. */
export async function addMessagesAgain(
  fromMs: number,
  limit: number,
  page: readonly ToldMessage[],
  add: (events: readonly WebhookEvent[]) => Promise<void>,
): Promise<AddedAgain> {
  const events = inOrder(page.filter(({ timestampMs }) => timestampMs >= fromMs)).map(
    ({ id, conversationId, timestampMs }) => ({
      ...{ id, type: MESSAGE_CREATED, lane: conversationId, createdMs: timestampMs, data: null },
    }),
  );
  if (events.length > 0) await add(events);
  const next = page.length < limit ? null : (page.at(-1)?.id ?? null);
  return { count: events.length, next };
}

/** Those of one conversation by their `seq`, in the places that they have among others. */
function inOrder(messages: readonly ToldMessage[]): ToldMessage[] {
  const bySeq = Map.groupBy(messages, ({ conversationId }) => conversationId);
  for (const ofOne of bySeq.values()) ofOne.sort((a, b) => b.seq - a.seq);
  return messages.map((message) => bySeq.get(message.conversationId)?.pop() ?? message);
}
