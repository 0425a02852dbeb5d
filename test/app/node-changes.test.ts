import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { encodeChange } from "../../src/app/node-change.ts";
import { NodeChanges } from "../../src/app/node-changes.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import { SYSTEM } from "../../src/chat/actor.ts";
import { Blocks } from "../../src/chat/blocks.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryBlockStore } from "../../src/storage/memory-block-store.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { MemoryErasureStore } from "../../src/storage/memory-erasure-store.ts";
import { MemoryInviteStore } from "../../src/storage/memory-invite-store.ts";
import { MemoryRevocationStore } from "../../src/storage/memory-revocation-store.ts";
import { MemoryUserStore } from "../../src/storage/memory-users.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { settled } from "../support/held-store.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";
import { unheardNodes } from "../support/unheard-nodes.ts";

/** What nodes share. */
class Database {
  readonly chat = new MemoryChatStore();
  readonly invites = new MemoryInviteStore();
  readonly blocks = new MemoryBlockStore();
  readonly revocations = new MemoryRevocationStore();
  readonly erasures = new MemoryErasureStore(this.chat, this.invites);
  readonly users = new MemoryUserStore(this.chat);
}

function node(id: string, network: InProcessNetwork, database: Database) {
  const backplane = network.node(id);
  const channels = new NodeChannels(backplane, () => {});
  const blocks = new Blocks(database.blocks, 1_000, database.blocks.all());
  const expelled: string[] = [];
  const harness = chatHarness(database.chat, {
    ...{ blocks, erasures: database.erasures, users: database.users, invites: database.invites },
    ...{ nodes: unheardNodes, expel: (userId: string) => expelled.push(userId) },
    underWay: database.erasures.underWay(),
  });
  const { chat, clock } = harness;
  const revoked = database.revocations.all();
  const revocations = new Revocations(database.revocations, clock, revoked, 0);
  const ended: string[] = [];
  const log = new RecordedLog();
  const changes = new NodeChanges({
    ...{ channels, revocations, blocks, clock, log, stores: database },
    ...{ users: chat.users, erasures: chat.erasures },
    application: {
      disconnect: (userId, { code }) => ended.push(`${userId} ${code}`),
      endRevoked: () => ended.push("the revoked"),
    },
    sessions: { userIds: () => ["alice", "bob", "carol"].values() },
  });
  changes.start();
  channels.start();
  changes.listen();
  return { ...harness, backplane, blocks, revocations, changes, ended, expelled, log };
}

async function passed(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await settled();
}

/** Lets time pass on the node that leads, until the user is gone. */
async function removed(userId: string): Promise<void> {
  for (let step = 0; database.erasures.erasure(userId)?.doneMs === null; step += 1) {
    expect(step).toBeLessThan(100);
    a.clock.advance(100);
    await settled();
  }
  await passed();
}

let database: Database;
let network: InProcessNetwork;
let a: ReturnType<typeof node>;
let b: ReturnType<typeof node>;

beforeEach(async () => {
  database = new Database();
  network = new InProcessNetwork();
  a = node("a", network, database);
  b = node("b", network, database);
  await passed();
});

afterEach(async () => {
  for (const each of [a, b]) {
    each.changes.stop();
    expect(each.log.lines).toEqual([]);
    await each.chat.stop();
  }
});

const principal = (userId: string, issuedMs: number, tokenId: string | null = null) => ({
  ...{ userId, name: userId, issuedMs, tokenId, expiresMs: null, roles: [], byCookie: false },
});

describe("what one node changes holds on another", () => {
  test("tokens of a user that are taken back, and their connections", async () => {
    await a.revocations.revokeUser("alice");
    await passed();
    expect(b.revocations.isRevoked(principal("alice", a.clock.now()))).toBe(true);
    expect(b.revocations.isRevoked(principal("alice", a.clock.now() + 1))).toBe(false);
    expect(b.ended).toEqual(["alice TOKEN_REVOKED", "the revoked"]);
  });

  test("one token", async () => {
    await a.revocations.revokeToken("t1", null);
    await passed();
    expect(b.revocations.isRevoked(principal("bob", b.clock.now() + 1, "t1"))).toBe(true);
    expect(b.ended).toEqual(["the revoked"]);
  });

  test("blocks, which listeners hear of, and their end", async () => {
    const heard: boolean[] = [];
    b.blocks.onChange((_block, isBlocked) => heard.push(isBlocked));
    await a.blocks.block("alice", "bob");
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(true);
    await a.blocks.unblock("alice", "bob");
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(false);
    expect(heard).toEqual([true, false]);
  });

  test("names, and contacts who are connected there are told", async () => {
    b.send("bob", { conversationId: "d", recipientId: "alice" });
    await settled();
    b.chat.presence.connected("alice", "alice");
    await a.chat.users.change(SYSTEM, "alice", { name: "Alice A." });
    await passed();
    expect(b.chat.presence.nameOf({ userId: "alice", name: "alice" })).toBe("Alice A.");
    expect(b.outlet.bodies("profile", "bob")).toMatchObject([
      { userId: "alice", name: "Alice A." },
    ]);
  });

  test("the removal of a user, who is out until it is done", async () => {
    const refusal = () => refusalOf(() => b.chat.erasures.assertNone("alice"));
    await b.chat.erasures.stop(); // It does not lead.
    await a.chat.erasures.request(SYSTEM, "alice", false);
    await passed();
    expect(await refusal()).toBe("USER_BEING_ERASED");
    expect(b.expelled).toEqual(["alice"]);
    await removed("alice");
    expect(await refusal()).toBe("not refused");
  });

  test("what is in memory of a user who is removed", async () => {
    await b.chat.erasures.stop();
    b.chat.presence.connected("alice", "Alice");
    const first = { conversationId: "d", recipientId: "bob", clientMessageId: "c1" };
    b.send("alice", first);
    await passed();
    expect(b.chat.presence.isHere("alice")).toBe(true);
    await a.chat.erasures.request(SYSTEM, "alice", false);
    await passed();
    expect(b.chat.presence.isHere("alice")).toBe(false);
    await removed("alice");
    b.send("alice", { ...first, conversationId: "e", content: "of somebody new" });
    await passed();
    const [one, other] = b.outlet.bodies("confirmation", "alice");
    expect(one).toMatchObject({ conversationId: "d" });
    expect(other).toMatchObject({ conversationId: "e", seq: 1 });
  });

  test("the end of a user's connections", async () => {
    a.changes.disconnected("alice");
    await passed();
    expect(b.ended).toEqual(["alice DISCONNECTED"]);
  });
});

describe("who was removed on one node", () => {
  test("is removed by the node that leads, after all nodes have heard of it", async () => {
    await a.chat.erasures.stop();
    await a.chat.erasures.request(SYSTEM, "alice", false);
    await passed();
    b.clock.advance(1_999);
    await passed();
    const { erasePortion } = database.erasures;
    let portions = 0;
    database.erasures.erasePortion = (...portion) => {
      portions += 1;
      return erasePortion.apply(database.erasures, portion);
    };
    await passed();
    expect(portions).toBe(0);
    b.clock.advance(1);
    await passed();
    expect(portions).toBeGreaterThan(0);
  });
});

describe("a node that misses what others change", () => {
  test("knows all of it when it hears them again", async () => {
    await a.blocks.block("carol", "bob");
    await passed();
    b.chat.presence.connected("alice", "alice");
    b.backplane.lose();
    await b.chat.erasures.stop();
    await a.blocks.block("alice", "bob");
    await a.blocks.unblock("carol", "bob");
    await a.revocations.revokeUser("alice");
    await a.chat.users.change(SYSTEM, "alice", { name: "Alice A." });
    await a.chat.erasures.request(SYSTEM, "bob", false);
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(false);
    b.backplane.heal();
    await passed();
    expect(b.blocks.of("alice")).toEqual(["bob"]);
    expect(b.blocks.of("carol")).toEqual([]);
    expect(b.ended).toEqual(["alice TOKEN_REVOKED", "the revoked"]);
    expect(b.chat.presence.nameOf({ userId: "alice", name: "alice" })).toBe("Alice A.");
    expect(await refusalOf(() => b.chat.erasures.assertNone("bob"))).toBe("USER_BEING_ERASED");
  });

  test("knows when it hears them again that a user is gone by now", async () => {
    await b.chat.erasures.stop();
    await a.chat.erasures.request(SYSTEM, "alice", false);
    await passed();
    b.backplane.lose();
    await removed("alice");
    const refusal = () => refusalOf(() => b.chat.erasures.assertNone("alice"));
    expect(await refusal()).toBe("USER_BEING_ERASED");
    b.backplane.heal();
    await passed();
    expect(await refusal()).toBe("not refused");
  });

  test("looks itself, every second, while it does not hear them", async () => {
    b.backplane.lose();
    await a.blocks.block("alice", "bob");
    b.clock.advance(1_000);
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(true);
    await a.blocks.unblock("alice", "bob");
    b.clock.advance(1_000);
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(false);
  });

  test("knows at its start what changed before it heard others", async () => {
    const late = new Database();
    const store = late.revocations;
    const all = store.all.bind(store);
    store.all = () => [];
    const c = node("c", network, late);
    store.all = all;
    await store.add({ kind: "user", subject: "alice", revokedMs: c.clock.now(), forgetMs: null });
    await passed();
    expect(c.ended).toContain("alice TOKEN_REVOKED");
    c.changes.stop();
    await c.chat.stop();
  });

  test("knows what a node has written that died before it told it", async () => {
    const block = { blockerId: "alice", blockedId: "bob" };
    await database.blocks.put(block, true);
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(false);
    b.changes.recover();
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(true);
  });

  test("asks again, where the store fails", async () => {
    const kept = database.blocks.kept.bind(database.blocks);
    database.blocks.kept = () => {
      throw new AppError("STORAGE_UNAVAILABLE", "away");
    };
    await a.blocks.block("alice", "bob");
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(false);
    database.blocks.kept = kept;
    b.clock.advance(1_000);
    await passed();
    expect(b.blocks.has("alice", "bob")).toBe(true);
  });
});

describe("what a node changes while others do not hear it", () => {
  const changed = async () => {
    await a.blocks.block("carol", "bob");
    await a.blocks.block("alice", "bob");
    await a.blocks.unblock("carol", "bob");
    await a.revocations.revokeUser("alice");
    await a.chat.users.change(SYSTEM, "alice", { name: "Alice A." });
    await a.chat.erasures.request(SYSTEM, "bob", false);
    await passed();
  };
  const isKnown = async () => ({
    blocks: [b.blocks.has("alice", "bob"), b.blocks.has("carol", "bob")],
    isRevoked: b.revocations.isRevoked(principal("alice", 0)),
    name: b.chat.presence.nameOf({ userId: "alice", name: "alice" }),
    erasure: await refusalOf(() => b.chat.erasures.assertNone("bob")),
  });
  const all = {
    ...{ blocks: [true, false], isRevoked: true, name: "Alice A." },
    erasure: "USER_BEING_ERASED",
  };

  beforeEach(async () => {
    for (const { chat } of [a, b]) await chat.erasures.stop();
    b.chat.presence.connected("alice", "alice");
  });

  test("they know when they hear it again", async () => {
    a.backplane.lose();
    await changed();
    expect(await isKnown()).toMatchObject({ blocks: [false, false], isRevoked: false });
    a.backplane.heal();
    await passed();
    expect(await isKnown()).toEqual(all);
    expect(b.outlet.of("profile")).toEqual([]);
  });

  test("they know also where it was told before the loss was noticed", async () => {
    a.backplane.isLossy = true;
    await changed();
    a.backplane.isLossy = false;
    a.clock.advance(30_000);
    a.backplane.lose();
    a.backplane.heal();
    await passed();
    expect(await isKnown()).toEqual(all);
  });

  test("they know where too much was told at once", async () => {
    a.backplane.isLossy = true;
    await changed();
    a.backplane.isLossy = false;
    a.backplane.counts.dropped += 1;
    a.clock.advance(1_000);
    await passed();
    expect(await isKnown()).toEqual(all);
  });

  test("they know of however much it is, by reading everything", async () => {
    a.backplane.lose();
    await changed();
    for (let count = 0; count < 1_000; count += 1) await a.blocks.block("dan", `${count}`);
    const { out } = a.backplane.counts;
    a.backplane.heal();
    await passed();
    expect(a.backplane.counts.out - out).toBe(1);
    expect(await isKnown()).toEqual(all);
    expect(b.blocks.of("dan")).toHaveLength(1_000);
  });

  test("they end the connections that it ended, and those alone", async () => {
    a.changes.disconnected("carol");
    await passed();
    a.backplane.lose();
    a.changes.disconnected("alice");
    a.backplane.heal();
    await passed();
    expect(b.ended).toEqual(["carol DISCONNECTED", "alice DISCONNECTED"]);
  });

  test("is told again no longer than needed", async () => {
    await changed();
    a.clock.advance(61_000);
    const { out } = a.backplane.counts;
    a.backplane.lose();
    a.backplane.heal();
    a.clock.advance(61_000);
    await passed();
    expect(a.backplane.counts.out).toBe(out);
  });
});

test("what both change at once is on both as it was written last", async () => {
  for (let round = 0; round < 20; round += 1) {
    await Promise.all([
      a.blocks.block("alice", "bob"),
      b.blocks.block("alice", "bob"),
      b.blocks.unblock("alice", "bob"),
      a.blocks.unblock("alice", "bob"),
      a.blocks.block("alice", "bob"),
    ]);
    await passed();
    for (const each of [a, b]) each.clock.advance(50);
    await passed();
    const isKept = database.blocks.all().length === 1;
    expect([a, b].map(({ blocks }) => blocks.has("alice", "bob"))).toEqual([isKept, isKept]);
  }
});

test("a change on a node that has not heard of the one before it is no no-op", async () => {
  await a.blocks.block("alice", "bob");
  await b.blocks.unblock("alice", "bob");
  await passed();
  expect([a, b].map(({ blocks }) => blocks.has("alice", "bob"))).toEqual([false, false]);
  expect(database.blocks.all()).toEqual([]);
});

test("what is of no node of this version is counted, and changes nothing", async () => {
  const change = { kind: "disconnect", userId: "alice" } as const;
  const wrong = [
    "",
    "{",
    "[]",
    `{"v":2,"kind":"disconnect","userId":"alice"}`,
    `{"v":1,"kind":"disconnect","userId":7}`,
    `{"v":1,"kind":"revoked","revocation":{"kind":"user","subject":"alice"}}`,
    `{"v":1,"kind":"unknown"}`,
  ];
  for (const text of wrong) a.backplane.publish("changes/all", Buffer.from(text));
  a.backplane.publish("changes/all", Buffer.from([0xff, 0xfe]));
  await passed();
  expect(b.changes.invalid).toBe(wrong.length + 1);
  expect(b.ended).toEqual([]);
  a.backplane.publish("changes/all", encodeChange(change));
  await passed();
  expect(b.ended).toHaveLength(1);
});
