import { AppError } from "../errors.ts";
import type { QueueClient } from "./queue-client.ts";
import type { QueueConsumer, QueueReceiver } from "./queue-consumer.ts";
import type { QueueJournal, Settled } from "./queue-journal.ts";
import type { QueueMessage } from "./queue-message.ts";
import type { QueueTransaction } from "./queue-transaction.ts";

/** What a work queue holds, or several together. */
export interface QueueDepth {
  /** null: another server keeps them, and this node does not know. */
  readonly waiting: number | null;
  /** Delivered, and neither acknowledged nor given back. */
  readonly unacknowledged: number;
  /** Those of this node. */
  readonly consumers: number;
}

export const EMPTY_DEPTH: QueueDepth = { waiting: 0, unacknowledged: 0, consumers: 0 };

/** Of queues that another server keeps and nobody here uses. */
export const UNKNOWN_DEPTH: QueueDepth = { ...EMPTY_DEPTH, waiting: null };

export function sumOf(one: QueueDepth, other: QueueDepth): QueueDepth {
  const isKnown = one.waiting !== null && other.waiting !== null;
  return {
    waiting: isKnown ? one.waiting + other.waiting : null,
    unacknowledged: one.unacknowledged + other.unacknowledged,
    consumers: one.consumers + other.consumers,
  };
}

/** Of work queues, read when somebody asks for the metrics. */
export interface QueueSource {
  /** Of queues; null as in `QueueDepth`. */
  readonly count: number | null;
  /** Of messages in memory. */
  readonly bytes: number;
  /** Of all queues of living messages, and of all of dead letters. */
  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth };
  /** Of the queue, which need not be there. */
  depthOf(name: string): QueueDepth;
}

/** The work queues, `/queue/**`, as sessions and the server see them, whoever keeps the messages. */
export interface WorkQueues extends QueueSource {
  /** What writes messages down, for the server's health; null: this node writes none. */
  readonly journal: Pick<QueueJournal, "isFailing" | "isBehind"> | null;
  /**
   * For one connection of a client, which closes it.
   *
   * @param failed the queues end the client's connection, and why
   */
  open(failed: (error: AppError) => void): QueueClient;
  /** Nothing is delivered from now on; what is not acknowledged waits for another start. */
  stop(): void;
  /** After `stop`: resolves when all is kept that was taken. */
  finish(): Promise<void>;
}

/** Work queues whose messages this node delivers by itself, alone or beside other nodes. */
export interface NodeQueues extends WorkQueues {
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
}

export function queueFull(message: string): AppError {
  return new AppError("QUEUE_FULL", message);
}
