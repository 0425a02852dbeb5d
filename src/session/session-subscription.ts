import type { Broker } from "../broker/broker.ts";
import type { Outgoing } from "../broker/outgoing.ts";
import type { Subscription, SubscriptionRequest } from "../broker/subscription.ts";
import { AppError } from "../errors.ts";
import { escapeHeader, messageHead } from "../stomp/encoder.ts";
import type { Connection } from "./ports.ts";

export type AckMode = "auto" | "client" | "client-individual";

export interface SessionSubscriptionOptions {
  readonly broker: Broker;
  readonly connection: Connection;
  readonly request: SubscriptionRequest;
  readonly ackMode: AckMode;
  /** Counts the connection's subscriptions; part of the `ack` header. */
  readonly number: number;
  readonly unacknowledgedLimit: number;
  /** Ends the session: the client acknowledges nothing. */
  readonly onOverflow: () => void;
}

/** One subscription of one connection: how its messages are carried, and which wait for an ACK. */
export class SessionSubscription {
  readonly ackMode: AckMode;
  readonly number: number;
  readonly #options: SessionSubscriptionOptions;
  readonly #head: string;
  /** By message id, in the order of sending. */
  readonly #unacknowledged = new Map<string, unknown>();
  #subscription: Subscription | null = null;
  #held: Outgoing[] | null = null;

  constructor(options: SessionSubscriptionOptions) {
    this.#options = options;
    this.ackMode = options.ackMode;
    this.number = options.number;
    const { version, id, destination } = options.request;
    this.#head = messageHead(version, id, destination);
  }

  get key(): string {
    return this.#options.request.key;
  }

  get id(): string | null {
    return this.#options.request.id;
  }

  get isOpen(): boolean {
    return this.#subscription !== null;
  }

  /** Open and no longer catching up. */
  get isLive(): boolean {
    return this.#subscription !== null && this.#held === null;
  }

  /** From now on messages arrive. `held`: they wait for `takeHeld` until `goLive`. */
  open(held: boolean): void {
    if (held) {
      const messages: Outgoing[] = [];
      this.#held = messages;
      this.#subscription = this.#options.broker.subscribe(this.#options.request, (message) => {
        messages.push(message);
      });
      return;
    }
    this.#subscription = this.#options.broker.subscribe(this.#options.request, this.#liveReceive());
  }

  /** Messages that came while held, and forgets them. */
  takeHeld(): Outgoing[] {
    return this.#held?.splice(0) ?? [];
  }

  holds(messageId: string): boolean {
    return this.#held?.some((message) => message.messageId === messageId) ?? false;
  }

  get heldCount(): number {
    return this.#held?.length ?? 0;
  }

  /** Ends the holding; what is still held is dropped. */
  goLive(): void {
    if (this.#subscription === null || this.#held === null) return;
    this.#held = null;
    this.#options.broker.redirect(this.#subscription, this.#liveReceive());
  }

  /** Idempotent. Messages not acknowledged are the publisher's to send again. */
  close(): void {
    if (this.#subscription === null) return;
    this.#options.broker.unsubscribe(this.#subscription);
    this.#subscription = null;
    this.#held = null;
    this.#unacknowledged.clear();
  }

  /** This subscription's own copy of a message, past the engine's channels. */
  send(message: Outgoing): void {
    if (!this.isOpen) return;
    const { connection, request } = this.#options;
    let head = this.#head;
    if (this.ackMode !== "auto") {
      if (this.#unacknowledged.size >= this.#options.unacknowledgedLimit) {
        this.#options.onOverflow();
        return;
      }
      this.#unacknowledged.set(message.messageId, message.tag);
      // [STOMP 1.2 §ACK] answers with the `ack` header; earlier versions with `message-id`.
      if (request.version === "1.2")
        head += `ack:${this.number}-${escapeHeader("1.2", message.messageId)}\n`;
    }
    connection.send(message.payload(request.wire, request.version, head));
  }

  /**
   * Removes what the ACK covers: in `client` mode every message up to that one, else that one.
   * Returns the tags, oldest first. Throws UNKNOWN_ACK when the message waits for none.
   */
  acknowledge(messageId: string): unknown[] {
    if (!this.#unacknowledged.has(messageId)) {
      throw new AppError("UNKNOWN_ACK", `No message ${messageId} waits for an acknowledgement`);
    }
    if (this.ackMode === "client-individual") {
      const tag = this.#unacknowledged.get(messageId);
      this.#unacknowledged.delete(messageId);
      return [tag];
    }
    const tags: unknown[] = [];
    for (const [id, tag] of this.#unacknowledged) {
      this.#unacknowledged.delete(id);
      tags.push(tag);
      if (id === messageId) break;
    }
    return tags;
  }

  /** The tags of messages that wait for an ACK, oldest first. */
  unacknowledgedTags(): IterableIterator<unknown> {
    return this.#unacknowledged.values();
  }

  /** Half of what may wait for an ACK does. */
  get awaitsAcknowledgement(): boolean {
    return 2 * this.#unacknowledged.size >= this.#options.unacknowledgedLimit;
  }

  hasUnacknowledged(messageId: string): boolean {
    return this.#unacknowledged.has(messageId);
  }

  #liveReceive(): ((message: Outgoing) => void) | null {
    return this.ackMode === "auto" ? null : (message) => this.send(message);
  }
}
