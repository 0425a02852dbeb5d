import { AppError } from "../errors.ts";
import type { Consumer, Outcome, Transaction } from "./queue-client.ts";
import { QueueConsumer } from "./queue-consumer.ts";
import type { QueueJournal } from "./queue-journal.ts";
import type { QueueMessage } from "./queue-message.ts";

/** The queues that transactions change. */
export interface TransactedQueues {
  readonly journal: QueueJournal;
  /** A message that takes its place, but is not delivered yet. */
  addPending(message: QueueMessage): void;
  /** The message may be delivered, or was never sent. */
  settlePending(message: QueueMessage, isSent: boolean): void;
}

interface Settlement extends Outcome {
  readonly consumer: QueueConsumer;
  readonly messages: readonly QueueMessage[];
}

/**
 * What one transaction does to work queues: all of it or nothing. With anything persistent in it,
 * nothing takes effect before all that is persistent has been written, in one commit of the store.
 */
export class QueueTransaction implements Transaction {
  readonly #queues: TransactedQueues;
  readonly #sends: QueueMessage[] = [];
  readonly #settlements: Settlement[] = [];

  constructor(queues: TransactedQueues) {
    this.#queues = queues;
  }

  send(message: QueueMessage): void {
    this.#sends.push(message);
  }

  /** Takes the messages out of the consumer's hands; they are the transaction's until it ends. */
  settle(consumer: Consumer, messages: readonly QueueMessage[], outcome: Outcome): void {
    if (!(consumer instanceof QueueConsumer)) throw new TypeError("a consumer of other queues");
    const released = consumer.release(messages);
    this.#settlements.push({ consumer, messages: released, ...outcome });
  }

  /**
   * Waits for the disk only if anything is persistent. Rejects with STORAGE_UNAVAILABLE when nothing
   * was written: then nothing was sent, and what was acknowledged comes again. Throws UNKNOWN_ACK when
   * a message that was acknowledged went to others.
   */
  commit(): Promise<void> | undefined {
    for (const message of this.#sends) this.#queues.addPending(message);
    const gone = this.#firstGone();
    if (gone !== null) throw this.#undo(goneToOthers(gone));
    const written = this.#sends.filter(({ isPersistent }) => isPersistent);
    const removed = this.#settlements
      .filter(({ positive }) => positive)
      .flatMap(({ messages }) => messages)
      .filter(({ isPersistent }) => isPersistent);
    if (written.length + removed.length === 0) {
      this.#apply();
      return undefined;
    }
    const { journal } = this.#queues;
    for (const message of written) journal.append(message.toStored());
    for (const { id } of removed) journal.removeOnce(id);
    return new Promise((resolve, reject) => {
      journal.settled((error) => {
        if (error === null) resolve(this.#apply());
        else reject(this.#undo(error));
      });
    });
  }

  #firstGone(): QueueMessage | null {
    for (const { consumer, messages } of this.#settlements) {
      const gone = messages.find((message) => !consumer.queue.holds(message));
      if (gone !== undefined) return gone;
    }
    return null;
  }

  #apply(): void {
    for (const message of this.#sends) this.#queues.settlePending(message, true);
    for (const { consumer, messages, positive, requeue } of this.#settlements) {
      for (const message of messages) message.isStored &&= !positive; // Written in the commit.
      if (positive) consumer.queue.finish(messages);
      else consumer.queue.giveBack(messages, requeue);
      consumer.resume();
    }
  }

  #undo(error: AppError): AppError {
    for (const message of this.#sends) this.#queues.settlePending(message, false);
    for (const { consumer, messages } of this.#settlements) {
      consumer.queue.putBack(messages);
      consumer.resume();
    }
    return error;
  }
}

/** Why an acknowledgement is worth nothing any more. */
function goneToOthers({ id }: QueueMessage): AppError {
  return new AppError("UNKNOWN_ACK", `${id} was given to other consumers meanwhile`);
}
