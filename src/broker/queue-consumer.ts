import type { Consumer } from "./queue-client.ts";
import type { QueueMessage } from "./queue-message.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Where a queue's messages go: the connection of one consumer. */
export interface QueueReceiver {
  /** The connection takes more, besides the credit. Looked at before each message. */
  readonly hasRoom: boolean;
  receive(message: QueueMessage): void;
}

/** One subscription to a queue of this node. */
export class QueueConsumer implements Consumer {
  /** Delivered and not acknowledged, in the order of delivery. */
  readonly #outstanding = new Set<QueueMessage>();
  #isClosed = false;

  constructor(
    readonly queue: WorkQueue,
    readonly receiver: QueueReceiver,
    readonly prefetch: number,
  ) {}

  get hasCredit(): boolean {
    return !this.#isClosed && this.#outstanding.size < this.prefetch;
  }

  get canTake(): boolean {
    return this.hasCredit && this.receiver.hasRoom;
  }

  /** Called by the queue. */
  take(message: QueueMessage): void {
    this.#outstanding.add(message);
    this.receiver.receive(message);
  }

  acknowledge(messages: readonly QueueMessage[]): void {
    this.queue.finish(this.release(messages));
    this.resume();
  }

  /** `requeue`: somebody else may try; without, they are dead. */
  refuse(messages: readonly QueueMessage[], requeue: boolean): void {
    this.queue.stepBack(this);
    this.queue.giveBack(this.release(messages), requeue);
    this.resume();
  }

  /**
   * Takes the messages out of the consumer's hands; returns those that were there. Whoever calls
   * must finish them or give them back.
   */
  release(messages: readonly QueueMessage[]): QueueMessage[] {
    return messages.filter((message) => this.#outstanding.delete(message));
  }

  /** The connection takes messages again, or there is new credit. */
  resume(): void {
    if (this.hasCredit) this.queue.becameReady(this);
  }

  /** What was not acknowledged goes to others. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const outstanding = [...this.#outstanding];
    this.#outstanding.clear();
    this.queue.remove(this, outstanding);
  }
}
