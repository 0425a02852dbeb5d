import { AppError } from "../errors.ts";
import type { QueueConsumer, QueueReceiver } from "./queue-consumer.ts";
import type { QueueJournal, Settled } from "./queue-journal.ts";
import type { QueueMessage } from "./queue-message.ts";
import type { QueueTransaction } from "./queue-transaction.ts";

/** What a work queue holds, or several together. */
export interface QueueDepth {
  readonly waiting: number;
  /** Delivered, and neither acknowledged nor given back. */
  readonly unacknowledged: number;
  /** Those of this node. */
  readonly consumers: number;
}

export const EMPTY_DEPTH: QueueDepth = { waiting: 0, unacknowledged: 0, consumers: 0 };

export function sumOf(one: QueueDepth, other: QueueDepth): QueueDepth {
  return {
    waiting: one.waiting + other.waiting,
    unacknowledged: one.unacknowledged + other.unacknowledged,
    consumers: one.consumers + other.consumers,
  };
}

/** Of work queues, read when somebody asks for the metrics. */
export interface QueueSource {
  readonly count: number;
  /** Of messages in memory. */
  readonly bytes: number;
  /** Of all queues of living messages, and of all of dead letters. */
  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth };
  /** Of the queue, which need not be there. */
  depthOf(name: string): QueueDepth;
}

/** The work queues, `/queue/**`, as sessions and the server see them, whoever keeps the messages. */
export interface WorkQueues extends QueueSource {
  /** Every message is to be made a persistent one, whatever its sender wants. */
  readonly keepsAll: boolean;
  readonly journal: QueueJournal;
  /** Throws QUEUE_FULL when the queue may take no further message. */
  assertRoom(name: string): void;
  /** The message is kept in memory only. The caller has seen to `assertRoom`. */
  send(message: QueueMessage): void;
  /** `settled` comes after the commit; with an error, nothing of the message is kept. */
  sendPersistent(message: QueueMessage, settled: Settled): void;
  /** Throws QUEUE_FULL when there are too many queues. */
  consume(name: string, receiver: QueueReceiver, prefetch: number): QueueConsumer;
  transaction(): QueueTransaction;
  /** Nothing is delivered from now on; what is not acknowledged waits for another start. */
  stop(): void;
  /** After `stop`: resolves when all is written that was taken. */
  finish(): Promise<void>;
}

export function queueFull(message: string): AppError {
  return new AppError("QUEUE_FULL", message);
}
