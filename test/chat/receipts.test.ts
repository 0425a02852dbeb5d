import { describe, expect, test } from "bun:test";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { batch, conversation } from "../support/stored.ts";

const toBob = { conversationId: "c1", recipientId: "bob" };

async function messagesOf(store: ChatStore, conversationId = "c1"): Promise<StoredMessage[]> {
  return await store.history({ conversationId, limit: 100 });
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`nothing at ${index} of ${items.length}`);
  return item;
}

async function groupOfThree(): Promise<MemoryChatStore> {
  const store = new MemoryChatStore();
  const memberIds = ["alice", "bob", "carol"];
  const group = conversation("g1", memberIds);
  await store.commit(batch({ conversations: [group] }));
  return store;
}

describe("DELIVERED", () => {
  test("is told to the sender after the watermark is committed", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    expect(outlet.watched.map(({ userId }) => userId)).toEqual(["bob"]);
    held.isHolding = true;
    await chat.receipts.delivered("bob", at(await messagesOf(held.store), 0));
    await settled();
    expect(outlet.bodies("confirmation", "alice")).toHaveLength(1);
    await held.release();
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([
      { status: "SENT" },
      { status: "DELIVERED", seq: 1, clientMessageId: "m1", recipientId: "bob" },
    ]);
    expect(await held.inner.backlog("bob")).toEqual([]);
  });

  test("comes once, whichever of the user's devices has it first", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    send("alice", toBob);
    await settled();
    const message = at(await messagesOf(held.store), 0);
    await chat.receipts.delivered("bob", message);
    await chat.receipts.delivered("bob", message);
    await settled();
    await chat.receipts.delivered("bob", message);
    await settled();
    expect(outlet.bodies("confirmation", "alice").map((body) => body.status)).toEqual([
      "SENT",
      "DELIVERED",
    ]);
  });

  test("follows SENT even when the recipient is faster than the disk", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    held.isHolding = true;
    send("alice", toBob);
    await chat.receipts.delivered("bob", at([...chat.journal.uncommitted()], 0));
    await held.release();
    await held.release();
    expect(outlet.bodies("confirmation", "alice").map((body) => body.status)).toEqual([
      "SENT",
      "DELIVERED",
    ]);
  });

  test("of a group message waits for the last member", async () => {
    const store = await groupOfThree();
    const { chat, send, outlet } = chatHarness(store);
    send("alice", { conversationId: "g1" });
    await settled();
    const message = at(await messagesOf(store, "g1"), 0);
    await chat.receipts.delivered("bob", message);
    await settled();
    expect(outlet.bodies("confirmation", "alice")).toHaveLength(1);
    await chat.receipts.delivered("carol", message);
    await settled();
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([
      { status: "SENT" },
      { status: "DELIVERED" },
    ]);
  });

  test("a mark that could not be written is written and told once the store works", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet, clock } = chatHarness(held.store);
    send("alice", toBob);
    await settled();
    held.isFailing = true;
    await chat.receipts.delivered("bob", at(await messagesOf(held.store), 0));
    await settled();
    expect(outlet.bodies("confirmation", "alice")).toHaveLength(1);
    held.isFailing = false;
    clock.advance(1_000);
    await settled();
    expect(outlet.bodies("confirmation", "alice").map((body) => body.status)).toEqual([
      "SENT",
      "DELIVERED",
    ]);
    expect(chat.journal.isFailing).toBe(false);
  });
});

test("many acknowledgements become few writes, and one DELIVERED", async () => {
  const held = HeldStore.inMemory();
  const memberIds = ["alice", ...Array.from({ length: 1_000 }, (_, index) => `member-${index}`)];
  await held.inner.commit(batch({ conversations: [conversation("g1", memberIds)] }));
  const { chat, send, outlet } = chatHarness(held.store);
  send("alice", { conversationId: "g1" });
  await settled();
  const message = at(await messagesOf(held.store, "g1"), 0);
  held.batches.length = 0;
  await Promise.all(memberIds.slice(1).map((userId) => chat.receipts.delivered(userId, message)));
  await settled();
  expect(held.batches.length).toBeLessThanOrEqual(3);
  expect(outlet.bodies("confirmation", "alice").map((body) => body.status)).toEqual([
    "SENT",
    "DELIVERED",
  ]);
});

describe("READ", () => {
  test("covers the message and all before it", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    for (let n = 0; n < 3; n += 1) send("alice", toBob);
    await settled();
    const messages = await messagesOf(held.store);
    await chat.receipts.read("bob", at(messages, 1).id, null);
    await settled();
    expect(outlet.bodies("receipt", "alice")).toMatchObject([
      { messageId: at(messages, 1).id, seq: 2, readerId: "bob", status: "READ" },
    ]);
    expect((await held.inner.conversation("c1"))?.members).toMatchObject([
      { userId: "alice" },
      { userId: "bob", deliveredSeq: 2, readSeq: 2 },
    ]);
  });

  test("comes after DELIVERED of what was read, however fast the reader", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    send("alice", { ...toBob, content: "1" });
    await settled();
    held.isHolding = true;
    send("alice", { ...toBob, content: "2" });
    send("alice", { ...toBob, content: "3" });
    const newest = at([...chat.journal.uncommitted()], 1);
    await chat.receipts.read("bob", newest.id, null);
    for (let commits = 0; commits < 2; commits += 1) await held.release();
    const told = outlet.told
      .filter(({ kind, to }) => to === "alice" && (kind === "confirmation" || kind === "receipt"))
      .map(({ body }) => `${body.seq} ${body.status}`);
    expect(told).toEqual([
      "1 SENT",
      "2 SENT",
      "3 SENT",
      "1 DELIVERED",
      "2 DELIVERED",
      "3 DELIVERED",
      "3 READ",
    ]);
  });

  test("again, or of one's own message, is a no-op", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    for (let n = 0; n < 2; n += 1) send("alice", toBob);
    await settled();
    const messages = await messagesOf(held.store);
    await chat.receipts.read("bob", at(messages, 1).id, null);
    await chat.receipts.read("bob", at(messages, 1).id, null);
    await chat.receipts.read("bob", at(messages, 0).id, null);
    await chat.receipts.read("alice", at(messages, 1).id, null);
    await settled();
    expect(outlet.bodies("receipt", "alice")).toHaveLength(1);
    expect(outlet.bodies("receipt", "bob")).toHaveLength(1);
  });

  test("of a message that is missing, or of a conversation of others, is refused alike", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    send("alice", toBob);
    await settled();
    const { id } = at(await messagesOf(held.store), 0);
    const missing = "0198c5a2-0000-7000-8000-000000000000";
    expect(() => chat.receipts.read("mallory", id, null)).toThrow(
      `No message ${id} in your conversations`,
    );
    expect(() => chat.receipts.read("bob", missing, null)).toThrow(`No message ${missing} in your`);
  });

  test("in a group tells each sender of the last of theirs that was passed", async () => {
    const store = await groupOfThree();
    const { chat, send, outlet } = chatHarness(store);
    send("alice", { conversationId: "g1" });
    send("alice", { conversationId: "g1" });
    send("bob", { conversationId: "g1" });
    await settled();
    const messages = await messagesOf(store, "g1");
    await chat.receipts.read("carol", at(messages, 2).id, null);
    await settled();
    expect(outlet.bodies("receipt", "alice")).toMatchObject([{ seq: 2, readerId: "carol" }]);
    expect(outlet.bodies("receipt", "bob")).toMatchObject([{ seq: 3, readerId: "carol" }]);
  });

  test("is told to the reader's other connections, once it is on disk", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, outlet } = chatHarness(held.store);
    for (let n = 0; n < 2; n += 1) send("alice", toBob);
    await settled();
    held.isHolding = true;
    const phone = {};
    await chat.receipts.read("bob", at(await messagesOf(held.store), 1).id, phone);
    expect(outlet.of("receipt")).toEqual([]);
    await held.release();
    expect(outlet.of("receipt").filter(({ to }) => to === "bob")).toMatchObject([
      { body: { seq: 2, readerId: "bob", status: "READ" }, except: phone },
    ]);
  });
});
