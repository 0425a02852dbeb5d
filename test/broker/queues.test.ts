import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { QueueConsumer } from "../../src/broker/queue-consumer.ts";
import { QueueMessage } from "../../src/broker/queue-message.ts";
import { QueueTransaction } from "../../src/broker/queue-transaction.ts";
import type { QueueLimits } from "../../src/broker/queues.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { HeldQueueStore, testQueues } from "../support/held-queue-store.ts";

class Consumer {
  readonly got: QueueMessage[] = [];
  hasRoom = true;
  readonly handle: QueueConsumer;

  constructor(consume: (receiver: Consumer) => QueueConsumer) {
    this.handle = consume(this);
    this.handle.resume();
  }

  receive(message: QueueMessage): void {
    this.got.push(message);
  }

  bodies(): unknown[] {
    return this.got.map(({ body }) => body);
  }

  ack(...bodies: string[]): void {
    this.handle.acknowledge(this.#named(bodies));
  }

  nack(body: string, requeue = true): void {
    this.handle.refuse(this.#named([body]), requeue);
  }

  #named(bodies: readonly string[]): QueueMessage[] {
    return bodies.map((body) => {
      const message = this.got.findLast((candidate) => candidate.body === body);
      if (message === undefined) throw new Error(`${body} did not come`);
      return message;
    });
  }
}

function setUp(options: { limits?: Partial<QueueLimits>; maxDeliveries?: number } = {}) {
  const clock = new FakeClock();
  const store = new HeldQueueStore();
  let ids = 0;
  const newId = () => `m${++ids}`;
  const queues = testQueues({ store, clock, newId, ...options });
  const message = (body: string, about: Partial<Options> = {}): QueueMessage => {
    const { queue = "/queue/q", persistent = false, expiresMs = null } = about;
    const stored = { id: newId(), queue, headers: ["a", "b"], body, expiresMs, deliveries: 0 };
    return new QueueMessage(stored, persistent);
  };
  const outcomes: (string | null)[] = [];
  const send = (body: string, about: Partial<Options> = {}): void => {
    const made = message(body, about);
    queues.assertRoom(made.queue);
    if (made.isPersistent) {
      queues.sendPersistent(made, (error) => outcomes.push(error?.code ?? null));
    } else {
      queues.send(made);
    }
  };
  const consume = (prefetch = 100, queue = "/queue/q") =>
    new Consumer((receiver) => queues.consume(queue, receiver, prefetch));
  return { clock, store, queues, message, send, consume, outcomes };
}

interface Options {
  readonly queue: string;
  readonly persistent: boolean;
  readonly expiresMs: number | null;
}

function redelivered({ outgoing }: QueueMessage): boolean {
  return String(outgoing.tail("1.2")).includes("redelivered:true");
}

describe("a work queue", () => {
  test("gives each message to one consumer, in turn", () => {
    const { send, consume } = setUp();
    const [one, two] = [consume(), consume()];
    for (const body of ["1", "2", "3", "4"]) send(body);
    expect(one.bodies()).toEqual(["1", "3"]);
    expect(two.bodies()).toEqual(["2", "4"]);
  });

  test("keeps messages for the first consumer, in order", () => {
    const { send, consume } = setUp();
    for (const body of ["1", "2", "3"]) send(body);
    expect(consume().bodies()).toEqual(["1", "2", "3"]);
  });

  test("gives a consumer no more than its credit, and the next one at its acknowledgement", () => {
    const { send, consume } = setUp();
    const consumer = consume(2);
    for (const body of ["1", "2", "3", "4"]) send(body);
    expect(consumer.bodies()).toEqual(["1", "2"]);
    consumer.ack("1");
    expect(consumer.bodies()).toEqual(["1", "2", "3"]);
  });

  test("passes over a consumer without credit", () => {
    const { send, consume } = setUp();
    const [slow, quick] = [consume(1), consume(8)];
    for (const body of ["1", "2", "3", "4"]) send(body);
    expect(slow.bodies()).toEqual(["1"]);
    expect(quick.bodies()).toEqual(["2", "3", "4"]);
  });

  test("passes over a connection that takes nothing, until it does", () => {
    const { send, consume } = setUp();
    const consumer = consume();
    consumer.hasRoom = false;
    send("1");
    send("2");
    expect(consumer.bodies()).toEqual([]);
    consumer.hasRoom = true;
    consumer.handle.resume();
    expect(consumer.bodies()).toEqual(["1", "2"]);
  });

  test("gives what was not acknowledged to another consumer, first and in order", () => {
    const { send, consume } = setUp();
    const gone = consume(3);
    for (const body of ["1", "2", "3", "4", "5"]) send(body);
    gone.ack("2");
    gone.handle.close();
    const next = consume();
    expect(next.bodies()).toEqual(["1", "3", "4", "5"]);
    expect(next.got.map(redelivered)).toEqual([true, true, true, false]);
    gone.handle.close();
    expect(next.got).toHaveLength(4);
  });

  test("gives what was refused to the others first", () => {
    const { send, consume } = setUp();
    const [one, two] = [consume(), consume()];
    send("1");
    one.nack("1");
    expect(two.bodies()).toEqual(["1"]);
    expect(two.got.map(redelivered)).toEqual([true]);
  });

  test("makes a message a dead letter after so many deliveries", () => {
    const { send, consume } = setUp({ maxDeliveries: 3 });
    const consumer = consume();
    const letters = consume(8, "/queue/dead-letter/q");
    send("bad");
    for (let round = 0; round < 3; round += 1) consumer.nack("bad");
    expect(consumer.bodies()).toEqual(["bad", "bad", "bad"]);
    expect(letters.bodies()).toEqual(["bad"]);
    const frame = String(letters.got[0]?.outgoing.tail("1.2"));
    expect(frame).toContain("original-destination:/queue/q\n");
    expect(frame).toContain("death-reason:max-deliveries\n");
    expect(frame).toContain("deliveries:3\n");
    expect(frame).toContain("a:b\n");
  });

  test("makes a message a dead letter at once if its consumer says so", () => {
    const { send, consume } = setUp();
    const consumer = consume();
    send("bad");
    consumer.nack("bad", false);
    expect(consume(8, "/queue/dead-letter/q").bodies()).toEqual(["bad"]);
  });

  test("of dead letters delivers without end, unless they are rejected", () => {
    const { send, consume } = setUp({ maxDeliveries: 1 });
    const queue = "/queue/dead-letter/q";
    send("bad", { queue });
    const consumer = consume(8, queue);
    for (let round = 0; round < 5; round += 1) consumer.nack("bad");
    expect(consumer.got).toHaveLength(6);
    consumer.nack("bad", false);
    expect(consume(8, queue).got).toEqual([]);
  });

  test("drops what has expired, delivered or not", () => {
    const { clock, send, consume } = setUp();
    const consumer = consume(1);
    for (const body of ["1", "2", "3"]) {
      send(body, { expiresMs: body === "3" ? null : clock.now() + 1_000 });
    }
    clock.advance(1_000);
    consumer.handle.close();
    expect(consume().bodies()).toEqual(["3"]);
  });

  test("refuses messages beyond its length, and has room again as they go", () => {
    const { send, consume } = setUp({ limits: { queueMessages: 2 } });
    send("1");
    send("2");
    expect(() => send("3")).toThrow("/queue/q holds 2 messages");
    const consumer = consume(1);
    expect(() => send("3")).toThrow("/queue/q holds 2 messages");
    consumer.ack("1");
    send("3");
    consumer.ack("2");
    expect(consumer.bodies()).toEqual(["1", "2", "3"]);
  });

  test("refuses messages when all queues together hold too much", () => {
    const { send, consume } = setUp({ limits: { queueBytes: 4_000 } });
    for (const queue of ["/queue/a", "/queue/b"]) send("x".repeat(2_000), { queue });
    expect(() => send("1")).toThrow("The queues hold all they may");
    consume(1, "/queue/a").ack("x".repeat(2_000));
    send("1");
  });

  test("is forgotten when it has neither messages nor consumers", () => {
    const { send, consume } = setUp({ limits: { queues: 1 } });
    const consumer = consume();
    expect(() => consume(1, "/queue/other")).toThrow("There are 1 queues already");
    expect(() => send("1", { queue: "/queue/other" })).toThrow("There are 1 queues already");
    send("1");
    consumer.handle.close();
    expect(() => consume(1, "/queue/other")).toThrow();
    const next = consume();
    next.ack("1");
    next.handle.close();
    consume(1, "/queue/other");
  });

  test("expired messages that nobody asks for make room by themselves", () => {
    const { clock, send } = setUp({ limits: { queueMessages: 2 } });
    send("1", { expiresMs: clock.now() + 1_000 });
    send("2", { expiresMs: clock.now() + 15_000 });
    clock.advance(10_000);
    send("3");
    expect(() => send("4")).toThrow("holds 2 messages");
    clock.advance(10_000);
    send("4");
  });

  test("loses and doubles nothing whatever its consumers do", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant("send" as const) },
      { weight: 3, arbitrary: fc.constant("ack" as const) },
      { weight: 1, arbitrary: fc.constant("nack" as const) },
      { weight: 1, arbitrary: fc.constant("join" as const) },
      { weight: 1, arbitrary: fc.constant("leave" as const) },
    );
    const run = fc.array(fc.tuple(step, fc.nat(7), fc.integer({ min: 1, max: 4 })), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(run, (steps) => {
        const { send, consume } = setUp({
          limits: { queueMessages: 1_000, queueBytes: 1 << 20 },
          maxDeliveries: 0,
        });
        let consumers: { consumer: Consumer; open: Set<string> }[] = [];
        const acked: string[] = [];
        let sent = 0;
        const take = () => {
          for (const { consumer, open } of consumers) {
            for (const message of consumer.got.splice(0)) {
              expect(consumers.some((other) => other.open.has(String(message.body)))).toBe(false);
              expect(acked).not.toContain(String(message.body));
              open.add(String(message.body));
              known.set(String(message.body), message);
            }
          }
        };
        const known = new Map<string, QueueMessage>();
        for (const [action, which, prefetch] of steps) {
          const chosen = consumers[which % Math.max(consumers.length, 1)];
          const first = chosen?.open.values().next().value;
          if (action === "send") send(String(++sent));
          if (action === "join") consumers.push({ consumer: consume(prefetch), open: new Set() });
          if (action === "leave" && chosen !== undefined) {
            consumers = consumers.filter((other) => other !== chosen);
            chosen.consumer.handle.close();
          }
          const message = first === undefined ? undefined : known.get(first);
          if (chosen !== undefined && first !== undefined && message !== undefined) {
            if (action === "ack") {
              chosen.open.delete(first);
              acked.push(first);
              chosen.consumer.handle.acknowledge([message]);
            }
            if (action === "nack") {
              chosen.open.delete(first);
              chosen.consumer.handle.refuse([message], true);
            }
          }
          take();
        }
        for (const { consumer } of consumers.splice(0)) consumer.handle.close();
        const rest = consume(1_000).bodies().map(Number);
        expect(rest).toEqual(rest.toSorted((a, b) => a - b));
        expect([...acked.map(Number), ...rest].sort((a, b) => a - b)).toEqual(
          Array.from({ length: sent }, (_, index) => index + 1),
        );
      }),
    );
  });
});

describe("a persistent message", () => {
  test("is delivered and confirmed once it is on disk, and keeps those behind it waiting", async () => {
    const { store, send, consume, outcomes } = setUp();
    const consumer = consume();
    send("1", { persistent: true });
    send("2");
    expect([consumer.bodies(), outcomes]).toEqual([[], []]);
    await store.finish();
    expect([consumer.bodies(), outcomes]).toEqual([["1", "2"], [null]]);
    expect([...store.kept.values()].map(({ body }) => body)).toEqual(["1"]);
  });

  test("is refused when it cannot be written, and nobody ever sees it", async () => {
    const { store, queues, send, consume, outcomes } = setUp();
    const consumer = consume();
    send("1", { persistent: true });
    send("2");
    await store.fail();
    expect([consumer.bodies(), outcomes]).toEqual([["2"], ["STORAGE_UNAVAILABLE"]]);
    expect(queues.journal.isFailing).toBe(true);
    send("3", { persistent: true });
    await store.finish();
    expect(consumer.bodies()).toEqual(["2", "3"]);
    expect(queues.journal.isFailing).toBe(false);
  });

  test("leaves the store when it is acknowledged, sooner or later", async () => {
    const { clock, store, send, consume } = setUp();
    const consumer = consume();
    send("1", { persistent: true });
    await store.finish();
    consumer.ack("1");
    await store.fail();
    expect(store.kept.size).toBe(1);
    clock.advance(1_000);
    await store.finish();
    expect(store.kept.size).toBe(0);
  });

  test("is there after a restart, and says that it may have been delivered", async () => {
    const { store, send, consume } = setUp();
    for (const body of ["1", "2", "3"]) send(body, { persistent: true });
    await store.finish();
    consume(1).ack("1");
    await store.finish();
    const after = setUp();
    after.queues.load(store.messages());
    const consumer = after.consume();
    expect(consumer.bodies()).toEqual(["2", "3"]);
    expect(consumer.got.map(redelivered)).toEqual([true, true]);
  });

  test("keeps its count of deliveries over a restart", async () => {
    const { store, send, consume } = setUp({ maxDeliveries: 3 });
    store.isImmediate = true;
    send("bad", { persistent: true });
    await store.finish();
    const consumer = consume();
    consumer.nack("bad");
    consumer.nack("bad");
    await store.finish();
    const after = setUp({ maxDeliveries: 3 });
    after.queues.load(store.messages());
    after.consume().nack("bad");
    expect(after.consume(1, "/queue/dead-letter/q").bodies()).toEqual(["bad"]);
  });

  test("becomes a dead letter in one commit, even if that fails at first", async () => {
    const { clock, store, send, consume } = setUp();
    const consumer = consume();
    send("bad", { persistent: true });
    await store.finish();
    consumer.nack("bad", false);
    await store.fail();
    expect([...store.kept.values()].map(({ queue }) => queue)).toEqual(["/queue/q"]);
    clock.advance(1_000);
    await store.finish();
    expect([...store.kept.values()].map(({ queue }) => queue)).toEqual(["/queue/dead-letter/q"]);
  });

  test("that is dead and consumed before it was written as such is gone", async () => {
    const { clock, store, send, consume } = setUp();
    const consumer = consume();
    send("bad", { persistent: true });
    await store.finish();
    consumer.nack("bad", false);
    await store.fail();
    consume(1, "/queue/dead-letter/q").ack("bad");
    clock.advance(1_000);
    await store.finish();
    expect(store.kept.size).toBe(0);
  });

  test("many large ones are several commits, one after another and in order", async () => {
    const { store, send, consume, outcomes } = setUp({ limits: { queueBytes: 1 << 30 } });
    const consumer = consume();
    const bodies = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(3 << 20));
    for (const body of bodies) {
      send(body, { persistent: true });
      await Promise.resolve(); // The next one comes in another turn.
    }
    for (let commits = 0; commits < 4; commits += 1) await store.finish();
    expect(store.batches.map(({ appended }) => appended.length)).toEqual([1, 2, 2]);
    expect(consumer.bodies()).toEqual(bodies);
    expect(outcomes).toEqual([null, null, null, null, null]);
  });

  test("many of one turn are one commit", async () => {
    const { store, send, outcomes } = setUp();
    for (const body of ["1", "2", "3"]) send(body, { persistent: true });
    await store.finish();
    expect(store.batches.map(({ appended }) => appended.length)).toEqual([3]);
    expect(outcomes).toEqual([null, null, null]);
  });
});

describe("a transaction", () => {
  test("without anything persistent takes effect at once", () => {
    const { queues, message, send, consume } = setUp();
    const consumer = consume();
    send("1");
    const transaction = new QueueTransaction(queues);
    transaction.send(message("2"));
    transaction.settle(consumer.handle, consumer.got, { positive: true, requeue: true });
    expect(consumer.bodies()).toEqual(["1"]);
    expect(transaction.commit()).toBeUndefined();
    expect(consumer.bodies()).toEqual(["1", "2"]);
    consumer.handle.close();
    expect(consume().bodies()).toEqual(["2"]);
  });

  test("with anything persistent waits for one commit, as a whole", async () => {
    const { store, queues, message, send, consume } = setUp();
    const consumer = consume();
    send("in", { persistent: true });
    await store.finish();
    const transaction = new QueueTransaction(queues);
    transaction.send(message("out", { queue: "/queue/o", persistent: true }));
    transaction.send(message("note", { queue: "/queue/n" }));
    transaction.settle(consumer.handle, consumer.got, { positive: true, requeue: true });
    const done = transaction.commit();
    const [out, note] = [consume(1, "/queue/o"), consume(1, "/queue/n")];
    expect([...out.bodies(), ...note.bodies()]).toEqual([]);
    await store.finish();
    await done;
    expect([...out.bodies(), ...note.bodies()]).toEqual(["out", "note"]);
    expect(store.batches).toHaveLength(2);
    expect([...store.kept.values()].map(({ body }) => body)).toEqual(["out"]);
  });

  test("that cannot be written leaves everything as it was", async () => {
    const { store, queues, message, send, consume } = setUp();
    const consumer = consume();
    send("in", { persistent: true });
    await store.finish();
    const transaction = new QueueTransaction(queues);
    transaction.send(message("out", { queue: "/queue/o", persistent: true }));
    transaction.send(message("note", { queue: "/queue/n" }));
    transaction.settle(consumer.handle, consumer.got, { positive: true, requeue: true });
    const failure = transaction.commit()?.then(
      () => "done",
      (error) => error.code,
    );
    await store.fail();
    expect(await failure).toBe("STORAGE_UNAVAILABLE");
    expect([...consume(1, "/queue/o").got, ...consume(1, "/queue/n").got]).toEqual([]);
    expect(consumer.bodies()).toEqual(["in", "in"]);
    expect([...store.kept.values()].map(({ body }) => body)).toEqual(["in"]);
  });

  test("survives that its consumer leaves during the commit", async () => {
    const { store, queues, send, consume } = setUp();
    const consumer = consume();
    send("in", { persistent: true });
    await store.finish();
    const transaction = new QueueTransaction(queues);
    transaction.settle(consumer.handle, consumer.got, { positive: true, requeue: true });
    const done = transaction.commit();
    consumer.handle.close();
    await store.finish();
    await done;
    expect(consume().got).toEqual([]);
    expect(store.kept.size).toBe(0);
  });
});

test("after the stop nothing is delivered, and nothing counts as given back", async () => {
  const { store, queues, send, consume } = setUp({ maxDeliveries: 1 });
  const [one, two] = [consume(), consume()];
  send("1", { persistent: true });
  await store.finish();
  queues.stop();
  one.handle.close();
  expect(two.got).toEqual([]);
  expect([...store.kept.values()].map(({ deliveries }) => deliveries)).toEqual([0]);
});
