import type { MaybePromise } from "../maybe-promise.ts";
import type { Body } from "../stomp/frame.ts";

/** A persistent message of a work queue, as it is kept. Times are epoch milliseconds. */
export interface StoredQueueMessage {
  /** UUIDv7, unique. */
  readonly id: string;
  /** The destination, `/queue/…`. */
  readonly queue: string;
  /** Flat: name, value, name, value …; those that the sender gave, and that are passed on. */
  readonly headers: readonly string[];
  /** Text stays text, and bytes stay bytes. */
  readonly body: Body;
  /** From then on it is delivered to nobody; null is never. */
  readonly expiresMs: number | null;
  /** How often consumers had it and gave it back. */
  readonly deliveries: number;
}

/** What one commit writes, in this order of the lists. */
export interface QueueBatch {
  /** Ids of messages that are done with; unknown ones are ignored. */
  readonly removed: readonly string[];
  /** Behind all messages that are there, in this order. */
  readonly appended: readonly StoredQueueMessage[];
  /** New counts of deliveries; those of unknown messages are ignored. */
  readonly redelivered: readonly { readonly id: string; readonly deliveries: number }[];
}

/** What takes the batches. */
export interface QueueCommits {
  /**
   * All of the batch or nothing of it. Resolves when it is durable: a power cut after that loses
   * none of it. Rejects with AppError STORAGE_UNAVAILABLE when nothing was written, also when an
   * `id` is taken. The caller waits for one batch before it commits the next.
   */
  commit(batch: QueueBatch): Promise<void>;

  /**
   * Writes and commits something of no consequence, of the size of a large message. Resolves when it
   * is durable, so that commits are likely to succeed again; rejects with STORAGE_UNAVAILABLE.
   */
  probe(): Promise<void>;
}

/** Where the persistent messages of work queues outlive the server. */
export interface QueueStore extends QueueCommits {
  /** Every message that is there, in the order of their appending. Fails with STORAGE_UNAVAILABLE. */
  messages(): MaybePromise<StoredQueueMessage[]>;
}
