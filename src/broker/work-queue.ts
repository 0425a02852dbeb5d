import type { DeathReason } from "./dead-letters.ts";
import { type ConsumerQueue, QueueConsumer, type QueueReceiver } from "./queue-consumer.ts";
import { MessageList, type QueueMessage } from "./queue-message.ts";

export interface WorkQueueContext {
  now(): number;
  /** How often a message is delivered before it is dead; 0 is without end. */
  readonly maxDeliveries: number;
  /** The message has been acknowledged, or has expired. */
  finished(message: QueueMessage): void;
  /** It was given back, and waits again. */
  returned(message: QueueMessage): void;
  /** It leaves the queue without having been consumed. */
  dead(message: QueueMessage, reason: DeathReason): void;
  /** The queue has neither messages nor consumers. */
  unused(): void;
  /** Nothing is delivered any more, and nothing counts as given back. */
  readonly isStopped: boolean;
}

/**
 * One work queue: each message goes to one consumer, in the order of sending, to the consumers in
 * turn as far as their credit reaches. A message that is given back takes its old place, and so is
 * the next one delivered.
 */
export class WorkQueue implements ConsumerQueue {
  /** Sent, and never delivered. */
  readonly #waiting = new MessageList();
  /** Given back. They stand before all that wait, in the order of sending. */
  readonly #returned: QueueMessage[] = [];
  readonly #consumers = new Set<QueueConsumer>();
  /** Those that take a message now, the one served longest ago first. */
  readonly #ready = new Set<QueueConsumer>();
  #positions = 0;
  #length = 0;
  #unacknowledged = 0;
  #isDispatching = false;

  constructor(
    readonly name: string,
    readonly context: WorkQueueContext,
  ) {}

  /** Messages that are not done with, delivered ones too. */
  get length(): number {
    return this.#length;
  }

  /** Those of them that consumers have. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  get consumers(): number {
    return this.#consumers.size;
  }

  add(message: QueueMessage): void {
    this.#positions += 1;
    message.position = this.#positions;
    this.#length += 1;
    this.#waiting.push(message);
    this.dispatch();
  }

  /**
   * Messages come from the consumer's first `resume` on.
   *
   * @param prefetch how many messages the consumer may have without having acknowledged them
   */
  consume(receiver: QueueReceiver, prefetch: number): QueueConsumer {
    const consumer = new QueueConsumer(this, receiver, prefetch);
    this.#consumers.add(consumer);
    return consumer;
  }

  remove(consumer: QueueConsumer, outstanding: readonly QueueMessage[]): void {
    this.#consumers.delete(consumer);
    this.#ready.delete(consumer);
    if (!this.context.isStopped) {
      for (const message of outstanding) this.#giveBack(message, true);
    }
    this.dispatch();
    this.#tellIfUnused();
  }

  becameReady(consumer: QueueConsumer): void {
    this.#ready.add(consumer);
    this.dispatch();
  }

  stepBack(consumer: QueueConsumer): void {
    this.#ready.delete(consumer);
  }

  /** Nobody else has it. */
  holds(): boolean {
    return true;
  }

  finish(messages: readonly QueueMessage[]): void {
    this.#unacknowledged -= messages.length;
    for (const message of messages) this.drop(message);
  }

  giveBack(messages: readonly QueueMessage[], requeue: boolean): void {
    for (const message of messages) this.#giveBack(message, requeue);
    this.dispatch();
  }

  putBack(messages: readonly QueueMessage[]): void {
    this.#unacknowledged -= messages.length;
    for (const message of messages) {
      message.wasSeen();
      this.#insert(message);
    }
    this.dispatch();
  }

  /** The message is no more. Idempotent. */
  drop(message: QueueMessage): void {
    if (message.isGone) return;
    message.isGone = true;
    this.#length -= 1;
    this.context.finished(message);
    this.#tellIfUnused();
  }

  /** Makes room. */
  dropOldest(): void {
    const message = this.#front();
    if (message === null) return;
    this.#takeFront();
    this.drop(message);
  }

  /** Drops what nobody may get any more; returns how many messages that can expire are left. */
  expire(): number {
    const nowMs = this.context.now();
    let expiring = 0;
    const stays = (message: QueueMessage): boolean => {
      if (isExpired(message, nowMs)) this.drop(message);
      else if (message.expiresMs !== null && !message.isGone) expiring += 1;
      return !message.isGone;
    };
    this.#waiting.retain(stays);
    this.#returned.splice(0, this.#returned.length, ...this.#returned.filter(stays));
    return expiring;
  }

  /** Hands over what can be handed over. */
  dispatch(): void {
    if (this.#isDispatching || this.context.isStopped) return; // A receiver that fails while it receives comes back here.
    this.#isDispatching = true;
    try {
      for (;;) {
        const message = this.#front();
        if (message === null || message.isPending) return;
        const consumer = this.#nextReady();
        if (consumer === null) return;
        this.#takeFront();
        this.#unacknowledged += 1;
        consumer.take(message);
        if (consumer.hasCredit) this.#ready.add(consumer);
      }
    } finally {
      this.#isDispatching = false;
    }
  }

  /** The next message; those that are gone or have expired are passed over. */
  #front(): QueueMessage | null {
    for (;;) {
      const message = this.#returned[0] ?? this.#waiting.first;
      if (message === null) return null;
      if (isExpired(message, this.context.now())) this.drop(message);
      if (!message.isGone) return message;
      this.#takeFront();
    }
  }

  #takeFront(): void {
    if (this.#returned.length > 0) this.#returned.shift();
    else this.#waiting.shift();
  }

  #nextReady(): QueueConsumer | null {
    for (const consumer of this.#ready) {
      this.#ready.delete(consumer); // It joins again at the end.
      if (consumer.canTake) return consumer;
    }
    return null;
  }

  #giveBack(message: QueueMessage, requeue: boolean): void {
    this.#unacknowledged -= 1;
    message.deliveries += 1;
    message.wasSeen();
    const { maxDeliveries } = this.context;
    const isWornOut = maxDeliveries > 0 && message.deliveries >= maxDeliveries;
    if (requeue && !isWornOut) {
      this.context.returned(message);
      this.#insert(message);
    } else {
      this.context.dead(message, requeue ? "max-deliveries" : "rejected");
      this.drop(message);
    }
  }

  #tellIfUnused(): void {
    if (this.#length === 0 && this.#consumers.size === 0) this.context.unused();
  }

  #insert(message: QueueMessage): void {
    let index = this.#returned.length;
    while (index > 0 && (this.#returned[index - 1]?.position ?? 0) > message.position) index -= 1;
    this.#returned.splice(index, 0, message);
  }
}

function isExpired({ expiresMs, isPending }: QueueMessage, nowMs: number): boolean {
  return expiresMs !== null && !isPending && expiresMs <= nowMs;
}
