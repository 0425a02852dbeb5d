import { NodeChannels } from "../../src/broker/node-channels.ts";
import type { QueueConsumer } from "../../src/broker/queue-consumer.ts";
import { QueueMessage } from "../../src/broker/queue-message.ts";
import { QueueWakes } from "../../src/broker/queue-wakes.ts";
import type { QueueLimits } from "../../src/broker/queues.ts";
import type {
  LeaseId,
  QueueCount,
  SharedQueueBatch,
  SharedQueueChanges,
  SharedQueueStore,
} from "../../src/broker/shared-queue-store.ts";
import { SharedQueues } from "../../src/broker/shared-queues.ts";
import type { Clock, Timer } from "../../src/clock.ts";
import { AppError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import type { FakeClock } from "./fake-clock.ts";
import type { InProcessBackplane, InProcessNetwork } from "./in-process-backplane.ts";
import type { MemorySharedQueues } from "./memory-shared-queues.ts";

export const LEASE_MS = 10_000;

/** What a node's calls of the database meet. */
export type Weather =
  | "fair"
  /** They are refused. */
  | "away"
  /** They are done, but the node is told that they failed. */
  | "unanswered";

/** A process that can be stopped, and goes on where it was: its timers and answers wait. */
class Process implements Clock {
  isPaused = false;
  isDead = false;
  #waiting: (() => void)[] = [];

  constructor(readonly clock: FakeClock) {}

  readonly now = (): number => this.clock.now();

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  schedule(delayMs: number, task: () => void): Timer {
    let isCancelled = false;
    const timer = this.clock.schedule(delayMs, () => {
      this.run(() => {
        if (!isCancelled) task();
      });
    });
    return {
      cancel() {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  run(task: () => void): void {
    if (this.isDead) return;
    if (this.isPaused) this.#waiting.push(task);
    else task();
  }

  resume(): void {
    this.isPaused = false;
    for (const task of this.#waiting.splice(0)) this.run(task);
  }
}

/** The store as a process sees it. */
class StoreOfProcess implements SharedQueueStore {
  weather: Weather = "fair";
  readonly batches: SharedQueueBatch[] = [];
  /** Answers of commits wait for it. */
  commitsAnswered: Promise<void> = Promise.resolve();

  constructor(
    readonly store: MemorySharedQueues,
    readonly process: Process,
  ) {}

  enter(leaseMs: number): Promise<LeaseId> {
    return this.#ask(() => this.store.enter(leaseMs));
  }
  renew(lease: LeaseId, leaseMs: number): Promise<boolean> {
    return this.#ask(() => this.store.renew(lease, leaseMs));
  }
  leave(lease: LeaseId): Promise<readonly string[]> {
    return this.#ask(() => this.store.leave(lease));
  }
  endExpired(): Promise<readonly string[]> {
    return this.#ask(() => this.store.endExpired());
  }
  commit(batch: SharedQueueBatch): Promise<SharedQueueChanges> {
    this.batches.push(batch);
    const answered = this.commitsAnswered;
    return this.#ask(async () => {
      const changes = await this.store.commit(batch);
      await answered;
      return changes;
    });
  }
  removeExpired(nowMs: number, limit: number): Promise<void> {
    return this.#ask(() => this.store.removeExpired(nowMs, limit));
  }
  counts(): Promise<readonly QueueCount[]> {
    return this.#ask(() => this.store.counts());
  }
  probe(): Promise<void> {
    return this.#ask(() => this.store.probe());
  }

  #ask<T>(work: () => Promise<T>): Promise<T> {
    const { weather, process } = this;
    return new Promise((resolve, reject) => {
      const lost = new AppError("STORAGE_UNAVAILABLE", "the database is away");
      if (weather === "away") {
        process.run(() => reject(lost));
        return;
      }
      // Asked before the process stops, answered when it goes on.
      work().then(
        (answer) => process.run(() => (weather === "fair" ? resolve(answer) : reject(lost))),
        (fault) => process.run(() => reject(fault)),
      );
    });
  }
}

/** A client of a node. */
export class QueueClient {
  /** Delivered, and neither acknowledged nor refused. */
  readonly open: QueueMessage[] = [];
  readonly got: QueueMessage[] = [];
  hasRoom = true;
  readonly handle: QueueConsumer;
  /** Hears of each message. */
  onMessage: (message: QueueMessage) => void = () => {};

  constructor(queues: SharedQueues, prefetch: number, queue: string) {
    this.handle = queues.consume(queue, this, prefetch);
    this.handle.resume();
  }

  receive(message: QueueMessage): void {
    this.open.push(message);
    this.got.push(message);
    this.onMessage(message);
  }

  bodies(): unknown[] {
    return this.got.map(({ body }) => body);
  }

  /** The message delivered last with this body, or the oldest open one. */
  take(body?: string): QueueMessage {
    const at = body === undefined ? 0 : this.open.findLastIndex((message) => message.body === body);
    const [message] = this.open.splice(at, 1);
    if (at < 0 || message === undefined) throw new TypeError(`${body} is not there`);
    return message;
  }

  ack(body?: string): boolean {
    return this.handle.acknowledge([this.take(body)]);
  }

  nack(body?: string, requeue = true): void {
    this.handle.refuse([this.take(body)], requeue);
  }
}

export interface QueueNodeOptions {
  readonly id: string;
  readonly store: MemorySharedQueues;
  readonly network: InProcessNetwork;
  readonly clock: FakeClock;
  readonly newId: () => string;
  readonly maxDeliveries?: number;
  readonly limits?: Partial<QueueLimits>;
}

/** A node of several that share their work queues. */
export class QueueNode {
  readonly queues: SharedQueues;
  readonly backplane: InProcessBackplane;
  readonly store: StoreOfProcess;
  readonly process: Process;
  readonly #newId: () => string;

  constructor(options: QueueNodeOptions) {
    const { id, store, network, clock, newId, maxDeliveries = 3 } = options;
    this.process = new Process(clock);
    this.#newId = newId;
    this.store = new StoreOfProcess(store, this.process);
    this.backplane = network.node(id);
    const channels = new NodeChannels(this.backplane, () => {});
    this.queues = new SharedQueues({
      ...{ store: this.store, clock: this.process, newId, maxDeliveries, log: silentLog },
      wakes: new QueueWakes(channels),
      limits: { queueMessages: 1_000, queueBytes: 1 << 20, queues: 4, ...options.limits },
      leaseMs: LEASE_MS,
      onStoreChange: () => {},
    });
    channels.start();
    this.queues.start();
  }

  message(body: string, queue = "/queue/q", expiresMs: number | null = null): QueueMessage {
    const stored = { id: this.#newId(), queue, headers: ["a", "b"], body, expiresMs };
    return new QueueMessage({ ...stored, deliveries: 0 }, true);
  }

  /** Resolves when it is settled: with the error's code, null if it was written. */
  send(body: string, queue?: string, expiresMs?: number): Promise<string | null> {
    const message = this.message(body, queue, expiresMs);
    this.queues.assertRoom(message.queue);
    return new Promise((resolve) => {
      this.queues.sendPersistent(message, (error) => resolve(error?.code ?? null));
    });
  }

  consume(prefetch = 100, queue = "/queue/q"): QueueClient {
    return new QueueClient(this.queues, prefetch, queue);
  }

  /** As by SIGSTOP. */
  pause(): void {
    this.process.isPaused = true;
  }

  resume(): void {
    this.process.resume();
  }

  /** As by SIGKILL. */
  kill(): void {
    this.process.isDead = true;
    void this.backplane.close();
  }

  async stop(): Promise<void> {
    this.queues.stop();
    await this.queues.finish();
    await this.backplane.close();
  }
}
