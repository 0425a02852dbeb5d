import { describe, expect, test } from "bun:test";
import { PresenceAudience } from "../../src/app/presence-audience.ts";
import { UserSessions } from "../../src/app/user-sessions.ts";
import { Broker } from "../../src/broker/broker.ts";
import { Blocks } from "../../src/chat/blocks.ts";
import { Contacts } from "../../src/chat/contacts.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import { type PresenceScope, PresenceVisibility } from "../../src/chat/presence-visibility.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryBlockStore } from "../../src/storage/memory-block-store.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { TurnEnd } from "../../src/turn-end.ts";
import { DeferredStore } from "../support/deferred-store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";
import { batch, conversation } from "../support/stored.ts";

/** No more than the number of sessions counts. */
class Crowd extends UserSessions {
  size = 1;
  override get count(): number {
    return this.size;
  }
}

function audienceFor(scope: PresenceScope, store: ChatStore = new MemoryChatStore()) {
  const sessions = new Crowd(new TurnEnd(), () => {});
  const engine = new FakeEngine();
  const clock = new FakeClock();
  const broker = new Broker(engine);
  const blocks = new Blocks(new MemoryBlockStore(), 10, []);
  const contacts = new Contacts({ store, isUsed: true, isKept: () => false });
  /** Users whose contacts the store was asked for. */
  const asked: string[] = [];
  const contactsOf = store.contactsOf.bind(store);
  store.contactsOf = (userId, limit) => {
    asked.push(userId);
    return contactsOf(userId, limit);
  };
  const faults: unknown[] = [];
  const audience = new PresenceAudience({
    ...{
      broker,
      blocks,
      sessions,
      newId: () => "id",
      clock,
    },
    visibility: new PresenceVisibility(scope, blocks, contacts),
    onFault: (fault) => faults.push(fault),
  });
  const listen = (userId: string) => {
    const peer = new FakeConnection(engine);
    const key = audience.keyFor(userId);
    const subscription = broker.subscribe(
      {
        ...{ peer, key, pattern: null, destination: "/topic/presence" },
        ...{ id: "p", version: "1.2", wire: "text" },
      },
      null,
    );
    const bodies = () => peer.frames().map(({ body }) => body);
    return { key, peer, bodies, end: () => broker.unsubscribe(subscription) };
  };
  /** Each after a pause. */
  const publish = (userId: string, body: string) => {
    audience.publish(userId, body);
    clock.advance(1_000);
  };
  return { audience, sessions, blocks, clock, listen, publish, faults, contacts, asked };
}

describe("with everyone allowed", () => {
  test("all listen under one key, but those whom somebody blocks", async () => {
    const { publish, blocks, listen } = audienceFor("everyone");
    await blocks.block("alice", "bob");
    const [alice, bob, carol] = ["alice", "bob", "carol"].map(listen);
    expect([alice?.key, carol?.key]).toEqual(["/topic/presence", "/topic/presence"]);
    expect(bob?.key).not.toBe("/topic/presence");
    for (const userId of ["alice", "bob", "carol"]) publish(userId, `of ${userId}`);
    expect(alice?.bodies()).toEqual(["of alice", "of bob", "of carol"]);
    expect(carol?.bodies()).toEqual(["of alice", "of bob", "of carol"]);
    expect(bob?.bodies()).toEqual(["of bob", "of carol"]);
  });
});

test("what is told while nobody is connected is not kept for who comes", () => {
  const { audience, sessions, clock, listen } = audienceFor("everyone");
  sessions.size = 0;
  for (let n = 0; n < 10_000; n += 1) audience.publish(`u${n}`, `of u${n}`);
  sessions.size = 1;
  const alice = listen("alice");
  clock.advance(60_000);
  expect(alice.bodies()).toEqual([]);
  audience.publish("bob", "of bob");
  expect(alice.bodies()).toEqual(["of bob"]);
});

describe("events that come close to each other", () => {
  test("wait longer for each other where many listen, but no longer than a second", () => {
    const { audience, sessions, clock, listen } = audienceFor("everyone");
    const alice = listen("alice");
    const comesAfterMs = (connections: number) => {
      clock.advance(2_000);
      sessions.size = connections;
      audience.publish("bob", "first");
      audience.publish("bob", "second");
      const before = alice.bodies().length;
      let ms = 0;
      for (; alice.bodies().length === before; ms += 10) clock.advance(10);
      return ms;
    };
    expect([10, 1_000, 4_000, 100_000].map(comesAfterMs)).toEqual([50, 50, 200, 1_000]);
  });

  test("are fewer at a time where many listen, so that nobody else is held up", () => {
    const { audience, sessions, clock, listen } = audienceFor("everyone");
    const alice = listen("alice");
    const countsAt = (connections: number, delaysMs: readonly number[]) => {
      clock.advance(2_000);
      sessions.size = connections;
      const before = alice.bodies().length;
      for (let n = 0; n < 250; n += 1) audience.publish(`user ${n}`, `of user ${n}`);
      return delaysMs.map((delayMs) => {
        clock.advance(delayMs);
        return alice.bodies().length - before;
      });
    };
    expect(countsAt(5_000, [0, 250, 50])).toEqual([1, 201, 250]);
    expect(countsAt(1_000_000, [0, 1_000, 50])).toEqual([1, 65, 129]);
  });

  test("leave together after the first, the latest of each user", () => {
    const { audience, clock, listen } = audienceFor("everyone");
    const alice = listen("alice");
    audience.publish("bob", "bob 0");
    expect(alice.bodies()).toEqual(["bob 0"]);
    for (const body of ["bob 1", "carol 1", "bob 2"]) audience.publish(body.slice(0, -2), body);
    expect(alice.bodies()).toEqual(["bob 0"]);
    clock.advance(50);
    expect(alice.bodies()).toEqual(["bob 0", "carol 1", "bob 2"]);
    // Some stock clients read one frame of a transport message and no more.
    expect(alice.peer.sent).toHaveLength(3);
    audience.publish("bob", "bob 3");
    clock.advance(50);
    expect(alice.bodies().slice(3)).toEqual(["bob 3"]);
    clock.advance(50);
    audience.publish("bob", "bob 4");
    expect(alice.bodies().slice(4)).toEqual(["bob 4"]);
  });

  test("are so many at a time that a healthy client can take them, and none is left out", () => {
    const { audience, clock, listen } = audienceFor("everyone");
    const alice = listen("alice");
    const users = Array.from({ length: 1_300 }, (_, n) => `user ${n}`);
    for (const userId of users) audience.publish(userId, `of ${userId}`);
    const counts = [];
    for (let tick = 0; tick < 4; tick += 1) {
      counts.push(alice.bodies().length);
      clock.advance(50);
    }
    expect(counts).toEqual([1, 513, 1_025, 1_300]);
    expect(alice.bodies()).toEqual(users.map((userId) => `of ${userId}`));
  });

  test("are hidden from whom somebody has blocked by then", async () => {
    const { audience, blocks, clock, listen } = audienceFor("everyone");
    await blocks.block("alice", "bob");
    const bob = listen("bob");
    audience.publish("carol", "carol 0");
    await blocks.block("dora", "bob");
    for (const userId of ["alice", "carol", "dora"]) audience.publish(userId, `${userId} 1`);
    clock.advance(50);
    expect(bob.bodies()).toEqual(["carol 0", "carol 1"]);
  });
});

describe("with contacts allowed", () => {
  const chats = batch({
    conversations: [conversation("d1", ["alice", "bob"]), conversation("d2", ["bob", "carol"])],
  });

  test("an event goes to contacts and to oneself, in order, also from a store that takes its time", async () => {
    const inner = new MemoryChatStore();
    await inner.commit(chats);
    const { publish, listen, faults } = audienceFor("contacts", new DeferredStore(inner));
    const [alice, carol] = ["alice", "carol"].map(listen);
    for (let n = 0; n < 3; n += 1) publish("bob", `bob ${n}`);
    publish("alice", "of alice");
    await settled();
    expect(alice?.bodies()).toEqual(["bob 0", "bob 1", "bob 2", "of alice"]);
    expect(carol?.bodies()).toEqual(["bob 0", "bob 1", "bob 2"]);
    expect(faults).toEqual([]);
  });

  test("the store is asked for those who listen, and not for all users of other nodes", async () => {
    const store = new MemoryChatStore();
    await store.commit(chats);
    const { audience, clock, listen, asked } = audienceFor("contacts", store);
    const [alice, carol, erin] = ["alice", "carol", "erin"].map(listen);
    for (let count = 0; count < 5_000; count += 1) audience.publish(`u${count}`, `of u${count}`);
    audience.publish("bob", "of bob");
    for (let turn = 0; turn < 20; turn += 1) {
      clock.advance(1_000);
      await settled();
    }
    expect(asked.toSorted()).toEqual(["alice", "carol", "erin"]);
    expect([alice, carol, erin].map((each) => each?.bodies())).toEqual([
      ["of bob"],
      ["of bob"],
      [],
    ]);
    // Nor for those who do not listen any more.
    asked.splice(0);
    const dan = listen("dan");
    dan.end();
    audience.publish("dan", "of dan");
    await settled();
    expect(asked).toEqual([]);
  });

  test("an event reaches who has become a contact, and none who is one no more", async () => {
    const store = new MemoryChatStore();
    await store.commit(chats);
    const { publish, listen, contacts, asked } = audienceFor("contacts", store);
    const [alice, erin] = ["alice", "erin"].map(listen);
    const tell = async (body: string) => {
      publish("bob", body);
      await settled();
      return [alice, erin].map((each) => each?.bodies().includes(body));
    };
    expect(await tell("first")).toEqual([true, false]);
    const met = contacts.met(["erin", "bob"], ["erin", "bob"]);
    expect(await tell("meeting")).toEqual([true, true]);
    await store.commit(batch({ conversations: [conversation("d3", ["bob", "erin"])] }));
    met();
    expect(await tell("met")).toEqual([true, true]);
    const parted = contacts.parted("bob", ["alice", "bob"]);
    expect(await tell("parting")).toEqual([false, true]);
    parted();
    expect(await tell("not parted")).toEqual([true, true]);
    asked.splice(0);
    contacts.forgetAll();
    expect(await tell("all is new")).toEqual([true, true]);
    expect(asked.toSorted()).toEqual(["alice", "erin"]);
  });

  test("what changes while contacts are read is not lost", async () => {
    const store: ChatStore = new MemoryChatStore();
    const [before, other] = [Promise.withResolvers<string[]>(), Promise.withResolvers<string[]>()];
    store.contactsOf = (userId) => (userId === "erin" ? before.promise : other.promise);
    const { publish, listen, contacts } = audienceFor("contacts", store);
    const [erin] = ["erin", "dan"].map(listen);
    publish("bob", "while it is read");
    await settled();
    store.contactsOf = () => ["bob"];
    contacts.forget("erin");
    other.resolve([]);
    await settled();
    before.resolve(["carol"]);
    await settled();
    for (const userId of ["carol", "bob"]) publish(userId, `of ${userId}, after it`);
    await settled();
    expect(erin?.bodies()).toEqual(["while it is read", "of bob, after it"]);
  });

  test("a store that cannot be read is not asked for everybody, each time that something is told", async () => {
    const store: ChatStore = new MemoryChatStore();
    let asked = 0;
    store.contactsOf = () => {
      asked += 1;
      return Promise.reject(new AppError("STORAGE_UNAVAILABLE", "it fails"));
    };
    const { publish, listen } = audienceFor("contacts", store);
    for (let count = 0; count < 100; count += 1) listen(`u${count}`);
    publish("bob", "of bob");
    await settled();
    expect(asked).toBe(8);
    publish("bob", "of bob");
    await settled();
    expect(asked).toBe(16);
  });

  test("whoever could not be told once is told the next time", async () => {
    const store = new MemoryChatStore();
    await store.commit(chats);
    const { publish, listen, faults } = audienceFor("contacts", store);
    const alice = listen("alice");
    const { contactsOf } = store;
    store.contactsOf = () => {
      throw new AppError("STORAGE_UNAVAILABLE", "it fails");
    };
    publish("bob", "lost");
    await settled();
    store.contactsOf = contactsOf;
    publish("bob", "told");
    await settled();
    expect(alice.bodies()).toEqual(["told"]);
    expect(faults).toHaveLength(1);
  });

  test("nobody is told where the store does not say to whom, and nobody is harmed", async () => {
    const store = new MemoryChatStore();
    await store.commit(chats);
    for (const failing of [store, new DeferredStore(store)]) {
      const { audience, listen, faults } = audienceFor("contacts", failing);
      const alice = listen("alice");
      store.close();
      audience.publish("bob", "of bob");
      await settled();
      expect(alice.bodies()).toEqual([]);
      expect(faults).toHaveLength(1);
    }
  });
});
