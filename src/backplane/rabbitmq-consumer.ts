import type { Consumer } from "../broker/queue-client.ts";
import type { QueueReceiver } from "../broker/queue-consumer.ts";
import type { QueueMessage } from "../broker/queue-message.ts";
import { RabbitMqQueueMessage } from "./rabbitmq-queue-message.ts";
import type { StompLink } from "./stomp-link.ts";

/** What a consumer tells RabbitMQ, by its client's connection. */
export interface ConsumerChannel {
  answer(message: RabbitMqQueueMessage, positive: boolean, requeue: boolean): void;
  /** Nothing is delivered to it any more. */
  unsubscribe(consumer: RabbitMqConsumer): void;
}

export interface RabbitMqConsumerOptions {
  /** Of the subscription in RabbitMQ. */
  readonly id: string;
  readonly queue: string;
  readonly receiver: QueueReceiver;
  readonly prefetch: number;
  readonly opened: () => void;
  readonly channel: ConsumerChannel;
}

/** One subscription to a queue of RabbitMQ, which counts what is not acknowledged. */
export class RabbitMqConsumer implements Consumer {
  readonly id: string;
  readonly queue: string;
  readonly prefetch: number;
  /** Where RabbitMQ has been told of it. */
  link: StompLink | null = null;
  readonly #receiver: QueueReceiver;
  readonly #channel: ConsumerChannel;
  readonly #outstanding = new Set<RabbitMqQueueMessage>();
  /** They came while the connection had no room. */
  #backlog: RabbitMqQueueMessage[] = [];
  #opened: (() => void) | null;
  #isResumed = false;
  #isStopped = false;
  #isClosed = false;

  constructor({ id, queue, receiver, prefetch, opened, channel }: RabbitMqConsumerOptions) {
    this.id = id;
    this.queue = queue;
    this.prefetch = prefetch;
    this.#receiver = receiver;
    this.#opened = opened;
    this.#channel = channel;
  }

  /** Messages that RabbitMQ has sent here, and that are not done with. */
  get unacknowledged(): number {
    return this.#outstanding.size + this.#backlog.length;
  }

  /** What they take of memory, about. */
  get bytes(): number {
    const messages = [...this.#outstanding, ...this.#backlog];
    return messages.reduce((sum, message) => sum + message.bytes, 0);
  }

  take(message: RabbitMqQueueMessage): void {
    this.#backlog.push(message);
    if (this.#isResumed) this.#deliver();
  }

  acknowledge(messages: readonly QueueMessage[]): boolean {
    const released = this.release(messages);
    for (const message of released) this.#channel.answer(message, true, false);
    return released.length === messages.length;
  }

  refuse(messages: readonly QueueMessage[], requeue: boolean): void {
    for (const message of this.release(messages)) this.#channel.answer(message, false, requeue);
  }

  /** Takes the messages out of the consumer's hands; returns those that were there. */
  release(messages: readonly QueueMessage[]): RabbitMqQueueMessage[] {
    return messages.filter(
      (message): message is RabbitMqQueueMessage =>
        message instanceof RabbitMqQueueMessage && this.#outstanding.delete(message),
    );
  }

  resume(): void {
    this.#isResumed = true;
    this.#deliver();
  }

  /** Nothing more is delivered. */
  stop(): void {
    this.#isStopped = true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.tellOpened();
    this.#channel.unsubscribe(this);
    for (const message of [...this.#outstanding, ...this.#backlog]) {
      this.#channel.answer(message, false, true);
    }
    this.#outstanding.clear();
    this.#backlog = [];
  }

  /** RabbitMQ has given all that was here to others. */
  lost(): void {
    this.link = null;
    this.#outstanding.clear();
    this.#backlog = [];
  }

  tellOpened(): void {
    this.#opened?.();
    this.#opened = null;
  }

  #deliver(): void {
    while (!this.#isStopped && this.#receiver.hasRoom) {
      const message = this.#backlog.shift();
      if (message === undefined) return;
      this.#outstanding.add(message);
      this.#receiver.receive(message);
    }
  }
}
