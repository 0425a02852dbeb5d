import type { Broker } from "../broker/broker.ts";
import type { Destination } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import { QueueMessage } from "../broker/queue-message.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import { detached, detachedBody, type Frame } from "../stomp/frame.ts";
import { passedOnHeaders } from "./passed-on-headers.ts";
import { type Application, RECEIPT_DEFERRED } from "./ports.ts";
import type { Session } from "./session.ts";

export interface PublisherOptions {
  readonly broker: Broker;
  readonly queues: WorkQueues;
  readonly application: Application;
  /** Of messages of queues, which may be kept. */
  readonly newId: NewId;
  /** Of messages of topics, which nobody keeps. */
  readonly newTopicMessageId: NewId;
  /** Hears of each SEND, before it is looked at. */
  readonly onSend: (kind: Destination["kind"]) => void;
}

/** Where SENDs go: to topics, to work queues, or into the application. */
export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Throws what `publish` would throw before it has had any effect. */
  check(session: Session, destination: Destination, frame: Frame): void {
    this.#options.application.permitSend(session, destination);
    if (destination.kind !== "queue") return;
    expiryOf(frame);
    this.#options.queues.assertRoom(destination.name);
  }

  publish(
    session: Session,
    destination: Destination,
    frame: Frame,
  ): MaybePromise<typeof RECEIPT_DEFERRED | undefined> {
    const { application, onSend } = this.#options;
    onSend(destination.kind);
    if (destination.kind === "app") return application.send(session, destination.name, frame);
    application.permitSend(session, destination);
    if (destination.kind === "queue") return this.#enqueue(session, destination.name, frame);
    this.#broadcast(destination.name, frame);
    return undefined;
  }

  /** A SEND as a message of its queue. Throws INVALID_HEADER. */
  queueMessage(queue: string, frame: Frame): QueueMessage {
    const stored = {
      id: this.#options.newId(),
      queue: detached(queue),
      headers: passedOnHeaders(frame).map(detached),
      body: detachedBody(frame.body),
      expiresMs: expiryOf(frame),
      deliveries: 0,
    };
    const isPersistent = this.#options.queues.keepsAll || frame.header("persistent") === "true";
    return new QueueMessage(stored, isPersistent);
  }

  #enqueue(session: Session, queue: string, frame: Frame): typeof RECEIPT_DEFERRED | undefined {
    const { queues } = this.#options;
    queues.assertRoom(queue);
    const message = this.queueMessage(queue, frame);
    if (!message.isPersistent) {
      queues.send(message);
      return undefined;
    }
    queues.sendPersistent(message, (error) => session.settle(frame, error));
    return RECEIPT_DEFERRED;
  }

  #broadcast(topic: string, frame: Frame): void {
    const { broker, newTopicMessageId } = this.#options;
    if (!broker.isHeard(topic)) return;
    broker.publish(topic, new Outgoing(newTopicMessageId(), frame.body, passedOnHeaders(frame)));
  }
}

/** `expires` is when, in epoch milliseconds; 0 is never. */
function expiryOf(frame: Frame): number | null {
  const header = frame.header("expires");
  if (header === undefined) return null;
  if (!/^\d{1,15}$/.test(header)) {
    throw new AppError("INVALID_HEADER", "expires is no time in epoch milliseconds");
  }
  return Number(header) || null;
}
