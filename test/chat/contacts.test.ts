import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { ChatNodes } from "../support/chat-nodes.ts";
import { DeferredStore } from "../support/deferred-store.ts";
import { HeldStore, settled } from "../support/held-store.ts";

function harnessWith(store: ChatStore) {
  const harness = chatHarness(store, { presenceVisibleTo: "contacts" });
  const { visibility } = harness.chat;
  const sees = async (viewerId: string, userId: string) => {
    return (await visibility.viewOf(viewerId))(userId);
  };
  return { ...harness, sees };
}

describe("presence for contacts", () => {
  for (const [name, store] of Object.entries({
    "a store that answers at once": () => new MemoryChatStore(),
    "a store that answers by promises": () => new DeferredStore(new MemoryChatStore()),
  })) {
    test(`is seen by who shares a conversation, from ${name}`, async () => {
      const { chat, send, sees } = harnessWith(store());
      for (const userId of ["alice", "bob", "carol"]) chat.presence.connected(userId, userId);
      await settled();
      expect(await sees("alice", "alice")).toBe(true);
      expect(await sees("alice", "bob")).toBe(false);
      send("alice", { conversationId: "d1", recipientId: "bob" });
      await settled();
      expect(await sees("alice", "bob")).toBe(true);
      expect(await sees("bob", "alice")).toBe(true);
      expect(await sees("carol", "alice")).toBe(false);
      await createGroup(chat, "g1", ["carol", "alice"]);
      await chat.membership.add(SYSTEM, "g1", "dave");
      for (const userId of ["alice", "dave"]) expect(await sees("carol", userId)).toBe(true);
      await chat.membership.remove(SYSTEM, "g1", "alice");
      expect(await sees("carol", "alice")).toBe(false);
      expect(await sees("alice", "dave")).toBe(false);
      expect(await sees("alice", "bob")).toBe(true);
    });
  }

  test("begins with the conversation and ends with the membership, before the disk knows", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, sees } = harnessWith(held.store);
    for (const userId of ["alice", "bob"]) chat.presence.connected(userId, userId);
    await settled();
    held.isHolding = true;
    send("alice", { conversationId: "d1", recipientId: "bob" });
    expect(await sees("alice", "bob")).toBe(true);
    await held.release();
    expect(await sees("alice", "bob")).toBe(true);
    const removed = chat.membership.remove(SYSTEM, "d1", "bob");
    expect(await sees("alice", "bob")).toBe(false);
    expect(await sees("bob", "alice")).toBe(false);
    while (held.isCommitting) await held.release();
    await removed;
    expect(await sees("alice", "bob")).toBe(false);
  });

  test("is as it was where the change could not be written", async () => {
    const held = HeldStore.inMemory();
    const { chat, send, sees } = harnessWith(held.store);
    await createGroup(chat, "g1", ["alice", "bob"]);
    held.isHolding = true;
    held.isFailing = true;
    const lost = chat.membership.remove(SYSTEM, "g1", "bob").catch(({ code }) => code);
    send("alice", { conversationId: "d1", recipientId: "carol" });
    expect(await sees("alice", "carol")).toBe(true);
    expect(await sees("alice", "bob")).toBe(false);
    await held.release();
    expect(await lost).toBe("STORAGE_UNAVAILABLE");
    expect(await sees("alice", "carol")).toBe(false);
    expect(await sees("alice", "bob")).toBe(true);
  });

  test("of two who share another conversation stays when one of them leaves this one", async () => {
    const { chat, sees } = harnessWith(new MemoryChatStore());
    for (const id of ["g1", "g2"]) await createGroup(chat, id, ["alice", "bob"]);
    await chat.membership.remove(SYSTEM, "g1", "bob");
    expect(await sees("alice", "bob")).toBe(true);
  });

  test("is not seen by a contact who is blocked, but the other way round", async () => {
    const { chat, send, sees } = harnessWith(new MemoryChatStore());
    send("alice", { conversationId: "d1", recipientId: "bob" });
    await settled();
    await chat.blocks.block("alice", "bob");
    expect(await sees("bob", "alice")).toBe(false);
    expect(await sees("alice", "bob")).toBe(true);
  });
});

test("presence for nobody is seen by oneself", async () => {
  const { chat, send } = chatHarness(new MemoryChatStore(), { presenceVisibleTo: "nobody" });
  send("alice", { conversationId: "d1", recipientId: "bob" });
  await settled();
  const view = await chat.visibility.viewOf("alice");
  expect([view("alice"), view("bob")]).toEqual([true, false]);
});

describe("contacts that people get on another node", () => {
  async function setUp() {
    const nodes = new ChatNodes(2, true, { presenceVisibleTo: "contacts", tellsEvents: false });
    await createGroup(nodes.at(0).chat, "g", ["bob", "carol"]);
    await nodes.quiet();
    await nodes.at(1).connect("bob");
    const sees = async (userId: string) => {
      return (await nodes.at(1).chat.visibility.viewOf("bob"))(userId);
    };
    const arrived = async () => {
      while (nodes.at(0).arrive(nodes.at(1)));
      await settled();
    };
    expect(await sees("alice")).toBe(false);
    const open = async () => {
      nodes.at(0).harness.send("alice", { conversationId: "c", recipientId: "bob" });
      await settled();
    };
    return { nodes, sees, arrived, open };
  }

  test("are seen as soon as the node hears of their first message", async () => {
    const { sees, arrived, open } = await setUp();
    await open();
    await arrived();
    expect(await sees("alice")).toBe(true);
  });

  test("are seen when it was cut off meanwhile", async () => {
    const { nodes, sees, open } = await setUp();
    nodes.at(1).cutOff();
    await open();
    expect(await sees("alice")).toBe(false);
    nodes.at(1).heal();
    expect(await sees("alice")).toBe(true);
  });

  test("come and go with members of a group that the node has not in memory", async () => {
    const { nodes, sees, arrived } = await setUp();
    const { membership } = nodes.at(0).chat;
    await createGroup(nodes.at(0).chat, "h", ["bob", "dan"]);
    await arrived();
    expect(await sees("dan")).toBe(true);
    expect(await sees("carol")).toBe(true);
    expect(nodes.at(1).chat.conversations.peek("g")).toBeUndefined();
    await membership.add(SYSTEM, "g", "alice");
    await arrived();
    expect(await sees("alice")).toBe(true);
    await membership.remove(SYSTEM, "g", "alice");
    await arrived();
    expect(await sees("alice")).toBe(false);
  });
});
