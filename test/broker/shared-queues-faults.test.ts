import { expect, test } from "bun:test";
import fc from "fast-check";
import type { QueueMessage } from "../../src/broker/queue-message.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { turn } from "../support/held-queue-store.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";
import { MemorySharedQueues } from "../support/memory-shared-queues.ts";
import { LEASE_MS, type QueueClient, QueueNode } from "../support/queue-nodes.ts";

const QUEUE = "/queue/q";
const NODES = 3;

interface Consumer {
  readonly client: QueueClient;
  readonly node: QueueNode;
}

/** Who has a message, and by which claim. */
interface Holding {
  readonly consumer: Consumer;
  readonly claimedBy: string | null;
}

/** Several nodes, and what must be true of their messages whatever happens. */
class World {
  readonly clock = new FakeClock();
  readonly store = new MemorySharedQueues(this.clock);
  readonly network = new InProcessNetwork();
  readonly nodes: QueueNode[] = [];
  consumers: Consumer[] = [];
  readonly confirmed = new Set<string>();
  /** Acknowledged, though it may never have been told that it was written. */
  readonly acknowledged = new Set<string>();
  /** Acknowledgements that were confirmed. */
  readonly finished = new Map<string, number>();
  /** Thrown where they are found, they would be faults of the server. */
  readonly violations: string[] = [];
  readonly #holdings = new Map<string, Holding[]>();
  #sent = 0;
  #ids = 0;

  constructor() {
    for (let count = 0; count < NODES; count += 1) this.nodes.push(this.#start());
  }

  async perform(action: Action, which: number, prefetch: number): Promise<void> {
    const node = this.nodes[which % NODES];
    const consumer = this.consumers[which % Math.max(this.consumers.length, 1)];
    if (node === undefined) return;
    const runs = !node.process.isPaused;
    if (action === "send" && runs) this.#send(node);
    if (action === "join" && runs) this.join(node, prefetch);
    if (action === "pause") node.pause();
    if (action === "resume") node.resume();
    if (action === "kill") this.#kill(which % NODES);
    if (action === "deafen" && node.backplane.isConnected) node.backplane.lose();
    if (action === "heal" && !node.backplane.isConnected) node.backplane.heal();
    if (action === "away" || action === "unanswered" || action === "fair") {
      node.store.weather = action;
    }
    if (action === "wait") await this.pass(prefetch * 2_000);
    if (consumer !== undefined && !consumer.node.process.isPaused) {
      if (action === "leave") this.#leave(consumer);
      if (action === "ack" && consumer.client.open.length > 0) this.acknowledge(consumer);
      if (action === "nack" && consumer.client.open.length > 0) {
        this.#letGo(consumer, consumer.client.open[0]);
        consumer.client.nack();
      }
    }
    for (let turns = 0; turns < which % 4; turns += 1) await turn();
  }

  join(node: QueueNode, prefetch: number): Consumer {
    const client = node.consume(prefetch, QUEUE);
    const consumer = { client, node };
    client.onMessage = (message) => this.#delivered(consumer, message);
    this.consumers.push(consumer);
    return consumer;
  }

  acknowledge(consumer: Consumer): void {
    const message = consumer.client.take();
    this.#letGo(consumer, message);
    if (!consumer.client.handle.acknowledge([message])) return;
    this.acknowledged.add(String(message.body));
    consumer.node.queues.journal.settled((error) => {
      if (error !== null) return;
      const body = String(message.body);
      this.finished.set(body, (this.finished.get(body) ?? 0) + 1);
    });
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.clock.advance(1_000);
      for (let turns = 0; turns < 4; turns += 1) await turn();
    }
  }

  /** All faults are over. */
  async heal(): Promise<void> {
    for (const node of this.nodes) {
      node.store.weather = "fair";
      if (!node.backplane.isConnected) node.backplane.heal();
      node.resume();
    }
    await this.pass(4 * LEASE_MS);
    for (const consumer of this.consumers) this.#leave(consumer);
    await this.pass(1_000);
  }

  /** What is kept: of the queue, or as dead letters. */
  kept(kind: "waiting" | "dead"): string[] {
    return [...this.store.rows.values()]
      .filter(({ message }) => (message.queue === QUEUE) === (kind === "waiting"))
      .map(({ message }) => String(message.body));
  }

  #start(): QueueNode {
    const { clock, store, network } = this;
    const newId = () => `m${++this.#ids}`;
    return new QueueNode({ id: newId(), store, network, clock, newId, maxDeliveries: 4 });
  }

  #send(node: QueueNode): void {
    const body = String(++this.#sent);
    void node.send(body, QUEUE).then((error) => {
      if (error === null) this.confirmed.add(body);
    });
  }

  #kill(index: number): void {
    const node = this.nodes[index];
    node?.kill();
    this.nodes[index] = this.#start();
    // Their messages are in nobody's hands only once the lease has expired.
    this.consumers = this.consumers.filter((consumer) => consumer.node !== node);
  }

  #leave(consumer: Consumer): void {
    this.consumers = this.consumers.filter((other) => other !== consumer);
    for (const message of consumer.client.open.splice(0)) this.#letGo(consumer, message);
    consumer.client.handle.close();
  }

  #delivered(consumer: Consumer, message: QueueMessage): void {
    const others = this.#holdings.get(message.id) ?? [];
    const { leases, rows } = this.store;
    // Somebody else may still work on it only if that node's lease was ended.
    const stillHeld = others.some(({ claimedBy }) => leases.has(claimedBy ?? ""));
    if (stillHeld) this.violations.push(`${message.body} went to two consumers`);
    if (this.finished.has(String(message.body))) this.violations.push(`${message.body} came again`);
    const claimedBy = rows.get(message.id)?.claim?.lease ?? null;
    this.#holdings.set(message.id, [...others, { consumer, claimedBy }]);
  }

  #letGo(consumer: Consumer, message: QueueMessage | undefined): void {
    if (message === undefined) return;
    const others = (this.#holdings.get(message.id) ?? []).filter(
      (holding) => holding.consumer !== consumer,
    );
    this.#holdings.set(message.id, others);
  }
}

const ACTIONS = {
  ...{ send: 8, ack: 8, nack: 3, join: 3, leave: 1, wait: 3 },
  ...{ pause: 1, resume: 2, kill: 1, deafen: 1, heal: 1, away: 1, unanswered: 1, fair: 3 },
} as const;

type Action = keyof typeof ACTIONS;

const action = fc.oneof(
  ...Object.entries(ACTIONS).map(([name, weight]) => ({
    weight,
    arbitrary: fc.constant(name as Action),
  })),
);

test("queues that nodes share lose and double nothing, whatever fails", async () => {
  const run = fc.array(fc.tuple(action, fc.nat(11), fc.integer({ min: 1, max: 8 })), {
    ...{ minLength: 20, maxLength: 150, size: "max" },
  });
  await fc.assert(
    fc.asyncProperty(run, async (steps) => {
      const world = new World();
      for (const step of steps) await world.perform(...step);
      await world.heal();
      // What is left comes to whoever asks, in the order of sending of each node.
      const [node] = world.nodes;
      if (node === undefined) throw new TypeError("there is no node");
      const last = world.join(node, 1_000);
      await world.pass(1_000);
      while (last.client.open.length > 0) world.acknowledge(last);
      await world.pass(2_000);
      expect(world.violations).toEqual([]);
      expect(world.kept("waiting")).toEqual([]);
      const ends = [...world.finished.keys(), ...world.kept("dead")];
      expect(ends).toHaveLength(new Set(ends).size);
      expect([...world.finished.values()].filter((times) => times > 1)).toEqual([]);
      const missing = [...world.confirmed].filter(
        (body) => !ends.includes(body) && !world.acknowledged.has(body),
      );
      expect(missing).toEqual([]);
    }),
    { numRuns: 200 },
  );
}, 60_000);
