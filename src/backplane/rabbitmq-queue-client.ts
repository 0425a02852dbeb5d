import type { Consumer, Outcome, QueueClient, Transaction } from "../broker/queue-client.ts";
import type { QueueReceiver } from "../broker/queue-consumer.ts";
import type { Settled } from "../broker/queue-journal.ts";
import type { QueueMessage } from "../broker/queue-message.ts";
import type { RabbitMqTarget } from "../config/rabbitmq-url.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Frame } from "../stomp/frame.ts";
import { KeptConnection, type ReconnectOptions } from "./kept-connection.ts";
import { type ConsumerChannel, RabbitMqConsumer } from "./rabbitmq-consumer.ts";
import { queueDestination, RabbitMqQueueMessage, sendingOf } from "./rabbitmq-queue-message.ts";
import { StompLink, StompRefusal } from "./stomp-link.ts";

export interface RabbitMqQueueClientOptions extends ReconnectOptions {
  readonly target: RabbitMqTarget;
  readonly heartbeatMs: number;
  readonly log: Log;
  /** Of all clients together. */
  readonly budget: Budget;
  /** RabbitMQ refuses what the client wants. */
  readonly failed: (error: AppError) => void;
  /** It is closed, and all is done. */
  readonly finished: () => void;
}

/** What may be on its way to RabbitMQ. */
export interface Budget {
  readonly limitBytes: number;
  bytes: number;
}

/** AMQP's words for what is wrong with a request, and not with the broker. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...["access_refused", "precondition_failed", "not_found", "resource_locked", "not_allowed"],
]);

/**
 * The queues of RabbitMQ as one client's connection uses them: by a connection of its own, so that
 * what RabbitMQ refuses one client, by closing that connection, is nobody else's trouble, and what a
 * client has not acknowledged is RabbitMQ's again when it goes. It is made when it is needed, and
 * again when it is lost; then all is subscribed to again, and what was not acknowledged comes again.
 */
export class RabbitMqQueueClient implements QueueClient, ConsumerChannel {
  readonly keepsAll = false;
  readonly #options: RabbitMqQueueClientOptions;
  readonly #consumers = new Map<string, RabbitMqConsumer>();
  /** What RabbitMQ has been told and has not answered. */
  readonly #underWay = new Set<Promise<void>>();
  #connection: KeptConnection<StompLink> | null = null;
  /** null while there is none that is ready. */
  #link: StompLink | null = null;
  /** Those who wait for the first attempt to connect. */
  #waiting: PromiseWithResolvers<StompLink>[] = [];
  /** The last attempt failed. */
  #isLost = false;
  #isClosed = false;
  #isFinishing = false;
  #made = 0;

  constructor(options: RabbitMqQueueClientOptions) {
    this.#options = options;
  }

  get consumers(): Iterable<RabbitMqConsumer> {
    return this.#consumers.values();
  }

  assertTakes(queue: string): void {
    if (queueDestination(queue) !== null) return;
    throw new AppError("QUEUE_REFUSED", "RabbitMQ has no queue of this name");
  }

  send(message: QueueMessage, settled: Settled): boolean {
    const sent = this.#send(message);
    this.#track(sent);
    sent.then(
      () => settled(null),
      (fault: unknown) => settled(this.#errorOf(fault)),
    );
    if (this.#isClosed) this.#finish();
    return true;
  }

  consume(queue: string, receiver: QueueReceiver, prefetch: number, opened: () => void): Consumer {
    this.assertTakes(queue);
    this.#made += 1;
    const id = String(this.#made);
    const consumer = new RabbitMqConsumer({
      ...{ id, queue, receiver, prefetch, opened, channel: this },
    });
    this.#consumers.set(id, consumer);
    this.#connect();
    if (this.#link !== null) this.#subscribe(this.#link, consumer);
    else if (this.#isLost) consumer.tellOpened();
    return consumer;
  }

  transaction(): Transaction {
    return new RabbitMqTransaction((sends, settlements) => {
      const committed = this.#commit(sends, settlements);
      this.#track(committed);
      return committed.catch((fault: unknown) => {
        throw this.#errorOf(fault);
      });
    });
  }

  settled(callback: Settled): void {
    if (this.#underWay.size === 0) {
      callback(null);
      return;
    }
    Promise.all(this.#underWay).then(
      () => callback(null),
      (fault: unknown) => callback(this.#errorOf(fault)),
    );
  }

  /** Nothing more is delivered to the consumers that there are. */
  stop(): void {
    for (const consumer of this.#consumers.values()) consumer.stop();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const consumer of this.#consumers.values()) consumer.close();
    this.#finish();
  }

  answer(message: RabbitMqQueueMessage, positive: boolean, requeue: boolean): void {
    const headers = answerHeaders(message, positive, requeue);
    this.#track(message.link.receipted(positive ? "ACK" : "NACK", headers));
  }

  unsubscribe(consumer: RabbitMqConsumer): void {
    this.#consumers.delete(consumer.id);
    const { link } = consumer;
    if (link !== null) this.#track(link.receipted("UNSUBSCRIBE", ["id", consumer.id]));
  }

  async #send(message: QueueMessage): Promise<void> {
    const { budget, clock } = this.#options;
    const bytes = message.bytes;
    if (budget.bytes + bytes > budget.limitBytes) {
      throw unavailable("RabbitMQ does not take messages as fast as they come");
    }
    budget.bytes += bytes;
    try {
      const link = this.#link ?? (await this.#connected());
      const { headers, body } = sendingOf(message, clock.now());
      await link.receipted("SEND", headers, body);
    } finally {
      budget.bytes -= bytes;
    }
  }

  /** RabbitMQ keeps the steps until COMMIT, and then takes one after the other. */
  async #commit(
    sends: readonly QueueMessage[],
    settlements: readonly ReleasedMessages[],
  ): Promise<void> {
    const link = this.#link ?? (await this.#connected());
    const isPast = settlements.some(({ messages }) => messages.some((each) => each.link !== link));
    if (isPast) throw unavailable("What was acknowledged comes again: its connection was lost");
    this.#made += 1;
    const transaction = ["transaction", `t${this.#made}`];
    link.send("BEGIN", transaction);
    const answers = sends.map((message) => {
      const { headers, body } = sendingOf(message, this.#options.clock.now());
      return link.receipted("SEND", [...headers, ...transaction], body);
    });
    for (const { messages, positive, requeue } of settlements) {
      for (const message of messages) {
        const headers = answerHeaders(message, positive, requeue);
        link.send(positive ? "ACK" : "NACK", [...headers, ...transaction]);
      }
    }
    await Promise.all([...answers, link.receipted("COMMIT", transaction)]);
  }

  #connected(): Promise<StompLink> {
    this.#connect();
    if (this.#isLost) throw unavailable("RabbitMQ cannot be reached");
    const waiting = Promise.withResolvers<StompLink>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #connect(): void {
    if (this.#connection !== null) return;
    const { target, heartbeatMs, timeoutMs, reconnectMs, clock, random } = this.#options;
    this.#isLost = false;
    this.#connection = new KeptConnection<StompLink>({
      ...{ timeoutMs, reconnectMs, clock, random },
      newClient: async () => {
        const received = (frame: Frame) => this.#received(link, frame);
        const link = new StompLink({ target, heartbeatMs, clock, received, sent() {} });
        return link;
      },
      prepare: async () => {},
      probe: async (link) => link.assertAlive(),
      settle: (link) => link.receipted("DISCONNECT", []),
      ready: (link) => this.#ready(link),
      lost: () => this.#lost(),
    });
    this.#connection.open();
  }

  #ready(link: StompLink): void {
    this.#link = link;
    this.#isLost = false;
    for (const { resolve } of this.#waiting.splice(0)) resolve(link);
    for (const consumer of this.#consumers.values()) this.#subscribe(link, consumer);
  }

  #lost(): void {
    this.#link = null;
    this.#isLost = true;
    for (const consumer of this.#consumers.values()) {
      consumer.lost();
      consumer.tellOpened();
    }
    const error = unavailable("RabbitMQ cannot be reached");
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #subscribe(link: StompLink, consumer: RabbitMqConsumer): void {
    const { id, queue, prefetch } = consumer;
    consumer.link = link;
    const headers = [
      ...["id", id, "destination", queueDestination(queue) ?? queue],
      ...["ack", "client-individual", "prefetch-count", String(prefetch)],
    ];
    link.receipted("SUBSCRIBE", headers).then(
      () => consumer.tellOpened(),
      // Lost with its connection, it is told again on the next one.
      (fault: unknown) => this.#errorOf(fault),
    );
  }

  #received(link: StompLink, frame: Frame): void {
    const consumer = this.#consumers.get(frame.header("subscription") ?? "");
    const message = new RabbitMqQueueMessage(consumer?.queue ?? "", frame, link);
    // On its way when its subscription ended: for somebody else.
    if (consumer === undefined) this.answer(message, false, true);
    else consumer.take(message);
  }

  /** Also sees to it that a refusal ends the client's connection. */
  #errorOf(fault: unknown): AppError {
    if (fault instanceof AppError) return fault;
    if (!(fault instanceof StompRefusal) || !REFUSALS.has(fault.code)) {
      return unavailable("The connection with RabbitMQ was lost: whether it is done is not known");
    }
    const { log, failed } = this.#options;
    const error = new AppError("QUEUE_REFUSED", `RabbitMQ refuses it: ${fault.code}`);
    log.warn({ reason: fault.message }, "RabbitMQ refuses a work queue");
    // Whoever waits for the answer gives it first.
    queueMicrotask(() => failed(error));
    return error;
  }

  #track(step: Promise<void>): void {
    this.#underWay.add(step);
    const done = () => this.#underWay.delete(step);
    step.then(done, done);
  }

  /** Lets go of the connection once all is done. */
  #finish(): void {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    const finished = () => {
      this.#isFinishing = false;
      if (this.#underWay.size > 0) this.#finish();
      else this.#options.finished();
    };
    this.#letGo().then(finished, finished);
  }

  async #letGo(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    const connection = this.#connection;
    this.#connection = null;
    this.#link = null;
    await connection?.close();
  }
}

interface ReleasedMessages extends Outcome {
  readonly messages: readonly RabbitMqQueueMessage[];
}

class RabbitMqTransaction implements Transaction {
  readonly #sends: QueueMessage[] = [];
  readonly #settlements: ReleasedMessages[] = [];
  /** The connection that brought some of what is settled was lost already: that comes again. */
  #isLate = false;

  constructor(
    readonly perform: (
      sends: readonly QueueMessage[],
      settlements: readonly ReleasedMessages[],
    ) => Promise<void>,
  ) {}

  send(message: QueueMessage): void {
    this.#sends.push(message);
  }

  settle(consumer: Consumer, messages: readonly QueueMessage[], outcome: Outcome): void {
    if (!(consumer instanceof RabbitMqConsumer)) throw new TypeError("a consumer of other queues");
    const released = consumer.release(messages);
    if (released.length < messages.length) this.#isLate = true;
    this.#settlements.push({ messages: released, ...outcome });
  }

  commit(): Promise<void> | undefined {
    if (this.#isLate) throw new AppError("UNKNOWN_ACK", "What was acknowledged comes again");
    if (this.#sends.length + this.#settlements.length === 0) return undefined;
    return this.perform(this.#sends, this.#settlements);
  }
}

function answerHeaders(message: RabbitMqQueueMessage, positive: boolean, requeue: boolean) {
  return ["id", message.ack, ...(positive ? [] : ["requeue", String(requeue)])];
}

function unavailable(text: string): AppError {
  return new AppError("BROKER_UNAVAILABLE", text);
}
