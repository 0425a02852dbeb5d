import type { QueueConsumer, QueueReceiver } from "../broker/queue-consumer.ts";
import { QueueMessage } from "../broker/queue-message.ts";
import type { QueueTransaction } from "../broker/queue-transaction.ts";
import type { SubscriptionRequest } from "../broker/subscription.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import { escapeHeader, messageHead } from "../stomp/encoder.ts";
import type {
  AckMode,
  ClientSubscription,
  ClientSubscriptionOptions,
} from "./client-subscription.ts";
import { Departures } from "./departures.ts";
import type { Settlement } from "./transactions.ts";
import { type Delivery, Unacknowledged } from "./unacknowledged.ts";

export interface QueueSubscriptionOptions extends ClientSubscriptionOptions {
  readonly queues: WorkQueues;
  /** How many messages the client may have without having acknowledged them. */
  readonly prefetch: number;
  /** The connection takes more: it lives, and has not too much before it. */
  readonly hasRoom: () => boolean;
}

/**
 * A subscription to a work queue: it shares the messages with the queue's other consumers. With
 * `ack:auto` a message counts as consumed when its bytes have left.
 */
export class QueueSubscription implements ClientSubscription, QueueReceiver {
  readonly ackMode: AckMode;
  readonly number: number;
  readonly unacknowledged = new Unacknowledged();
  readonly #options: QueueSubscriptionOptions;
  readonly #head: string;
  readonly #departures: Departures<QueueMessage>;
  #consumer: QueueConsumer | null = null;

  constructor(options: QueueSubscriptionOptions) {
    this.#options = options;
    this.ackMode = options.ackMode;
    this.number = options.number;
    const { version, id, destination } = options.request;
    this.#head = messageHead(version, id, destination);
    this.#departures = new Departures(options.connection, setImmediate, (messages) => {
      this.#consumer?.acknowledge(messages);
    });
  }

  get request(): SubscriptionRequest {
    return this.#options.request;
  }

  get unacknowledgedBytes(): number {
    return this.unacknowledged.bytes;
  }

  get key(): string {
    return this.#options.request.key;
  }

  get id(): string | null {
    return this.#options.request.id;
  }

  get isOpen(): boolean {
    return this.#consumer !== null;
  }

  get hasRoom(): boolean {
    return this.#options.hasRoom();
  }

  /** Throws QUEUE_FULL when there are too many queues. Messages come once the frame is handled. */
  open(): void {
    const { queues, prefetch } = this.#options;
    this.#consumer = queues.consume(this.key, this, prefetch);
    queueMicrotask(() => this.#consumer?.resume());
  }

  close(): void {
    const consumer = this.#consumer;
    this.#consumer = null;
    this.#departures.abandon();
    this.unacknowledged.clear();
    consumer?.close();
  }

  /** An ACK or NACK outside of transactions. False: an ACK that comes too late, for others have it. */
  settle({ deliveries, positive, requeue }: Settlement): boolean {
    const messages = messagesOf(deliveries);
    if (positive) return this.#consumer?.acknowledge(messages) ?? true;
    this.#consumer?.refuse(messages, requeue);
    return true;
  }

  /** The same as a part of a transaction. */
  settleIn(transaction: QueueTransaction, settlement: Settlement): void {
    if (this.#consumer === null) return;
    transaction.settle(this.#consumer, messagesOf(settlement.deliveries), settlement);
  }

  drained(): void {
    this.#departures.check();
    this.#consumer?.resume();
  }

  receive(message: QueueMessage): void {
    const { broker, connection, request } = this.#options;
    let head = this.#head;
    if (this.ackMode === "auto") {
      this.#departures.add(message, message.body.length);
    } else {
      const key = this.unacknowledged.add(message.id, message, message.body.length);
      // [STOMP 1.2 §ACK] answers with the `ack` header; earlier versions with `message-id`.
      if (request.version === "1.2") head += `ack:${this.number}-${escapeHeader("1.2", key)}\n`;
    }
    connection.send(message.outgoing.payload(request.wire, request.version, head));
    broker.counter.sent(request.key, 1);
  }
}

function messagesOf(deliveries: readonly Delivery[]): QueueMessage[] {
  return deliveries.flatMap(({ tag }) => (tag instanceof QueueMessage ? [tag] : []));
}
