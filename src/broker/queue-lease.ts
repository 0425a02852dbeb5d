import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { LeaseId, SharedQueueStore } from "./shared-queue-store.ts";

/** A lease is renewed so many times before it would expire. */
const RENEWALS = 5;

export interface QueueLeaseOptions {
  readonly store: SharedQueueStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly log: Log;
  /** The lease is fresh again; while it is not, nothing is claimed. */
  readonly renewed: () => void;
  /** The lease was ended: what it claimed is others'. */
  readonly lost: () => void;
  /** Other nodes are dead, and what they had in these queues waits again. */
  readonly ended: (queues: readonly string[]) => void;
}

/**
 * This node's lease on what it claims. Renewed as long as the node lives and reaches the database; one
 * that was ended by another node is followed by a new one. Ends the leases of dead nodes, but only
 * when the database has been there for as long as a lease is: after it was away, all nodes that live
 * have the time to renew theirs.
 */
export class QueueLease {
  readonly #options: QueueLeaseOptions;
  #id: LeaseId | null = null;
  #freshUntilMs = 0;
  /** Since when renewals succeed; null: the last one failed. */
  #steadySinceMs: number | null = null;
  #timer: Timer | null = null;
  #turn: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: QueueLeaseOptions) {
    this.#options = options;
  }

  /** null: there is none. */
  get id(): LeaseId | null {
    return this.#id;
  }

  /** It cannot have been ended. A node that was stopped for a while finds it out by this. */
  get isFresh(): boolean {
    return this.#id !== null && this.#options.clock.monotonicMs() < this.#freshUntilMs;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#turn = this.#renew().then(() => {
      const { clock, leaseMs } = this.#options;
      if (!this.#isStopped) {
        this.#timer = clock.schedule(leaseMs / RENEWALS, () => this.start());
      }
    });
  }

  /** A commit was told that the lease is no more. */
  wasEnded(id: LeaseId): void {
    if (this.#id !== id) return;
    this.#id = null;
    this.#options.log.warn(
      { lease: id },
      "The node was out of contact for too long: what its consumers have of shared queues is delivered again elsewhere",
    );
    this.#options.lost();
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#turn = this.#turn.then(() => {
      this.#timer?.cancel();
      this.start();
    });
  }

  /** Renews no more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** After `stop`: gives back what is claimed. */
  async leave(): Promise<void> {
    await this.#turn;
    const id = this.#id;
    if (id === null) return;
    this.#id = null;
    try {
      this.#options.ended(await this.#options.store.leave(id));
    } catch (err) {
      this.#options.log.warn({ err }, "What the node claims of shared queues waits for its expiry");
    }
  }

  async #renew(): Promise<void> {
    const { store, clock, leaseMs, log } = this.#options;
    const begunMs = clock.monotonicMs();
    const id = this.#id;
    try {
      if (id === null) {
        this.#id = await store.enter(leaseMs);
      } else if (!(await store.renew(id, leaseMs))) {
        this.wasEnded(id);
        return;
      } else if (this.#id !== id) return;
      this.#freshUntilMs = begunMs + leaseMs;
      this.#options.renewed();
      this.#steadySinceMs ??= begunMs;
      if (begunMs - this.#steadySinceMs < leaseMs || this.#isStopped) return;
      const queues = await store.endExpired();
      if (queues.length > 0) log.warn({ queues: queues.length }, "A node is dead");
      this.#options.ended(queues);
    } catch (err) {
      if (this.#steadySinceMs !== null) {
        log.warn({ err }, "The lease on messages of shared queues could not be renewed");
      }
      this.#steadySinceMs = null;
    }
  }
}
