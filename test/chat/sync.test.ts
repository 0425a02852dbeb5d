import { describe, expect, test } from "bun:test";
import type { ChatStore } from "../../src/chat/ports.ts";
import { AppError } from "../../src/errors.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { Device, numbers, sendLive, syncFrom } from "../support/replay-device.ts";

const toBob = { conversationId: "c1", recipientId: "bob" };

async function exchanged(count: number) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, { uncommittedMessages: 10_000 });
  for (const content of numbers(1, count)) harness.send("alice", { ...toBob, content });
  await settled();
  const stored = await held.inner.history({ conversationId: "c1", limit: count });
  return { held, harness, stored, device: new Device(harness.chat) };
}

/** Another device of Bob's has received everything. */
async function receivedElsewhere({ held, harness }: Awaited<ReturnType<typeof exchanged>>) {
  for (const message of await held.inner.history({ conversationId: "c1", limit: 10_000 })) {
    await harness.chat.receipts.delivered("bob", message);
  }
  await settled();
}

describe("a sync of a device that listens already", () => {
  test("brings everything after its last seq, one's own too, and then live messages go on", async () => {
    const all = await exchanged(3);
    const { harness, device } = all;
    harness.send("bob", { conversationId: "c1", content: "4, mine" });
    await settled();
    await receivedElsewhere(all);
    await device.subscribes();
    expect(device.got).toEqual([]);
    const sync = syncFrom({ c1: 1 });
    await device.syncs(sync);
    expect(device.got).toEqual(["2", "3", "4, mine"]);
    expect(sync.outcome().conversations.get("c1")).toEqual({
      ...{ seq: 4, readSeq: 0, resync: false },
      ...{ othersDeliveredSeq: 3, othersReadSeq: 3 }, // Alice does not listen.
    });
    sendLive(harness, device, "alice", "5");
    expect(device.got.at(-1)).toBe("5");
  });

  test("is taken at its word each time but the first", async () => {
    const all = await exchanged(3);
    await receivedElsewhere(all);
    const { device } = all;
    await device.subscribes();
    for (let n = 0; n < 2; n += 1) await device.syncs(syncFrom({ c1: 2 }));
    expect(device.got).toEqual(["3", "3"]);
  });

  test("holds live messages until what is before them has come", async () => {
    const all = await exchanged(120);
    await receivedElsewhere(all);
    const { harness, device } = all;
    await device.subscribes();
    let asked = 0;
    device.pace = () => {
      asked += 1;
      if (asked === 50) sendLive(harness, device, "alice", "121");
      return asked % 20 === 0 ? settled() : null;
    };
    await device.syncs(syncFrom({ c1: 0 }));
    expect(device.got).toEqual(numbers(1, 121));
  });

  test("repeats what was sent live before only where it was asked for", async () => {
    const all = await exchanged(1);
    await receivedElsewhere(all);
    const { held, harness, device } = all;
    await device.subscribes();
    held.isHolding = true;
    harness.send("alice", { ...toBob, conversationId: "c2", content: "elsewhere" });
    const [other] = [...harness.chat.journal.shown()];
    if (other === undefined) throw new Error("nothing is on its way");
    device.live(other);
    sendLive(harness, device, "alice", "2");
    await device.syncs(syncFrom({ c1: 1 }));
    expect(device.got).toEqual(["elsewhere", "2", "2"]);
    while (held.isCommitting) await held.release();
  });
});

describe("the first sync of a subscription", () => {
  test("says where it begins when it comes before", async () => {
    const { device } = await exchanged(5);
    const sync = syncFrom({ c1: 3 });
    await device.subscribes(sync);
    expect(device.got).toEqual(["4", "5"]);
    expect(sync.outcome().conversations.get("c1")).toMatchObject({ seq: 5, resync: false });
  });

  test("may reach back before what another device has received", async () => {
    const all = await exchanged(5);
    await receivedElsewhere(all);
    await all.device.subscribes(syncFrom({ c1: 1 }));
    expect(all.device.got).toEqual(["2", "3", "4", "5"]);
  });

  test("repeats nothing that the subscription has brought, when it comes after", async () => {
    const { harness, stored, device } = await exchanged(5);
    for (const message of stored.slice(0, 2)) {
      await harness.chat.receipts.delivered("bob", message);
    }
    await device.subscribes();
    expect(device.got).toEqual(["3", "4", "5"]);
    const sync = syncFrom({ c1: 2 });
    await device.syncs(sync);
    expect(device.got).toEqual(["3", "4", "5"]);
    expect(sync.outcome().conversations.get("c1")).toMatchObject({ seq: 5 });
  });

  test("brings everything from the gap on, where the subscription began behind it", async () => {
    const { harness, stored, device } = await exchanged(5);
    for (const message of stored.slice(0, 3)) {
      await harness.chat.receipts.delivered("bob", message);
    }
    await device.subscribes();
    await device.syncs(syncFrom({ c1: 1 }));
    expect(device.got).toEqual(["4", "5", "2", "3", "4", "5"]);
  });

  test("takes over what the subscription has not begun with", async () => {
    const { device } = await exchanged(5);
    const subscribed = device.subscribes();
    const sync = syncFrom({ c1: 3 });
    await device.syncs(sync);
    await subscribed;
    expect(device.got).toEqual(["4", "5"]);
    expect(sync.outcome().conversations.get("c1")).toMatchObject({ seq: 5 });
  });

  test("brings one's own messages that the subscription left out", async () => {
    const { harness, device } = await exchanged(1);
    harness.send("bob", { conversationId: "c1", content: "2, mine" });
    harness.send("alice", { ...toBob, content: "3" });
    await settled();
    await device.subscribes();
    expect(device.got).toEqual(["1", "3"]);
    await device.syncs(syncFrom({ c1: 0 }));
    expect(device.got).toEqual(["1", "3", "1", "2, mine", "3"]);
  });
});

describe("the answer to a sync", () => {
  test("names the conversations that the device did not", async () => {
    const { harness, device } = await exchanged(2);
    harness.send("carol", { conversationId: "c2", recipientId: "bob", content: "hi" });
    harness.send("alice", { conversationId: "c3", recipientId: "carol", content: "not Bob's" });
    await settled();
    const sync = syncFrom({ c1: 2 });
    await device.subscribes(sync);
    expect(sync.outcome().others).toEqual(new Map([["c2", 1]]));
    const next = syncFrom({});
    await device.syncs(next);
    expect(next.outcome().others).toEqual(
      new Map([
        ["c1", 2],
        ["c2", 1],
      ]),
    );
  });

  test("does not tell a foreign conversation from a missing one", async () => {
    const { harness, device } = await exchanged(1);
    harness.send("alice", { conversationId: "c3", recipientId: "carol", content: "secret" });
    await settled();
    const sync = syncFrom({ c3: 0, c4: 0 });
    await device.subscribes(sync);
    expect(sync.outcome().conversations).toEqual(
      new Map([
        ["c3", null],
        ["c4", null],
      ]),
    );
    expect(device.got).toEqual(["1"]);
  });

  test("tells how far the others have received and read", async () => {
    const { harness, stored, device } = await exchanged(2);
    harness.send("bob", { conversationId: "c1", content: "3, mine" });
    await settled();
    const last = stored[1];
    if (last === undefined) throw new Error("nothing was stored");
    await harness.chat.receipts.read("bob", last.id, null);
    const sync = syncFrom({ c1: 3 });
    await device.subscribes(sync);
    expect(sync.outcome().conversations.get("c1")).toMatchObject({
      ...{ seq: 3, readSeq: 2, othersDeliveredSeq: 2, othersReadSeq: 2 },
    });
  });
});

describe("instead of a part of what is missing, resync is told", () => {
  async function answerTo(
    position: number | { seq: number; id: string },
    change: (store: ChatStore) => ChatStore = (store) => store,
  ) {
    const { held, stored } = await exchanged(5);
    const { chat } = chatHarness(change(held.store));
    const device = new Device(chat);
    const at = typeof position === "number" ? position : { ...position };
    const sync = syncFrom({ c1: at });
    await device.subscribes(sync);
    const { resync } = sync.outcome().conversations.get("c1") ?? {};
    return { got: device.got, resync, stored };
  }

  /** Retention has left nothing up to `seq`. */
  const withoutUpto =
    (upto: number) =>
    (store: ChatStore): ChatStore => ({
      ...store,
      history: async (query) => (await store.history(query)).filter(({ seq }) => seq > upto),
    });

  test("where a crash took what the device saw last", async () => {
    expect(await answerTo({ seq: 3, id: "lost" })).toMatchObject({ got: [], resync: true });
    expect(await answerTo(6)).toMatchObject({ got: [], resync: true });
  });

  test("where retention has removed some of it, or all", async () => {
    expect(await answerTo(2, withoutUpto(3))).toMatchObject({ got: [], resync: true });
    expect(await answerTo(2, withoutUpto(5))).toMatchObject({ got: [], resync: true });
  });

  test("but not where nothing is missing", async () => {
    expect(await answerTo(3, withoutUpto(3))).toMatchObject({ got: ["4", "5"], resync: false });
    expect(await answerTo({ seq: 3, id: "gone too" }, withoutUpto(3))).toMatchObject({
      got: ["4", "5"],
      resync: false,
    });
    expect(await answerTo(5, withoutUpto(5))).toMatchObject({ got: [], resync: false });
  });

  test("and the id of a message that is there is accepted", async () => {
    const { held, stored } = await exchanged(4);
    const device = new Device(chatHarness(held.store).chat);
    const sync = syncFrom({ c1: { seq: 2, id: stored[1]?.id ?? "" } });
    await device.subscribes(sync);
    expect(device.got).toEqual(["3", "4"]);
  });

  test("and what is not on disk yet comes, also one's own", async () => {
    const { held, harness, device } = await exchanged(2);
    held.isHolding = true;
    harness.send("alice", { ...toBob, content: "3" });
    harness.send("bob", { conversationId: "c1", content: "4, mine" });
    const sync = syncFrom({ c1: { seq: 3, id: "lost" } });
    await device.subscribes(sync);
    expect(sync.outcome().conversations.get("c1")).toMatchObject({ seq: 2, resync: true });
    expect(device.got).toEqual(["3", "4, mine"]);
    while (held.isCommitting) await held.release();
  });

  test("and of the conversation nothing comes before it is told", async () => {
    const { held, harness, device } = await exchanged(2);
    held.isHolding = true;
    harness.send("alice", { ...toBob, content: "3" });
    const sync = syncFrom({ c1: { seq: 2, id: "lost" } });
    const before: string[][] = [];
    const settles = { ...sync, settled: () => before.push([...device.got]) };
    const pause = Promise.withResolvers<void>();
    device.pace = () => pause.promise;
    const replayed = device.subscribes(settles);
    await settled();
    await held.release(); // 3 is in the history that the device reads; 4 waits for the disk.
    sendLive(harness, device, "alice", "4");
    device.pace = () => null;
    pause.resolve();
    await replayed;
    expect(before).toEqual([[]]);
    expect(device.got).toEqual(["4"]);
    expect(device.isLive).toBe(true);
    while (held.isCommitting) await held.release();
  });

  test("and live messages follow", async () => {
    const { harness, device } = await exchanged(2);
    await device.subscribes(syncFrom({ c1: 9 }));
    sendLive(harness, device, "alice", "3");
    expect(device.got).toEqual(["3"]);
  });
});

describe("a sync that fails", () => {
  test("says so when the store cannot be read", async () => {
    const { held } = await exchanged(2);
    const unreadable: ChatStore = {
      ...held.store,
      history: () => {
        throw new AppError("STORAGE_UNAVAILABLE", "the disk is gone");
      },
    };
    const device = new Device(chatHarness(unreadable).chat);
    const sync = syncFrom({ c1: 0 });
    await expect(device.subscribes(sync)).rejects.toThrow("the disk is gone");
    expect(sync.outcomes).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
  });

  test("says so when its subscription ends", async () => {
    const { device } = await exchanged(5);
    device.pace = () => {
      device.isOpen = device.got.length < 3;
      return null;
    };
    const sync = syncFrom({ c1: 0 });
    await device.subscribes(sync);
    expect(sync.outcomes).toMatchObject([{ code: "NOT_SUBSCRIBED" }]);
  });

  test("is refused when many wait already", async () => {
    const { device } = await exchanged(1);
    const waiting = Promise.withResolvers<void>();
    device.pace = () => waiting.promise;
    const subscribed = device.subscribes();
    const accepted = Array.from({ length: 16 }, () => syncFrom({ c1: 0 }));
    for (const sync of accepted) await device.syncs(sync);
    expect(() => device.syncs(syncFrom({ c1: 0 }))).toThrow("Too many syncs");
    waiting.resolve();
    await subscribed;
    for (const sync of accepted) sync.outcome();
  });
});

test("what is rolled back while a device catches up is not shown to it", async () => {
  const { held, harness, device } = await exchanged(3);
  let asked = 0;
  device.pace = () => {
    asked += 1;
    if (asked !== 2) return null;
    held.isFailing = true;
    sendLive(harness, device, "alice", "4, lost");
    return settled();
  };
  await device.subscribes();
  expect(device.got).toEqual(["1", "2", "3"]);
  held.isFailing = false;
  harness.clock.advance(10_000);
  await settled();
});

test("more live messages than are held come from the store, also those another device received", async () => {
  const { held, harness, device } = await exchanged(2);
  let asked = 0;
  device.pace = () => {
    asked += 1;
    if (asked !== 2) return null;
    for (const content of numbers(3, 1_400)) {
      if (Number(content) % 400 === 0) continue;
      harness.send("alice", { ...toBob, content });
    }
    for (const message of harness.chat.journal.shown()) device.live(message);
    const elsewhere = async () => {
      await settled();
      for (const message of await held.inner.history({ conversationId: "c1", limit: 2_000 })) {
        await harness.chat.receipts.delivered("bob", message);
      }
      await settled();
    };
    return elsewhere();
  };
  await device.subscribes();
  expect(device.got).toEqual(numbers(1, 1_400).filter((n) => Number(n) % 400 !== 0));
});
