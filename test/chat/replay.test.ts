import { describe, expect, test } from "bun:test";
import type { ChatStore } from "../../src/chat/ports.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { Device, numbers, sendLive } from "../support/replay-device.ts";

const toBob = { conversationId: "c1", recipientId: "bob" };

/** A store that answers every read a few turns later. */
function slow(store: ChatStore): ChatStore {
  return {
    ...store,
    backlog: async (userId) => {
      const found = await store.backlog(userId);
      await settled();
      return found;
    },
    history: async (query) => {
      const found = await store.history(query);
      await settled();
      return found;
    },
  };
}

describe("the backlog", () => {
  test("is everything not received, in order, over many pages", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    for (const content of numbers(1, 250)) send("alice", { ...toBob, content });
    await settled();
    const device = new Device(chat);
    await device.subscribes();
    expect(device.got).toEqual(numbers(1, 250));
    expect(device.isLive).toBe(true);
  });

  test("begins after what was received, and leaves one's own messages out", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    send("alice", { ...toBob, content: "1" });
    await settled();
    const [first] = await held.inner.history({ conversationId: "c1", limit: 1 });
    if (first === undefined) throw new Error("nothing was stored");
    await chat.receipts.delivered("bob", first);
    send("alice", { ...toBob, content: "2" });
    send("bob", { conversationId: "c1", content: "mine" });
    send("alice", { ...toBob, content: "4" });
    await settled();
    const device = new Device(chat);
    await device.subscribes();
    expect(device.got).toEqual(["2", "4"]);
  });

  test("begins after what was received, whether or not the disk knows", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    for (const content of numbers(1, 3)) send("alice", { ...toBob, content });
    await settled();
    held.isHolding = true;
    const stored = await held.inner.history({ conversationId: "c1", beforeSeq: 3, limit: 2 });
    for (const message of stored) await chat.receipts.delivered("bob", message);
    expect(held.isCommitting).toBe(true);
    send("alice", { ...toBob, content: "4" });
    const device = new Device(chat);
    await device.subscribes();
    expect(device.got).toEqual(["3", "4"]);
    // Not even those that are not on disk themselves.
    for (const message of chat.journal.uncommitted()) await chat.receipts.delivered("bob", message);
    const next = new Device(chat);
    await next.subscribes();
    expect(next.got).toEqual([]);
    while (held.isCommitting) await held.release();
  });

  test("holds messages that are with others but not yet on disk", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    send("alice", { ...toBob, content: "1" });
    await settled();
    held.isHolding = true;
    send("alice", { ...toBob, content: "2" });
    const device = new Device(chat);
    await device.subscribes();
    expect(device.got).toEqual(["1", "2"]);
    await held.release();
  });

  test("joins the live messages without a gap or a doubled one, whenever they come", async () => {
    const held = HeldStore.inMemory();
    const harness = chatHarness(slow(held.store));
    for (const content of numbers(1, 120)) harness.send("alice", { ...toBob, content });
    await settled();
    const device = new Device(harness.chat);
    let sent = 120;
    // A live message before every tenth replayed one, some on disk before their page is read.
    let asked = 0;
    device.pace = () => {
      asked += 1;
      if (asked % 10 !== 0) return null;
      sent += 1;
      sendLive(harness, device, "alice", `${sent}`);
      return settled();
    };
    await device.subscribes();
    device.pace = () => null;
    for (let n = 0; n < 3; n += 1) {
      sent += 1;
      sendLive(harness, device, "alice", `${sent}`);
      await settled();
    }
    expect(device.got).toEqual(numbers(1, sent));
  });

  test("keeps in place what the user sends from another device meanwhile", async () => {
    const held = HeldStore.inMemory();
    const harness = chatHarness(slow(held.store));
    harness.send("alice", { ...toBob, content: "1" });
    await settled();
    const device = new Device(harness.chat);
    const done = device.subscribes();
    sendLive(harness, device, "bob", "2");
    sendLive(harness, device, "alice", "3");
    await done;
    expect(device.got).toEqual(["1", "2", "3"]);
  });

  test("reads from the store what is too much to hold", async () => {
    const held = HeldStore.inMemory();
    const harness = chatHarness(slow(held.store), { uncommittedMessages: 10_000 });
    harness.send("alice", { ...toBob, content: "1" });
    await settled();
    const device = new Device(harness.chat);
    const done = device.subscribes();
    for (const content of numbers(2, 1_500)) sendLive(harness, device, "alice", content);
    await done;
    expect(device.got).toEqual(numbers(1, 1_500));
  });

  test("keeps no page for a device that takes its time, and reads on with pages as it takes", async () => {
    const held = HeldStore.inMemory();
    const reads: { afterSeq: number | undefined; limit: number }[] = [];
    const store: ChatStore = {
      ...held.store,
      history(query) {
        reads.push({ afterSeq: query.afterSeq, limit: query.limit });
        return held.store.history(query);
      },
    };
    const { chat, send } = chatHarness(store);
    for (const content of numbers(1, 40)) send("alice", { ...toBob, content });
    await settled();
    const device = new Device(chat);
    let asked = 0;
    device.pace = () => {
      asked += 1;
      return asked % 6 === 0 ? settled() : null;
    };
    await device.subscribes();
    expect(device.got).toEqual(numbers(1, 40));
    expect(device.isLive).toBe(true);
    // It is asked before the task, and not before the first message after a wait.
    expect(reads.slice(0, 3)).toEqual([
      { afterSeq: 0, limit: 100 },
      { afterSeq: 4, limit: 4 },
      { afterSeq: 8, limit: 8 },
    ]);
  });

  test("goes on also to a device that always asks to wait", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    for (const content of numbers(1, 30)) send("alice", { ...toBob, content });
    await settled();
    const device = new Device(chat);
    device.pace = () => settled();
    await device.subscribes();
    expect(device.got).toEqual(numbers(1, 30));
  });

  test("stops when the device is gone", async () => {
    const held = HeldStore.inMemory();
    const { chat, send } = chatHarness(held.store);
    for (const content of numbers(1, 10)) send("alice", { ...toBob, content });
    await settled();
    const device = new Device(chat);
    device.pace = () => {
      device.isOpen = device.got.length < 3;
      return null;
    };
    await device.subscribes();
    expect(device.got).toEqual(["1", "2", "3"]);
    expect(device.isLive).toBe(false);
  });
});
