import type { QueueLease } from "./queue-lease.ts";
import type { QueueBatch, QueueCommits, StoredQueueMessage } from "./queue-store.ts";
import type { SharedQueue } from "./shared-queue.ts";
import {
  type Claimant,
  ClaimsLost,
  type QueueWant,
  type SharedQueueChanges,
  type SharedQueueStore,
} from "./shared-queue-store.ts";

/** So many queues are asked for in a commit. */
const QUEUES_AT_A_TIME = 50;

const NOTHING: QueueBatch = { removed: [], appended: [], redelivered: [] };

interface Asked extends QueueWant {
  readonly asker: SharedQueue;
}

export interface QueueClaimsOptions {
  readonly store: SharedQueueStore;
  readonly lease: QueueLease;
  /** null: nobody on this node consumes it. */
  readonly queueNamed: (name: string) => SharedQueue | null;
  /** The node may take more messages into memory. */
  readonly hasRoom: () => boolean;
  /** A message is this node's now. False: no consumer took it, and it was given back. */
  readonly claimed: (message: StoredQueueMessage, run: number) => boolean;
  /** There is something in the queues that this node did not claim. */
  readonly left: (queues: ReadonlySet<string>) => void;
}

/**
 * Writes to queues that nodes share. Each commit also claims what this node's consumers have room for,
 * so that a message which is sent where it is consumed takes one commit.
 */
export class QueueClaims implements QueueCommits {
  readonly #options: QueueClaimsOptions;
  #runs = 0;
  /** Of commits that may have been done though they failed. */
  readonly #doubtful = new Set<number>();
  /** Of messages that are given back: the commit that claimed them. */
  readonly #returning = new Map<string, number>();
  /** Queues that may want something. */
  readonly #due = new Set<SharedQueue>();
  #isScheduled = false;

  constructor(options: QueueClaimsOptions) {
    this.#options = options;
  }

  commit(batch: QueueBatch): Promise<void> {
    const { queueNamed } = this.#options;
    for (const name of queuesOf(batch.appended)) queueNamed(name)?.hasNews();
    return this.#commit(batch);
  }

  probe(): Promise<void> {
    return this.#options.store.probe();
  }

  /** The queue may want something. */
  due(queue: SharedQueue): void {
    this.#due.add(queue);
    this.claimSoon();
  }

  /** Claims what consumers have room for, unless a commit of this turn does. */
  claimSoon(): void {
    if (this.#isScheduled || this.#due.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const asked = this.#asked();
      if (asked.length > 0) this.#claim(asked);
    });
  }

  /** From time to time: undoes what is doubtful, though nothing is wanted any more. */
  tend(): void {
    if (this.#doubtful.size === 0) this.claimSoon();
    else this.#claim(this.#asked());
  }

  /** The next batch that gives the message back means this claim of it. */
  returning(id: string, run: number): void {
    this.#returning.set(id, run);
  }

  /** The lease is another one from now on. */
  forget(): void {
    this.#doubtful.clear();
    this.#returning.clear();
  }

  #claim(asked: readonly Asked[]): void {
    // Of what failed the queues hear, and ask again with the next news.
    this.#write(NOTHING, this.#claimant(), asked).catch(() => undefined);
  }

  async #commit(batch: QueueBatch): Promise<void> {
    const claimant = this.#claimant();
    try {
      await this.#write(batch, claimant, this.#asked());
    } catch (fault) {
      const isOfClaims = batch.removed.length + batch.redelivered.length > 0;
      if (!(fault instanceof ClaimsLost) || isOfClaims) throw fault;
      await this.#write(batch, null, []);
    }
  }

  async #write(
    { removed, appended, redelivered }: QueueBatch,
    claimant: Claimant | null,
    asked: readonly Asked[],
  ): Promise<void> {
    const returned = redelivered.flatMap(({ id, deliveries }) => {
      const run = this.#returning.get(id);
      return run === undefined ? [] : [{ id, deliveries, run }];
    });
    let changes: SharedQueueChanges;
    try {
      if (claimant === null && removed.length + redelivered.length > 0) throw new ClaimsLost();
      const wanted = asked.map(({ queue, limit }) => ({ queue, limit }));
      changes = await this.#options.store.commit({
        ...{ claimant, returned, removed, appended, wanted },
      });
    } catch (fault) {
      this.#failed(claimant, asked, fault);
      throw fault;
    }
    for (const run of claimant?.undone ?? []) this.#doubtful.delete(run);
    for (const { id, run } of returned) {
      if (this.#returning.get(id) === run) this.#returning.delete(id);
    }
    const isCurrent = claimant !== null && claimant.lease === this.#options.lease.id;
    this.#distribute(asked, isCurrent ? changes.claimed : [], claimant?.run ?? 0);
    const claimed = new Set(changes.claimed.map(({ id }) => id));
    const left = queuesOf(appended.filter(({ id }) => !claimed.has(id)));
    for (const queue of changes.returnedTo) left.add(queue);
    if (left.size > 0) this.#options.left(left);
  }

  #distribute(asked: readonly Asked[], claimed: readonly StoredQueueMessage[], run: number): void {
    const counts = new Map(asked.map(({ queue }) => [queue, { claimed: 0, left: 0 }]));
    for (const message of claimed) {
      const count = counts.get(message.queue);
      const isTaken = this.#options.claimed(message, run);
      if (count === undefined) continue;
      count.claimed += 1;
      if (!isTaken) count.left += 1;
    }
    for (const { queue, limit, asker } of asked) {
      const count = counts.get(queue);
      asker.answered(limit, count?.claimed ?? 0, count?.left ?? 0);
    }
  }

  #failed(claimant: Claimant | null, asked: readonly Asked[], fault: unknown): void {
    for (const { asker } of asked) asker.failed();
    if (claimant === null) return;
    if (fault instanceof ClaimsLost) this.#options.lease.wasEnded(claimant.lease);
    else if (asked.length > 0 && claimant.lease === this.#options.lease.id) {
      this.#doubtful.add(claimant.run);
    }
  }

  #claimant(): Claimant | null {
    const lease = this.#options.lease.id;
    if (lease === null) return null;
    this.#runs += 1;
    return { lease, run: this.#runs, undone: [...this.#doubtful] };
  }

  #asked(): Asked[] {
    const { hasRoom, lease } = this.#options;
    const asked: Asked[] = [];
    if (!hasRoom() || !lease.isFresh) return asked;
    for (const asker of this.#due) {
      if (asked.length === QUEUES_AT_A_TIME) break;
      this.#due.delete(asker);
      const limit = asker.ask();
      if (limit > 0) asked.push({ queue: asker.name, limit, asker });
    }
    this.claimSoon(); // The others.
    return asked;
  }
}

function queuesOf(messages: readonly StoredQueueMessage[]): Set<string> {
  return new Set(messages.map(({ queue }) => queue));
}
