import { describe, expect, test } from "bun:test";
import type { QueueMessage } from "../../src/broker/queue-message.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { turn } from "../support/held-queue-store.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";
import { MemorySharedQueues } from "../support/memory-shared-queues.ts";
import { LEASE_MS, QueueNode, type QueueNodeOptions } from "../support/queue-nodes.ts";

const LETTERS = "/queue/dead-letter/q";

function setUp(options: Partial<QueueNodeOptions> = {}) {
  const clock = new FakeClock();
  const store = new MemorySharedQueues(clock);
  const network = new InProcessNetwork();
  let ids = 0;
  const newId = () => `m${++ids}`;
  const node = (id: string) => new QueueNode({ id, store, network, clock, newId, ...options });
  /** Lets what is under way happen. */
  const settle = async () => {
    for (let turns = 0; turns < 8; turns += 1) await turn();
  };
  /** Time goes by; everything that is due happens. */
  const pass = async (ms: number, stepMs = 500) => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      clock.advance(Math.min(stepMs, ms - passed));
      await settle();
    }
  };
  const bodiesKept = () => [...store.rows.values()].map(({ message }) => message.body);
  return { clock, store, network, node, settle, pass, bodiesKept };
}

function isMarked({ outgoing }: QueueMessage): boolean {
  return String(outgoing.tail("1.2")).includes("redelivered:true");
}

describe("queues that nodes share", () => {
  test("bring a message that was sent on one node to the consumer on another", async () => {
    const { node, settle, bodiesKept } = setUp();
    const [one, two] = [node("one"), node("two")];
    const consumer = two.consume();
    await settle();
    expect(await one.send("1")).toBeNull();
    expect(bodiesKept()).toEqual(["1"]);
    await settle();
    expect(consumer.bodies()).toEqual(["1"]);
    expect(consumer.got.map(isMarked)).toEqual([false]);
    expect(consumer.ack()).toBe(true);
    await settle();
    expect(bodiesKept()).toEqual([]);
  });

  test("give each message to one consumer, on whichever node", async () => {
    const { node, settle } = setUp();
    const nodes = [node("one"), node("two"), node("three")];
    const consumers = nodes.map((each) => each.consume(5));
    await settle();
    const sent = Array.from({ length: 30 }, (_, index) => `${index}`);
    for (const [index, body] of sent.entries()) await nodes[index % 3]?.send(body);
    for (let rounds = 0; rounds < 20; rounds += 1) {
      await settle();
      for (const consumer of consumers) while (consumer.open.length > 0) consumer.ack();
    }
    const all = consumers.flatMap((consumer) => consumer.bodies());
    expect(all.toSorted()).toEqual(sent.toSorted());
    expect(consumers.every(({ got }) => got.length > 0)).toBe(true);
  });

  test("take one commit for a message that is consumed where it was sent", async () => {
    const { node, settle } = setUp();
    const one = node("one");
    const consumer = one.consume();
    await settle();
    const before = one.store.batches.length;
    await one.send("1");
    await settle();
    expect(consumer.bodies()).toEqual(["1"]);
    const [batch, ...others] = one.store.batches.slice(before);
    expect(batch?.appended).toHaveLength(1);
    expect(batch?.wanted).toEqual([{ queue: "/queue/q", limit: 100 }]);
    // One more finds that there is nothing more.
    expect(others.filter(({ appended }) => appended.length > 0)).toEqual([]);
  });

  test("keep the order of sending, and that of what waited before a consumer came", async () => {
    const { node, settle } = setUp();
    const [one, two] = [node("one"), node("two")];
    await settle();
    for (const body of ["1", "2", "3"]) await one.send(body);
    const consumer = two.consume();
    await settle();
    for (const body of ["4", "5"]) await one.send(body);
    await settle();
    expect(consumer.bodies()).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("leave in the database what no consumer has room for", async () => {
    const { node, settle, store } = setUp();
    const one = node("one");
    await settle();
    for (let count = 0; count < 50; count += 1) await one.send(`${count}`);
    const consumer = one.consume(3);
    await settle();
    const claimed = () => [...store.rows.values()].filter(({ claim }) => claim !== null).length;
    expect([consumer.open.length, claimed()]).toEqual([3, 3]);
    consumer.ack();
    await settle();
    expect([consumer.open.length, claimed()]).toEqual([3, 3]);
    expect(one.queues.bytes).toBeLessThan(3 * 400);
  });

  test("give back what a blocked connection does not take, to other nodes", async () => {
    const { node, settle } = setUp();
    const [one, two] = [node("one"), node("two")];
    const [blocked, other] = [one.consume(), two.consume()];
    await settle();
    // It blocks with the first of several that were claimed at once.
    blocked.onMessage = () => {
      blocked.hasRoom = false;
    };
    other.hasRoom = false;
    await Promise.all(["1", "2", "3"].map((body) => one.send(body)));
    await settle();
    expect([blocked.bodies(), other.bodies()]).toEqual([["1"], []]);
    other.hasRoom = true;
    other.handle.resume();
    await settle();
    expect(other.bodies()).toEqual(["2", "3"]);
    expect(other.got.map(isMarked)).toEqual([false, false]);
  });

  test("find by looking what no other node told of", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const consumer = two.consume();
    await settle();
    one.backplane.lose();
    await one.send("1");
    await settle();
    expect(consumer.bodies()).toEqual([]);
    await pass(5_000);
    expect(consumer.bodies()).toEqual(["1"]);
  });

  test("find what was sent before the node heard of what others told", async () => {
    const { node, settle } = setUp();
    const [one, two] = [node("one"), node("two")];
    const consumer = two.consume();
    two.backplane.channels.clear(); // The subscription is not in effect yet.
    await settle();
    await one.send("1");
    await settle();
    expect(consumer.bodies()).toEqual([]);
    two.backplane.subscribe("queue/q");
    await settle();
    expect(consumer.bodies()).toEqual(["1"]);
  });

  test("look at once when the other nodes are back", async () => {
    const { node, settle } = setUp();
    const [one, two] = [node("one"), node("two")];
    const consumer = two.consume();
    await settle();
    two.backplane.lose();
    await one.send("1");
    await settle();
    expect(consumer.bodies()).toEqual([]);
    two.backplane.heal();
    await settle();
    expect(consumer.bodies()).toEqual(["1"]);
  });

  test("refuse what cannot be written, and nobody ever sees it", async () => {
    const { node, settle, pass } = setUp();
    const one = node("one");
    const consumer = one.consume();
    await settle();
    one.store.weather = "away";
    expect(await one.send("1")).toBe("STORAGE_UNAVAILABLE");
    expect(one.queues.journal.isFailing).toBe(true);
    one.store.weather = "fair";
    await pass(5_000);
    expect(await one.send("2")).toBeNull();
    await settle();
    expect(consumer.bodies()).toEqual(["2"]);
    expect(one.queues.journal.isFailing).toBe(false);
  });

  test("are bounded by the messages that were counted, and those sent since", async () => {
    const { node, settle, pass } = setUp({ limits: { queueMessages: 3 } });
    const [one, two] = [node("one"), node("two")];
    await settle();
    await one.send("1");
    await one.send("2");
    await pass(10_000);
    await two.send("3");
    await expect(async () => await two.send("4")).toThrow("holds 3 messages");
    expect(two.queues.depths().living).toMatchObject({ waiting: 2, unacknowledged: 0 });
    const consumer = one.consume();
    await settle();
    while (consumer.open.length > 0) consumer.ack();
    await pass(10_000);
    expect(await two.send("4")).toBeNull();
  });

  test("drop expired messages, claimed or not", async () => {
    const { clock, node, settle, pass, bodiesKept } = setUp();
    const one = node("one");
    await settle();
    await one.send("1", "/queue/q", clock.now() + 1_000);
    await one.send("2", "/queue/unheard", clock.now() + 1_000);
    clock.advance(1_000);
    const consumer = one.consume();
    await settle();
    expect([consumer.bodies(), bodiesKept()]).toEqual([[], ["2"]]);
    await pass(10_000);
    expect(bodiesKept()).toEqual([]);
  });
});

describe("a message that is given back", () => {
  test("by a consumer that leaves goes to another node's, marked and counted", async () => {
    const { node, settle, pass, store } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    const second = two.consume();
    await settle();
    expect([first.bodies(), second.bodies()]).toEqual([["1"], []]);
    first.handle.close();
    await pass(100);
    expect(second.bodies()).toEqual(["1"]);
    expect(second.got.map(isMarked)).toEqual([true]);
    expect([...store.rows.values()].map(({ message }) => message.deliveries)).toEqual([1]);
  });

  test("by NACK goes to other nodes first, and to the same consumer if there is nobody else", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    const second = two.consume();
    await settle();
    first.nack("1");
    await settle();
    expect([first.bodies(), second.bodies()]).toEqual([["1"], ["1"]]);
    second.handle.close();
    two.queues.stop();
    await pass(100);
    expect(first.bodies()).toEqual(["1", "1"]);
  });

  test("too often is a dead letter, whichever nodes it was on", async () => {
    const { node, pass, settle } = setUp({ maxDeliveries: 3 });
    const [one, two] = [node("one"), node("two")];
    const letters = two.consume(10, LETTERS);
    const consumers = [one.consume(), two.consume()];
    await settle();
    await one.send("bad");
    for (let rounds = 0; rounds < 3; rounds += 1) {
      await pass(100);
      const holder = consumers.find(({ open }) => open.length > 0);
      holder?.nack("bad");
    }
    await pass(100);
    expect(consumers.flatMap((consumer) => consumer.bodies())).toEqual(["bad", "bad", "bad"]);
    expect(letters.bodies()).toEqual(["bad"]);
    expect(letters.got[0]?.headers).toEqual([
      ...["a", "b", "original-destination", "/queue/q"],
      ...["death-reason", "max-deliveries", "deliveries", "3"],
    ]);
    letters.nack("bad", false);
    await pass(100);
    expect(letters.bodies()).toEqual(["bad"]);
  });

  test("when its node stops is marked, waits for no lease, and does not count as refused", async () => {
    const { node, settle, pass, store } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await one.send("2");
    await settle();
    first.ack("1");
    first.nack("2");
    await pass(100);
    const second = two.consume();
    one.queues.stop();
    first.handle.close();
    await one.queues.finish();
    await settle();
    expect(second.bodies()).toEqual(["2"]);
    expect(second.got.map(isMarked)).toEqual([true]);
    expect([...store.rows.values()].map(({ message }) => message.deliveries)).toEqual([1]);
    expect(store.leases.size).toBe(1);
  });
});

describe("a node", () => {
  test("that dies has its messages delivered elsewhere once its lease has expired", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    const second = two.consume();
    await settle();
    one.kill();
    await pass(LEASE_MS - 500);
    expect([first.bodies(), second.bodies()]).toEqual([["1"], []]);
    await pass(LEASE_MS);
    expect(second.bodies()).toEqual(["1"]);
    expect(second.got.map(isMarked)).toEqual([true]);
  });

  test("that dies too often with a message makes it a dead letter", async () => {
    const { node, settle, pass } = setUp({ maxDeliveries: 2 });
    const sender = node("sender");
    const letters = sender.consume(10, LETTERS);
    await settle();
    await sender.send("poison");
    for (let deaths = 0; deaths < 2; deaths += 1) {
      const victim = node(`victim ${deaths}`);
      const consumer = victim.consume();
      await settle();
      expect(consumer.bodies()).toEqual(["poison"]);
      victim.kill();
      await pass(2 * LEASE_MS);
    }
    const last = node("last").consume();
    await pass(1_000);
    expect([last.bodies(), letters.bodies()]).toEqual([[], ["poison"]]);
  });

  test("that was stopped for longer than its lease takes no late acknowledgement", async () => {
    const { node, settle, pass, bodiesKept } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    one.pause();
    const second = two.consume();
    await pass(3 * LEASE_MS);
    expect(second.bodies()).toEqual(["1"]);
    one.resume();
    await settle();
    expect(first.ack("1")).toBe(false);
    await pass(1_000);
    expect(bodiesKept()).toEqual(["1"]);
    expect(second.ack("1")).toBe(true);
    await settle();
    expect(bodiesKept()).toEqual([]);
    // It works as before.
    await two.send("2");
    await settle();
    expect([...first.bodies(), ...second.bodies()]).toEqual(["1", "1", "2"]);
  });

  test("has an acknowledgement refused that is on its way when the lease is ended", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    const second = two.consume();
    one.pause();
    await pass(3 * LEASE_MS);
    // The first that the process hears of after its pause is its client.
    one.process.isPaused = false;
    expect(first.ack("1")).toBe(true);
    const written = new Promise((resolve) => one.queues.journal.settled(resolve));
    expect(await written).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(second.open).toHaveLength(1);
  });

  test("that slept through its lease takes new messages at once", async () => {
    const { node, settle, pass, bodiesKept } = setUp();
    const [one] = [node("one"), node("two")];
    await settle();
    one.pause();
    await pass(3 * LEASE_MS);
    one.process.isPaused = false;
    void one.send("1");
    await settle();
    expect(bodiesKept()).toEqual(["1"]);
  });

  test("that was told late what it had claimed under a lease that it lost delivers none of it", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    const second = two.consume();
    await settle();
    const { promise, resolve } = Promise.withResolvers<void>();
    one.store.commitsAnswered = promise;
    void one.send("1");
    await settle();
    one.store.weather = "away";
    await pass(3 * LEASE_MS);
    one.store.weather = "fair";
    await pass(LEASE_MS);
    resolve();
    await settle();
    expect([first.bodies(), second.bodies()]).toEqual([[], ["1"]]);
  });

  test("that slept through its lease makes no dead letter of what others have", async () => {
    const { node, settle, pass, bodiesKept } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    one.pause();
    const second = two.consume();
    await pass(3 * LEASE_MS);
    one.process.isPaused = false;
    first.nack("1", false);
    one.resume();
    await pass(LEASE_MS);
    expect(second.bodies()).toEqual(["1"]);
    expect(bodiesKept()).toEqual(["1"]);
  });

  test("that was cut off for longer than its lease does not try on with what others have", async () => {
    const { node, settle, pass, bodiesKept } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await pass(700);
    const second = two.consume();
    one.store.weather = "away";
    first.nack("1", false);
    await settle();
    // Of the loss it hears by the renewal, which comes before the next try to write.
    await pass(3 * LEASE_MS + 1_000);
    one.store.weather = "fair";
    await pass(LEASE_MS);
    expect(second.bodies()).toEqual(["1"]);
    expect(bodiesKept()).toEqual(["1"]);
  });

  test("that slept through its lease delivers nothing that it had claimed before", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    const second = two.consume();
    await settle();
    // The answer of this commit, with the claim, reaches a stopped process.
    void one.send("1");
    await Promise.resolve();
    one.pause();
    await pass(3 * LEASE_MS);
    expect([first.bodies(), second.bodies()]).toEqual([[], ["1"]]);
    one.resume();
    await settle();
    expect(first.bodies()).toEqual([]);
  });

  test("keeps what it has when the database was away for longer than a lease", async () => {
    const { node, settle, pass } = setUp();
    const [one, two] = [node("one"), node("two")];
    const first = one.consume();
    await settle();
    await one.send("1");
    await settle();
    const second = two.consume();
    for (const each of [one, two]) each.store.weather = "away";
    await pass(3 * LEASE_MS);
    two.store.weather = "fair";
    await pass(LEASE_MS / 2);
    one.store.weather = "fair";
    await pass(2 * LEASE_MS);
    expect([first.bodies(), second.bodies()]).toEqual([["1"], []]);
    expect(first.ack("1")).toBe(true);
  });

  test("gives back what a commit claimed of which it heard no answer", async () => {
    const { node, settle, pass } = setUp();
    const one = node("one");
    await settle();
    await one.send("1");
    one.store.weather = "unanswered";
    const consumer = one.consume();
    await settle();
    expect(consumer.bodies()).toEqual([]);
    one.store.weather = "fair";
    await pass(6_000);
    expect(consumer.bodies()).toEqual(["1"]);
    expect(consumer.got.map(isMarked)).toEqual([false]);
  });
});

describe("a transaction", () => {
  test("takes a message from one queue and sends to another in one commit", async () => {
    const { node, settle, bodiesKept } = setUp();
    const [one, two] = [node("one"), node("two")];
    const consumer = one.consume();
    const results = two.consume(10, "/queue/out");
    await settle();
    await one.send("in");
    await settle();
    const transaction = one.queues.transaction();
    transaction.settle(consumer.handle, [consumer.take()], { positive: true, requeue: true });
    transaction.send(one.message("out", "/queue/out"));
    await transaction.commit();
    expect(bodiesKept()).toEqual(["out"]);
    await settle();
    expect(results.bodies()).toEqual(["out"]);
  });

  test("that cannot be written leaves everything as it was", async () => {
    const { node, settle, pass, bodiesKept } = setUp();
    const one = node("one");
    const consumer = one.consume();
    await settle();
    await one.send("in");
    await settle();
    one.store.weather = "away";
    const transaction = one.queues.transaction();
    transaction.settle(consumer.handle, [consumer.take()], { positive: true, requeue: true });
    transaction.send(one.message("out", "/queue/out"));
    await expect(async () => await transaction.commit()).toThrow("away");
    one.store.weather = "fair";
    await pass(6_000);
    expect(bodiesKept()).toEqual(["in"]);
    expect(consumer.bodies()).toEqual(["in", "in"]);
    expect(consumer.got.map(isMarked)).toEqual([false, true]);
  });

  test("is refused when a message of it went to others", async () => {
    const { node, settle, pass, bodiesKept } = setUp();
    const [one, two] = [node("one"), node("two")];
    const consumer = one.consume();
    await settle();
    await one.send("in");
    await settle();
    one.pause();
    await pass(3 * LEASE_MS);
    one.resume();
    await settle();
    const transaction = one.queues.transaction();
    transaction.settle(consumer.handle, [consumer.take()], { positive: true, requeue: true });
    transaction.send(one.message("out", "/queue/out"));
    expect(() => transaction.commit()).toThrow("was given to other consumers");
    await settle();
    expect(bodiesKept()).toEqual(["in"]);
    await two.stop();
  });
});
