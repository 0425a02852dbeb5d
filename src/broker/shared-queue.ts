import type { DeathReason } from "./dead-letters.ts";
import { type ConsumerQueue, QueueConsumer, type QueueReceiver } from "./queue-consumer.ts";
import type { QueueMessage } from "./queue-message.ts";

/** At most so many messages are claimed at a time: of the largest that there may be, too. */
const PORTION = 100;

/** Others have so long to ask for what consumers of this node gave back, before this node does. */
const OTHERS_FIRST_MS = 50;

export interface SharedQueueContext {
  monotonicMs(): number;
  /** How often a message is delivered before it is dead; 0 is without end. */
  readonly maxDeliveries: number;
  /** Nothing counts as given back any more. */
  isStopped(): boolean;
  /** It is claimed by this node still. */
  holds(message: QueueMessage): boolean;
  /** The message has been acknowledged. */
  finished(message: QueueMessage): void;
  /** It is for whoever claims it next. */
  returned(message: QueueMessage): void;
  dead(message: QueueMessage, reason: DeathReason): void;
  /** There may be something to claim, `delayMs` from now. */
  due(delayMs: number): void;
  /** The last consumer is gone. */
  unused(): void;
}

/**
 * This node's consumers of a queue that nodes share. It keeps no messages: so many are claimed as
 * consumers take, and they go to them in turn.
 */
export class SharedQueue implements ConsumerQueue {
  readonly #context: SharedQueueContext;
  readonly #consumers = new Set<QueueConsumer>();
  /** Those that take a message now, the one served longest ago first. */
  readonly #ready = new Set<QueueConsumer>();
  /** There may be messages that nobody claims. */
  #mayHaveMore = true;
  /** Counts what told of new messages. */
  #news = 0;
  #newsWhenAsked = 0;
  #isAsking = false;
  #portion = PORTION;
  #asksFromMs = 0;

  constructor(
    readonly name: string,
    context: SharedQueueContext,
  ) {
    this.#context = context;
  }

  get consumers(): number {
    return this.#consumers.size;
  }

  /** Messages come from the consumer's first `resume` on. */
  consume(receiver: QueueReceiver, prefetch: number): QueueConsumer {
    const consumer = new QueueConsumer(this, receiver, prefetch);
    this.#consumers.add(consumer);
    return consumer;
  }

  /** Messages were sent or given back, or may have been. */
  hasNews(): void {
    this.#news += 1;
    this.#mayHaveMore = true;
    if (this.#ready.size > 0) this.#context.due(0);
  }

  /** How many messages are to be claimed now; if any, `answered` or `failed` follows. */
  ask(): number {
    if (this.#isAsking || !this.#mayHaveMore) return 0;
    if (this.#context.monotonicMs() < this.#asksFromMs) return 0;
    const limit = this.#demand();
    if (limit === 0) return 0;
    this.#isAsking = true;
    this.#newsWhenAsked = this.#news;
    return limit;
  }

  /** @param left how many of `claimed` no consumer took */
  answered(asked: number, claimed: number, left: number): void {
    this.#isAsking = false;
    const hasNews = this.#news !== this.#newsWhenAsked;
    this.#mayHaveMore = claimed === asked || left > 0 || hasNews;
    this.#portion = Math.min(PORTION, Math.max(1, left > 0 ? claimed - left : 2 * this.#portion));
    if (this.#mayHaveMore && this.#ready.size > 0) this.#context.due(0);
  }

  /** Nobody knows what was claimed. */
  failed(): void {
    this.#isAsking = false;
  }

  /** False: no consumer takes it. */
  deliver(message: QueueMessage): boolean {
    const consumer = this.#nextReady();
    if (consumer === null) return false;
    consumer.take(message);
    if (consumer.hasCredit) this.#ready.add(consumer);
    return true;
  }

  holds(message: QueueMessage): boolean {
    return this.#context.holds(message);
  }

  finish(messages: readonly QueueMessage[]): void {
    for (const message of messages) {
      if (this.holds(message)) this.#context.finished(message);
    }
  }

  giveBack(messages: readonly QueueMessage[], requeue: boolean): void {
    for (const message of messages) {
      if (this.holds(message)) this.#giveBack(message, requeue);
    }
  }

  putBack(messages: readonly QueueMessage[]): void {
    for (const message of messages) {
      if (!this.holds(message)) continue;
      // By the count the next consumer is told that somebody had it.
      message.deliveries = Math.max(1, message.deliveries);
      this.#return(message);
    }
  }

  stepBack(consumer: QueueConsumer): void {
    this.#ready.delete(consumer);
  }

  becameReady(consumer: QueueConsumer): void {
    this.#ready.add(consumer);
    if (this.#mayHaveMore) this.#context.due(0);
  }

  remove(consumer: QueueConsumer, outstanding: readonly QueueMessage[]): void {
    this.#consumers.delete(consumer);
    this.#ready.delete(consumer);
    if (!this.#context.isStopped()) this.giveBack(outstanding, true);
    if (this.#consumers.size === 0) this.#context.unused();
  }

  #giveBack(message: QueueMessage, requeue: boolean): void {
    message.deliveries += 1;
    const { maxDeliveries } = this.#context;
    const isWornOut = maxDeliveries > 0 && message.deliveries >= maxDeliveries;
    if (requeue && !isWornOut) this.#return(message);
    else this.#context.dead(message, requeue ? "max-deliveries" : "rejected");
  }

  #return(message: QueueMessage): void {
    this.#asksFromMs = this.#context.monotonicMs() + OTHERS_FIRST_MS;
    this.#context.returned(message);
    this.#context.due(OTHERS_FIRST_MS);
  }

  #demand(): number {
    let demand = 0;
    for (const consumer of this.#ready) {
      if (consumer.canTake) demand += consumer.credit;
      else this.#ready.delete(consumer); // It resumes when it can.
      if (demand >= this.#portion) return this.#portion;
    }
    return demand;
  }

  #nextReady(): QueueConsumer | null {
    for (const consumer of this.#ready) {
      this.#ready.delete(consumer); // It joins again at the end.
      if (consumer.canTake) return consumer;
    }
    return null;
  }
}
