import type { QueueMessage } from "./queue-message.ts";

/** Where a queue's messages go: the connection of one consumer. */
export interface QueueReceiver {
  /** The connection takes more, besides the credit. Looked at before each message. */
  readonly hasRoom: boolean;
  receive(message: QueueMessage): void;
}

/** What a consumer's messages come from, and go back to. */
export interface ConsumerQueue {
  /** It is this node's still; else it went to others, and nothing more is done with it. */
  holds(message: QueueMessage): boolean;
  /** The messages were consumed. */
  finish(messages: readonly QueueMessage[]): void;
  /** The messages were refused: `requeue` or they are dead. */
  giveBack(messages: readonly QueueMessage[], requeue: boolean): void;
  /** As if the messages had never been taken: a transaction around them was undone. */
  putBack(messages: readonly QueueMessage[]): void;
  /** The others come first, until it becomes ready again. */
  stepBack(consumer: QueueConsumer): void;
  becameReady(consumer: QueueConsumer): void;
  /** The consumer is gone; what it had goes to others. */
  remove(consumer: QueueConsumer, outstanding: readonly QueueMessage[]): void;
}

/** One subscription to a queue. */
export class QueueConsumer {
  /** Delivered and not acknowledged, in the order of delivery. */
  readonly #outstanding = new Set<QueueMessage>();
  #isClosed = false;

  constructor(
    readonly queue: ConsumerQueue,
    readonly receiver: QueueReceiver,
    readonly prefetch: number,
  ) {}

  /** So many messages more it may have. */
  get credit(): number {
    return this.#isClosed ? 0 : Math.max(0, this.prefetch - this.#outstanding.size);
  }

  get hasCredit(): boolean {
    return this.credit > 0;
  }

  get canTake(): boolean {
    return this.hasCredit && this.receiver.hasRoom;
  }

  /** Called by the queue. */
  take(message: QueueMessage): void {
    this.#outstanding.add(message);
    this.receiver.receive(message);
  }

  /** False: the queue holds some of the messages no more; others may have had them since. */
  acknowledge(messages: readonly QueueMessage[]): boolean {
    const released = this.release(messages);
    const areHeld = released.every((message) => this.queue.holds(message));
    this.queue.finish(released);
    this.resume();
    return areHeld;
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
