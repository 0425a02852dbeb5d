import type { QueueReceiver } from "./queue-consumer.ts";
import type { Settled } from "./queue-journal.ts";
import type { QueueMessage } from "./queue-message.ts";

/** What becomes of messages that a consumer had. */
export interface Outcome {
  /** Acknowledged; otherwise refused. */
  readonly positive: boolean;
  /** Of what was refused: somebody else may try. */
  readonly requeue: boolean;
}

/** One subscription to a work queue. Messages that it does not have any more are passed over. */
export interface Consumer {
  /** False: others may have had some of the messages since; what was acknowledged too late is not. */
  acknowledge(messages: readonly QueueMessage[]): boolean;
  /** `requeue`: somebody else may try; without, they are dead. */
  refuse(messages: readonly QueueMessage[], requeue: boolean): void;
  /** Messages come from the first call on; then: the connection takes more again. */
  resume(): void;
  /** What was not acknowledged goes to others. Idempotent. */
  close(): void;
}

/** What one transaction does to work queues. */
export interface Transaction {
  send(message: QueueMessage): void;
  /** The messages are the transaction's until it ends. */
  settle(consumer: Consumer, messages: readonly QueueMessage[], outcome: Outcome): void;
  /**
   * A promise only if there is something to wait for. Rejects with an AppError: then nothing was
   * sent, and what was acknowledged comes again, unless the error says that this is not known.
   */
  commit(): Promise<void> | undefined;
}

/** The work queues, `/queue/**`, as one connection of a client uses them. */
export interface QueueClient {
  /** Every message is to be made a persistent one, whatever its sender wants. */
  readonly keepsAll: boolean;
  /** Throws QUEUE_FULL or QUEUE_REFUSED when the queue takes no further message. */
  assertTakes(queue: string): void;
  /**
   * The caller has seen to `assertTakes`. True: `settled` is called later, when the queue has the
   * message as safely as its sender wants it, or with why it has not; false: it has it, and `settled`
   * is not called.
   */
  send(message: QueueMessage, settled: Settled): boolean;
  /**
   * At least once: a message comes again unless its acknowledgement was taken. Throws QUEUE_FULL or
   * QUEUE_REFUSED.
   *
   * @param prefetch how many messages the consumer may have without having acknowledged them
   * @param opened called once, when what is sent to the queue reaches the consumer: maybe at once
   */
  consume(queue: string, receiver: QueueReceiver, prefetch: number, opened: () => void): Consumer;
  transaction(): Transaction;
  /** Calls back when all that was done so far is safe, or could not be made so: maybe at once. */
  settled(callback: Settled): void;
  /** The connection is over. What was sent is still sent. Idempotent. */
  close(): void;
}
