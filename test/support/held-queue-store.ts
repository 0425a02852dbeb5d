import { QueueJournal } from "../../src/broker/queue-journal.ts";
import type { QueueBatch, QueueStore, StoredQueueMessage } from "../../src/broker/queue-store.ts";
import { type QueueLimits, Queues } from "../../src/broker/queues.ts";
import type { Clock } from "../../src/clock.ts";
import { AppError } from "../../src/errors.ts";
import type { NewId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";

/** A queue store whose commits end when the test says so. */
export class HeldQueueStore implements QueueStore {
  readonly kept = new Map<string, StoredQueueMessage>();
  readonly batches: QueueBatch[] = [];
  /** Commits end by themselves, at once. */
  isImmediate = false;
  /** What a probe meets. */
  isFull = false;
  probes = 0;
  #held: { resolve: () => void; reject: (fault: unknown) => void } | null = null;

  commit(batch: QueueBatch): Promise<void> {
    this.batches.push(batch);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#held = {
      resolve: () => {
        this.#apply(batch);
        resolve();
      },
      reject,
    };
    if (this.isImmediate) this.#held.resolve();
    return promise;
  }

  async probe(): Promise<void> {
    this.probes += 1;
    if (this.isFull) throw diskFull();
  }

  messages(): StoredQueueMessage[] {
    return [...this.kept.values()];
  }

  /** Ends the commit under way, and lets what follows from it happen. */
  async finish(): Promise<void> {
    await turn();
    this.#held?.resolve();
    await turn();
  }

  async fail(): Promise<void> {
    await turn();
    this.#held?.reject(diskFull());
    await turn();
  }

  #apply({ removed, appended, redelivered }: QueueBatch): void {
    for (const id of removed) this.kept.delete(id);
    for (const message of appended) this.kept.set(message.id, message);
    for (const { id, deliveries } of redelivered) {
      const message = this.kept.get(id);
      if (message !== undefined) this.kept.set(id, { ...message, deliveries });
    }
  }
}

function diskFull(): AppError {
  return new AppError("STORAGE_UNAVAILABLE", "the disk is full");
}

/** Lets microtasks, and what was put off to the end of this turn, happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface TestQueuesOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits?: Partial<QueueLimits>;
  readonly maxDeliveries?: number;
}

export function testQueues(options: TestQueuesOptions): Queues {
  const { store, clock, newId, maxDeliveries = 3 } = options;
  const limits = { queueMessages: 8, queueBytes: 16_384, queues: 4, ...options.limits };
  const journal = new QueueJournal(store, clock, () => {});
  return new Queues({ journal, clock, newId, limits, maxDeliveries, log: silentLog });
}
