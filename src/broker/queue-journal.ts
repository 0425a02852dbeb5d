import type { Clock } from "../clock.ts";
import { type AppError, toAppError } from "../errors.ts";
import { StoreRecovery } from "../store-recovery.ts";
import type { QueueBatch, QueueCommits, StoredQueueMessage } from "./queue-store.ts";
import { ClaimsLost } from "./shared-queue-store.ts";

/** A commit that takes longer keeps senders waiting for what they were promised. */
const SLOW_COMMIT_MS = 5_000;

/** A batch that holds so much takes no more: the store's thread is asked in portions. */
const FULL_BATCH_BYTES = 4 * 1024 * 1024;

export type Settled = (error: AppError | null) => void;

/**
 * Group commit for work queues: one batch is on its way to the store, and what comes meanwhile is
 * the next, or the next few. What is added at once, without a turn of the event loop between, is in
 * one batch, so it is written wholly or not at all.
 */
export class QueueJournal {
  #open = new OpenBatch();
  /** Full, in their order. */
  readonly #sealed: OpenBatch[] = [];
  #inFlight: OpenBatch | null = null;
  #inFlightSinceMs = 0;
  #isScheduled = false;
  readonly #recovery: StoreRecovery;

  constructor(
    readonly store: QueueCommits,
    readonly clock: Clock,
    /** Commits fail from now on, and why; null: they succeed again. */
    onStoreChange: (error: AppError | null) => void,
  ) {
    this.#recovery = new StoreRecovery({
      clock,
      commits: () => {
        this.#flush();
        return this.#inFlight !== null;
      },
      probe: () => store.probe(),
      changed: onStoreChange,
    });
  }

  /** The last commit failed. */
  get isFailing(): boolean {
    return this.#recovery.isFailing;
  }

  /** Commits succeed, but slowly. */
  get isBehind(): boolean {
    return (
      this.#inFlight !== null && this.clock.monotonicMs() - this.#inFlightSinceMs > SLOW_COMMIT_MS
    );
  }

  /** Given up when its batch fails. */
  append(message: StoredQueueMessage): void {
    this.#open.append(message);
    this.#schedule();
  }

  /** The message becomes another one. Tried again until it is done. */
  replace(id: string, message: StoredQueueMessage): void {
    this.remove(id);
    this.#open.replacements.set(message.id, message);
  }

  /** Tried again until it is done. */
  remove(id: string): void {
    this.#open.redelivered.delete(id);
    if (!this.#open.replacements.delete(id)) this.#open.removed.add(id);
    this.#schedule();
  }

  /** Given up when its batch fails. */
  removeOnce(id: string): void {
    this.#open.removedOnce.add(id);
    this.#schedule();
  }

  /** Tried again until it is done. */
  redelivered(id: string, deliveries: number): void {
    this.#open.redelivered.set(id, deliveries);
    this.#schedule();
  }

  /** Calls back when all that was added so far is on disk, or the last of it could not be written. */
  settled(callback: Settled): void {
    const last = this.#open.isEmpty ? (this.#sealed.at(-1) ?? this.#inFlight) : this.#open;
    if (last === null) callback(null);
    else last.callbacks.push(callback);
  }

  /** Resolves when all that was added so far is on disk, or could not be written. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.settled(() => resolve()));
  }

  /** Gives up all that was added and is not on its way yet: it is about what is others' now. */
  abandon(error: ClaimsLost): void {
    const given = [...this.#sealed.splice(0), this.#open];
    this.#open = new OpenBatch();
    for (const { callbacks } of given) for (const callback of callbacks) callback(error);
  }

  /** Writes what waits for another try now, and no later. */
  stop(): void {
    this.#recovery.stop();
    this.#flush();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (this.#open.bytes >= FULL_BATCH_BYTES) {
      this.#sealed.push(this.#open);
      this.#open = new OpenBatch();
    }
    if (this.#inFlight !== null) return;
    const batch = this.#sealed.shift() ?? this.#takeOpen();
    if (batch === null) return;
    this.#inFlight = batch;
    this.#inFlightSinceMs = this.clock.monotonicMs();
    this.store.commit(batch.toWrite()).then(
      () => this.#finish(batch, null),
      (fault: unknown) => this.#finish(batch, toAppError(fault)),
    );
  };

  #takeOpen(): OpenBatch | null {
    const batch = this.#open;
    if (batch.isEmpty) return null;
    this.#open = new OpenBatch();
    return batch;
  }

  #finish(batch: OpenBatch, error: AppError | null): void {
    this.#inFlight = null;
    if (error === null) this.#recovery.succeeded();
    else this.#recovery.failed(error);
    const hasNew = this.#sealed.length > 0 || !this.#open.isEmpty;
    if (error !== null && !(error instanceof ClaimsLost)) this.#keep(batch);
    if (hasNew) this.#flush();
    for (const callback of batch.callbacks) callback(error);
  }

  #keep({ removed, replacements, redelivered }: OpenBatch): void {
    for (const id of removed) this.#open.removed.add(id);
    const later = [...this.#sealed, this.#open];
    for (const [id, message] of replacements) {
      const isGone = later.some((batch) => batch.removed.delete(id));
      if (!isGone) this.#open.replacements.set(id, message);
    }
    for (const [id, deliveries] of redelivered) {
      if (this.#open.removed.has(id) || this.#open.redelivered.has(id)) continue;
      this.#open.redelivered.set(id, deliveries);
    }
  }
}

class OpenBatch {
  readonly removed = new Set<string>();
  readonly removedOnce = new Set<string>();
  readonly appended: StoredQueueMessage[] = [];
  readonly replacements = new Map<string, StoredQueueMessage>();
  readonly redelivered = new Map<string, number>();
  readonly callbacks: Settled[] = [];
  /** Of bodies, roughly. */
  bytes = 0;

  append(message: StoredQueueMessage): void {
    this.appended.push(message);
    this.bytes += message.body.length;
  }

  get isEmpty(): boolean {
    const { removed, removedOnce, appended, replacements, redelivered } = this;
    const count = removed.size + removedOnce.size + replacements.size + redelivered.size;
    return count + appended.length === 0;
  }

  toWrite(): QueueBatch {
    return {
      removed: [...this.removed, ...this.removedOnce],
      appended: [...this.appended, ...this.replacements.values()],
      redelivered: [...this.redelivered].map(([id, deliveries]) => ({ id, deliveries })),
    };
  }
}
