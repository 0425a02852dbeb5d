import { describe, expect, test } from "bun:test";
import { isoTime } from "../../src/clock.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { PresenceNodes } from "../support/presence-nodes.ts";

/** The gathering of changes, and the moment in which a user may turn up elsewhere. */
const SETTLED_MS = 400;

describe("a user of one node", () => {
  test("is there on all, and each node tells its own listeners once", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    a.connect("ann");
    await nodes.pass(SETTLED_MS);
    for (const node of [a, b, c]) {
      expect(node.heard()).toEqual(["ann ONLINE"]);
      expect(node.presence.onlineCount).toBe(1);
      expect(node.presence.isOnline("ann")).toBe(true);
      expect(await node.presence.of(["ann"])).toMatchObject([
        { userId: "ann", name: "ann's name", status: "ONLINE", lastSeenMs: nodes.time.now() },
      ]);
    }
    expect([a, b, c].map(({ presence }) => presence.hereCount)).toEqual([1, 0, 0]);
    expect(b.presence.isHere("ann")).toBe(false);
  });

  test("is OFFLINE on all after the grace, last seen when they left", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    a.connect("ann");
    await nodes.pass(10_000);
    a.presence.disconnected("ann");
    const leftMs = nodes.time.now();
    await nodes.pass(5_000);
    for (const node of [a, b, c]) expect(node.heard("ann")).toEqual(["ONLINE"]);
    await nodes.pass(SETTLED_MS);
    for (const node of [a, b, c]) {
      expect(node.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
      expect(node.lastSeen("ann")).toBe(isoTime(leftMs));
      expect(node.presence.onlineCount).toBe(0);
      expect(await node.presence.of(["ann"])).toMatchObject([
        { status: "OFFLINE", lastSeenMs: leftMs },
      ]);
    }
  });

  test("who is removed is OFFLINE without a grace", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = await nodes.three();
    a.connect("ann");
    await nodes.pass(SETTLED_MS);
    a.presence.forget("ann");
    expect(a.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
    await nodes.pass(SETTLED_MS);
    expect(b.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
    expect([a, b].map(({ presence }) => presence.onlineCount)).toEqual([0, 0]);
  });

  test("has the name of their profile elsewhere too, also when it changes", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = await nodes.three();
    a.connect("ann");
    await nodes.pass(SETTLED_MS);
    a.presence.named("ann", "Ann");
    await nodes.pass(SETTLED_MS);
    expect(await b.presence.of(["ann"])).toMatchObject([{ name: "Ann" }]);
    expect(b.heard()).toEqual(["ann ONLINE"]);
  });
});

describe("a user of several nodes", () => {
  test("is there as long as one of them has a connection", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    a.connect("ann");
    await nodes.pass(SETTLED_MS);
    b.connect("ann");
    await nodes.pass(SETTLED_MS);
    expect([a, b, c].map(({ presence }) => presence.onlineCount)).toEqual([1, 1, 1]);
    a.presence.disconnected("ann");
    await nodes.pass(60_000);
    for (const node of [a, b, c]) expect(node.heard()).toEqual(["ann ONLINE"]);
    expect([a, b, c].map(({ presence }) => presence.onlineCount)).toEqual([1, 1, 1]);
    b.presence.disconnected("ann");
    await nodes.pass(5_000 + SETTLED_MS);
    for (const node of [a, b, c]) expect(node.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
  });

  test.each([0, 1_000, 4_990])(
    "who moves to another node %d ms after the loss goes unnoticed",
    async (afterMs) => {
      const nodes = new PresenceNodes();
      const [a, b, c] = await nodes.three();
      a.connect("ann");
      await nodes.pass(SETTLED_MS);
      a.presence.disconnected("ann");
      await nodes.pass(afterMs);
      b.connect("ann");
      await nodes.pass(60_000);
      for (const node of [a, b, c]) {
        expect(node.heard()).toEqual(["ann ONLINE"]);
        expect(node.view()).toEqual({ ann: "ONLINE" });
      }
    },
  );

  test("has one status, which they said last, and it stays with whatever is left", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    // A clock that is behind makes no word an earlier one.
    b.clock.wallOffsetMs = -60_000;
    a.connect("ann");
    a.presence.set("ann", "AWAY");
    await nodes.pass(SETTLED_MS);
    b.connect("ann");
    await nodes.pass(SETTLED_MS);
    for (const node of [a, b, c]) expect(node.view()).toEqual({ ann: "AWAY" });
    expect(b.heard()).toEqual(["ann AWAY"]);
    b.presence.set("ann", "ONLINE");
    await nodes.pass(SETTLED_MS);
    for (const node of [a, b, c]) expect(node.view()).toEqual({ ann: "ONLINE" });
    a.presence.set("ann", "AWAY");
    await nodes.pass(SETTLED_MS);
    a.presence.disconnected("ann");
    await nodes.pass(60_000);
    for (const node of [a, b, c]) {
      expect(node.view()).toEqual({ ann: "AWAY" });
      expect(node.heard("ann").slice(-2)).toEqual(["ONLINE", "AWAY"]);
    }
  });

  test("who says OFFLINE is so everywhere, until they come anew", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    a.connect("ann");
    await nodes.pass(SETTLED_MS);
    a.presence.set("ann", "OFFLINE");
    await nodes.pass(SETTLED_MS);
    for (const node of [a, b, c]) expect(node.view()).toEqual({});
    b.connect("ann");
    await nodes.pass(SETTLED_MS);
    for (const node of [a, b, c]) expect(node.view()).toEqual({});
    for (const node of [a, b]) node.presence.disconnected("ann");
    await nodes.pass(1_000);
    c.connect("ann");
    await nodes.pass(60_000);
    for (const node of [a, b, c]) {
      expect(node.heard("ann")).toEqual(["ONLINE", "OFFLINE", "ONLINE"]);
      expect(node.view()).toEqual({ ann: "ONLINE" });
    }
  });

  test("who says OFFLINE stays so when one of the connections is made again", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    for (const node of [a, b]) node.connect("ann");
    await nodes.pass(SETTLED_MS);
    a.presence.set("ann", "OFFLINE");
    await nodes.pass(SETTLED_MS);
    a.presence.disconnected("ann");
    await nodes.pass(1_000);
    a.connect("ann");
    await nodes.pass(60_000);
    for (const node of [a, b, c]) {
      expect(node.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
      expect(node.presence.onlineCount).toBe(1);
    }
  });
});

describe("a node", () => {
  test("that is killed: its users are OFFLINE after five seconds and the grace", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    a.connect("ann");
    await nodes.pass(2_000);
    a.kill();
    await nodes.pass(9_000);
    for (const node of [b, c]) expect(node.heard("ann")).toEqual(["ONLINE"]);
    await nodes.pass(2_500);
    for (const node of [b, c]) {
      expect(node.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
      expect(node.known()).toEqual(node === b ? ["c"] : ["b"]);
      expect(node.deaths).toBe(1);
      expect(node.presence.onlineCount).toBe(0);
    }
  });

  test("that is killed: who comes back to another one meanwhile goes unnoticed", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    for (const userId of ["ann", "ben"]) a.connect(userId);
    a.presence.set("ben", "AWAY");
    await nodes.pass(2_000);
    a.kill();
    await nodes.pass(2_000);
    b.connect("ann");
    await nodes.pass(6_000);
    c.connect("ben");
    await nodes.pass(60_000);
    for (const node of [b, c]) {
      expect(node.heard("ann")).toEqual(["ONLINE"]);
      expect(node.heard("ben")).not.toContain("OFFLINE");
      expect(node.view()).toEqual({ ann: "ONLINE", ben: "AWAY" });
    }
  });

  test("that is killed and started anew under its name has its new users at once", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = await nodes.three();
    for (const userId of ["ann", "ben"]) a.connect(userId);
    await nodes.pass(2_000);
    a.kill();
    const again = nodes.start("a");
    await nodes.pass(500);
    again.connect("ann");
    await nodes.pass(20_000);
    expect(b.heard("ann")).toEqual(["ONLINE"]);
    expect(b.heard("ben")).toEqual(["ONLINE", "OFFLINE"]);
    expect(b.known()).toEqual(["a", "c"]);
    expect(again.view()).toEqual({ ann: "ONLINE" });
  });

  test("that ends in order is gone at once, and its users after the grace", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    for (const userId of ["ann", "ben"]) a.connect(userId);
    await nodes.pass(SETTLED_MS);
    await a.stop();
    await nodes.pass(100);
    expect(b.known()).toEqual(["c"]);
    expect(b.deaths).toBe(0);
    c.connect("ben");
    await nodes.pass(4_800);
    expect(b.heard("ann")).toEqual(["ONLINE"]);
    await nodes.pass(1_000);
    expect(b.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
    expect(b.heard("ben")).toEqual(["ONLINE"]);
  });

  test("that is new learns at once of all who are there, many as they are", async () => {
    const nodes = new PresenceNodes();
    const a = nodes.start("a");
    const ids = Array.from({ length: 3_000 }, (_, n) => `user-${n}`);
    for (const userId of ids) a.connect(userId);
    a.presence.set("user-7", "AWAY");
    await nodes.pass(2_000);
    const b = nodes.start("b");
    await nodes.pass(500);
    expect(b.presence.onlineCount).toBe(3_000);
    expect(b.view()).toEqual(a.view());
    expect(b.heard()).toHaveLength(3_000);
    expect(await b.presence.of(["user-7"])).toMatchObject([{ status: "AWAY" }]);
  });

  test("that stands for half a minute is held to be dead, and taken in again with all it has", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    a.connect("ann");
    b.connect("ben");
    await nodes.pass(2_000);
    b.pause();
    await nodes.pass(15_000);
    c.connect("cleo");
    a.presence.disconnected("ann");
    await nodes.pass(15_000);
    expect(a.known()).toEqual(["c"]);
    expect(a.heard("ben")).toEqual(["ONLINE", "OFFLINE"]);
    b.resume();
    expect(b.known()).toEqual(["a", "c"]);
    await nodes.pass(20_000);
    for (const node of [a, b, c]) {
      expect(node.known()).toHaveLength(2);
      expect(node.view()).toEqual({ ben: "ONLINE", cleo: "ONLINE" });
    }
    for (const node of [a, c]) expect(node.heard("ben")).toEqual(["ONLINE", "OFFLINE", "ONLINE"]);
    // It has held nobody to be dead for what it could not hear itself.
    for (const userId of ["ben", "cleo"]) expect(b.heard(userId)).toEqual(["ONLINE"]);
    expect(b.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
  });

  test("that comes back after a pause judges nobody before their beats had time to come", async () => {
    const nodes = new PresenceNodes(0);
    const [a, b] = await nodes.three();
    b.connect("ben");
    await nodes.pass(2_000);
    a.pause();
    await nodes.pass(30_000);
    // What was said meanwhile never comes.
    a.backplane.held = [];
    a.resume();
    await nodes.pass(4_000);
    expect(a.known()).toEqual(["b", "c"]);
    expect(a.heard()).toEqual(["ben ONLINE"]);
  });
});

describe("what is lost between nodes", () => {
  test("is noticed at the next beat, and asked for", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    for (const userId of ["ann", "ben"]) a.connect(userId);
    await nodes.pass(SETTLED_MS);
    a.presence.disconnected("ann");
    await nodes.pass(4_900);
    a.backplane.isLossy = true;
    a.connect("carl");
    a.presence.set("ben", "AWAY");
    await nodes.pass(300);
    a.backplane.isLossy = false;
    expect(b.view()).toEqual({ ann: "ONLINE", ben: "ONLINE" });
    await nodes.pass(2_000);
    for (const node of [a, b, c]) {
      expect(node.view()).toEqual({ ben: "AWAY", carl: "ONLINE" });
      expect(node.heard("ann")).toEqual(["ONLINE", "OFFLINE"]);
      expect(node.heard("ben")).toEqual(["ONLINE", "AWAY"]);
      expect(node.heard("carl")).toEqual(["ONLINE"]);
    }
  });

  test("is noticed by the next change, if that comes sooner", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = await nodes.three();
    a.backplane.isLossy = true;
    a.connect("ann");
    await nodes.pass(100);
    a.backplane.isLossy = false;
    a.connect("ben");
    await nodes.pass(100);
    expect(b.view()).toEqual({ ben: "ONLINE" });
    await nodes.pass(2_000);
    expect(b.view()).toEqual({ ann: "ONLINE", ben: "ONLINE" });
  });

  test("of the answer is asked for again", async () => {
    const nodes = new PresenceNodes();
    const a = nodes.start("a");
    for (let n = 0; n < 3_000; n += 1) a.connect(`user-${n}`);
    await nodes.pass(1_000);
    const b = nodes.start("b");
    await nodes.pass(40);
    a.backplane.isLossy = true;
    await nodes.pass(10);
    a.backplane.isLossy = false;
    expect(b.presence.onlineCount).toBeLessThan(3_000);
    await nodes.pass(5_000);
    expect(b.presence.onlineCount).toBe(3_000);
  });

  test("while Redis is away nobody is held to be dead, and all is well soon after", async () => {
    const nodes = new PresenceNodes();
    const [a, b, c] = await nodes.three();
    const all = [a, b, c];
    a.connect("ann");
    b.connect("ben");
    await nodes.pass(1_000);
    for (const { backplane } of all) backplane.lose();
    await nodes.pass(60_000);
    c.connect("cleo");
    a.presence.disconnected("ann");
    await nodes.pass(60_000);
    for (const node of all) expect(node.known()).toHaveLength(2);
    expect(c.view()).toEqual({ ann: "ONLINE", ben: "ONLINE", cleo: "ONLINE" });
    // They come back one after the other.
    for (const { backplane } of all) {
      backplane.heal();
      await nodes.pass(4_000);
      for (const node of all) expect(node.known()).toHaveLength(2);
    }
    await nodes.pass(2_000);
    for (const node of all) {
      expect(node.view()).toEqual({ ben: "ONLINE", cleo: "ONLINE" });
      expect(node.heard("ben")).toEqual(["ONLINE"]);
      expect(node.heard("cleo")).toEqual(["ONLINE"]);
    }
  });

  test("a node that is cut off for longer holds nobody else to be there", async () => {
    const nodes = new PresenceNodes();
    const [a, b] = await nodes.three();
    a.connect("ann");
    b.connect("ben");
    await nodes.pass(1_000);
    a.backplane.lose();
    await nodes.pass(299_000);
    expect(a.view()).toEqual({ ann: "ONLINE", ben: "ONLINE" });
    // The others have long held its users to be gone.
    expect(b.view()).toEqual({ ben: "ONLINE" });
    await nodes.pass(10_000);
    expect(a.view()).toEqual({ ann: "ONLINE" });
    expect(a.known()).toEqual([]);
    a.backplane.heal();
    await nodes.pass(2_000);
    for (const node of [a, b]) expect(node.view()).toEqual({ ann: "ONLINE", ben: "ONLINE" });
  });
});

test("a node that is alone sets no timer for others and waits for nobody", () => {
  const { chat, clock, outlet } = chatHarness(new MemoryChatStore(), { graceMs: 0 });
  chat.presence.connected("ann", "Ann");
  const before = clock.scheduledCount;
  chat.presence.disconnected("ann");
  expect(clock.scheduledCount).toBe(before + 1);
  clock.advance(0);
  expect(outlet.of("presence").map(({ body }) => body.status)).toEqual(["ONLINE", "OFFLINE"]);
});
