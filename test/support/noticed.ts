import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { Expansion, NoticeKey, NoticeStore } from "../../src/notify/ports.ts";
import type { NoticeTarget } from "../../src/notify/provider.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { batch, EPOCH_MS } from "./stored.ts";

/** When the outbox is expanded, unless the test says otherwise. */
export const NOW_MS = EPOCH_MS + 60_000;

export const AT_ONCE = { channel: "webpush", delayMs: 0, intervalMs: 10_000 } as const;

/** A browser of bob's, complete but for what the test cares about. */
export function target(id: string, fields: Partial<NoticeTarget> = {}): NoticeTarget {
  return {
    ...{ id, userId: "bob", channel: "webpush", address: `https://push.example/${id}` },
    ...{ keys: null, createdMs: EPOCH_MS },
    ...fields,
  };
}

/** Commits messages, of all of which users may have to be told. */
export function say({ chat }: Storage, ...messages: readonly StoredMessage[]): Promise<void> {
  return chat.commit(batch({ messages, outbox: messages.map(({ id }) => id) }));
}

/** All that is in the outbox. */
export async function expandAll(
  notices: NoticeStore,
  fields: Partial<Expansion> = {},
): Promise<void> {
  const expansion = { limit: 100, nowMs: NOW_MS, channels: [AT_ONCE], webhooks: false, ...fields };
  while (await notices.expand(expansion));
}

export function noticeKey(
  lastSeq: number,
  targetId = "browser",
  conversationId = "chat",
): NoticeKey {
  return { targetId, conversationId, lastSeq };
}
