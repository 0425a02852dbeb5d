import { newUuid } from "../../src/ids.ts";
import type { DeadLetter } from "../../src/notify/ports.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { AT_ONCE, expandAll, NOW_MS, say, target } from "./noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "./stored.ts";

/** When the letters of the tests died. */
export const DIED_MS = NOW_MS;

/** So many events for webhooks that could not be sent; resolves with the ids of all letters. */
export async function addDeadEvents(storage: Storage, count: number): Promise<string[]> {
  const events = Array.from({ length: count }, () => {
    const id = newUuid();
    return { id, type: "user.online", lane: id, createdMs: EPOCH_MS, data: "{}" };
  });
  await storage.webhooks.add(events);
  await killDueEvents(storage);
  return letterIds(storage);
}

/** None of the events that are due can be sent. */
export async function killDueEvents({ webhooks }: Storage, reason = "status 500"): Promise<void> {
  const due = await webhooks.due(NOW_MS, [], 10_000);
  await webhooks.settle(
    due.map(({ position }) => ({
      ...{ kind: "dead", position, letterId: newUuid(), attempts: 9, reason, diedMs: DIED_MS },
    })),
  );
}

/** A notice to bob's phone, of a message in `chat`, that could not be sent. */
export async function addDeadNotice(storage: Storage): Promise<DeadLetter> {
  const phone = target(newUuid(), { channel: "fcm", address: newUuid() });
  await storage.notices.putTarget(phone);
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  await say(storage, message(1));
  await expandAll(storage.notices, { channels: [{ ...AT_ONCE, channel: "fcm" }] });
  const letterId = newUuid();
  await storage.notices.settle([
    {
      ...{ kind: "dead", targetId: phone.id, conversationId: "chat", lastSeq: 1, letterId },
      ...{ attempts: 7, reason: "UNREGISTERED", diedMs: DIED_MS, event: null },
    },
  ]);
  const letters = await storage.notices.deadLetters(null, 10_000);
  return letters.find(({ id }) => id === letterId) ?? Promise.reject(new Error("It is not dead"));
}

export async function letterIds({ notices }: Storage): Promise<string[]> {
  return (await notices.deadLetters(null, 10_000)).map(({ id }) => id);
}
