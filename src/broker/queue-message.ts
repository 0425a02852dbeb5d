import type { Body } from "../stomp/frame.ts";
import { Outgoing } from "./outgoing.ts";
import type { StoredQueueMessage } from "./queue-store.ts";

/** What a message costs beside its body and headers, roughly. */
const OVERHEAD_BYTES = 256;

/** A message in a work queue. */
export class QueueMessage {
  readonly id: string;
  readonly queue: string;
  readonly headers: readonly string[];
  readonly body: Body;
  readonly expiresMs: number | null;
  /** How often consumers had it and gave it back. */
  deliveries: number;
  /** Its place in the queue, which it takes again when it is given back. */
  position = 0;
  /** The next one in the queue. */
  next: QueueMessage | null = null;
  /** Not on disk yet, though its sender wants it there: nobody gets it, nor what is behind it. */
  isPending = false;
  /** The store has it, or is about to. */
  isStored: boolean;
  /** Done with: consumed, expired, or never written. */
  isGone = false;
  #mayBeKnown: boolean;
  #outgoing: Outgoing<QueueMessage> | null = null;

  /** @param mayBeKnown some consumer may have had it before: the server was started anew */
  constructor(
    stored: StoredQueueMessage,
    readonly isPersistent: boolean,
    mayBeKnown = false,
  ) {
    this.id = stored.id;
    this.queue = stored.queue;
    this.headers = stored.headers;
    this.body = stored.body;
    this.expiresMs = stored.expiresMs;
    this.deliveries = stored.deliveries;
    this.isStored = isPersistent;
    this.#mayBeKnown = mayBeKnown;
  }

  /** In memory, roughly. */
  get bytes(): number {
    let bytes = OVERHEAD_BYTES + this.body.length;
    for (const text of this.headers) bytes += text.length;
    return bytes;
  }

  get outgoing(): Outgoing<QueueMessage> {
    this.#outgoing ??= new Outgoing(this.id, this.body, this.#allHeaders(), this);
    return this.#outgoing;
  }

  /** A consumer had it: from now on it says so. */
  wasSeen(): void {
    this.#mayBeKnown = true;
    this.#outgoing = null;
  }

  toStored(): StoredQueueMessage {
    const { id, queue, headers, body, expiresMs, deliveries } = this;
    return { id, queue, headers, body, expiresMs, deliveries };
  }

  #allHeaders(): readonly string[] {
    return this.#mayBeKnown ? [...this.headers, "redelivered", "true"] : this.headers;
  }
}

/** Messages in their order, linked through themselves. */
export class MessageList {
  #first: QueueMessage | null = null;
  #last: QueueMessage | null = null;

  get first(): QueueMessage | null {
    return this.#first;
  }

  push(message: QueueMessage): void {
    message.next = null;
    if (this.#last === null) this.#first = message;
    else this.#last.next = message;
    this.#last = message;
  }

  shift(): QueueMessage | null {
    const message = this.#first;
    if (message === null) return null;
    this.#first = message.next;
    if (this.#first === null) this.#last = null;
    message.next = null;
    return message;
  }

  /** Keeps the messages that satisfy the condition. */
  retain(keeps: (message: QueueMessage) => boolean): void {
    let message = this.#first;
    this.#first = null;
    this.#last = null;
    while (message !== null) {
      const next: QueueMessage | null = message.next;
      if (keeps(message)) this.push(message);
      message = next;
    }
  }
}
