import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { connectStock, type Event, subscribeAll } from "../support/stock-client.ts";

async function get(server: ParleyProcess, path: string): Promise<Record<string, Event[]>> {
  const answer = await fetch(server.url + path, { headers: { "X-User-Id": "alice" } });
  return await answer.json();
}

test("retention leaves the last messages, and what it removed is confirmed but not delivered again", async () => {
  const dataDir = temporaryDir();
  const env = {
    PARLEY_RETENTION_MESSAGES_PER_CONVERSATION: "2",
    PARLEY_RETENTION_INTERVAL_MS: "100",
  };
  const server = await startParley({ dataDir, env });
  const alice = await connectStock(server, "alice");
  await subscribeAll(alice);
  const message = { conversationId: "c1", recipientId: "bob", content: "hello" };
  for (let n = 1; n <= 5; n += 1) {
    alice.send("/app/chat.send", { ...message, clientMessageId: `m${n}` });
  }
  const [first] = await alice.count("/user/alice/queue/confirmations", 5);
  await alice.close();

  const seqs = async () => {
    const { messages = [] } = await get(server, "/api/conversations/c1/messages");
    return messages.map(({ seq }) => seq);
  };
  // Each look is a round trip.
  while ((await seqs()).length > 2);
  expect(await seqs()).toEqual([4, 5]);
  const { conversations = [] } = await get(server, "/api/conversations");
  expect(conversations).toMatchObject([{ id: "c1", lastSeq: 5, lastMessage: { seq: 5 } }]);
  expect(await server.stop()).toBe(0);

  const again = await startParley({ dataDir, env });
  const bob = await connectStock(again, "bob");
  await subscribeAll(bob);
  const sender = await connectStock(again, "alice");
  await subscribeAll(sender);
  sender.send("/app/chat.send", { ...message, clientMessageId: "m1" });
  sender.send("/app/chat.send", { ...message, clientMessageId: "m6" });
  const confirmed = () =>
    sender.got("/user/alice/queue/confirmations").filter(({ status }) => status === "SENT");
  await sender.until(() => confirmed().length >= 2, "both confirmations");
  expect(confirmed()).toMatchObject([
    { clientMessageId: "m1", messageId: first?.messageId, seq: 1 },
    { clientMessageId: "m6", seq: 6 },
  ]);
  const got = await bob.count("/user/bob/queue/messages", 3);
  expect(got.map(({ clientMessageId }) => clientMessageId)).toEqual(["m4", "m5", "m6"]);

  // A device that has less than what is left of the conversation must read it anew.
  const synced = (resync: boolean) =>
    bob.event(
      "/user/bob/queue/confirmations",
      (event) => event.status === "SYNCED" && (event.resync ?? false) === resync,
    );
  bob.send("/app/chat.sync", { conversations: { c1: 1 } });
  expect(await synced(true)).toMatchObject({ conversations: { c1: { seq: 6, resync: true } } });
  bob.send("/app/chat.sync", { conversations: { c1: 5 } });
  expect(await synced(false)).toMatchObject({ conversations: { c1: { seq: 6 } } });
  expect(got.map(({ seq }) => seq)).toEqual([4, 5, 6, 6]);
  for (const client of [bob, sender]) await client.close();
  expect(await again.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
