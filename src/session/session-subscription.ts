import type { Broker } from "../broker/broker.ts";
import type { Outgoing } from "../broker/outgoing.ts";
import type { Receive, Subscription, SubscriptionRequest } from "../broker/subscription.ts";
import { escapeHeader, messageHead } from "../stomp/encoder.ts";
import type { AckMode, ClientSubscription } from "./client-subscription.ts";
import type { Connection, SessionLimits } from "./ports.ts";
import { Unacknowledged } from "./unacknowledged.ts";

/** What the subscriptions of one connection share. */
export interface SubscriptionScope {
  readonly broker: Broker;
  readonly connection: Connection;
  readonly limits: Pick<SessionLimits, "unacknowledgedMessages" | "unacknowledgedBytes">;
  /** Ends the session: the client acknowledges nothing. */
  overflow(): void;
}

const ignore = () => {};

export interface DeliveryTracker {
  /** @param tag what the message's publisher put on it */
  sent(tag: unknown): void;
}

/** A subscription to a topic or a user's queue: every subscriber gets each message. */
export class SessionSubscription implements ClientSubscription {
  readonly ackMode: AckMode;
  readonly number: number;
  readonly #scope: SubscriptionScope;
  #request: SubscriptionRequest;
  #unacknowledged: Unacknowledged | null = null;
  #head: string | null = null;
  #subscription: Subscription | null = null;
  #isHeld = false;
  #tracker: DeliveryTracker | null = null;

  constructor(
    scope: SubscriptionScope,
    request: SubscriptionRequest,
    ackMode: AckMode,
    number: number,
  ) {
    this.#scope = scope;
    this.#request = request;
    this.ackMode = ackMode;
    this.number = number;
  }

  get request(): SubscriptionRequest {
    return this.#request;
  }

  get unacknowledged(): Unacknowledged {
    this.#unacknowledged ??= new Unacknowledged();
    return this.#unacknowledged;
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledged?.bytes ?? 0;
  }

  get key(): string {
    return this.#request.key;
  }

  get id(): string | null {
    return this.#request.id;
  }

  get isOpen(): boolean {
    return this.#subscription !== null;
  }

  /** Open and no longer catching up. */
  get isLive(): boolean {
    return this.#subscription !== null && !this.#isHeld;
  }

  /** From now on the tracker hears of each message that is sent and awaits an acknowledgement. */
  track(tracker: DeliveryTracker): void {
    this.#tracker = tracker;
  }

  /** `held`: `hold` follows at once. */
  open(held: boolean): void {
    this.#isHeld = held;
    const receive = held ? ignore : this.#liveReceive();
    this.#subscription = this.#scope.broker.subscribe(this.#request, receive);
  }

  /** Until `goLive`, messages go to `receive` and not to the client; none falls between. */
  hold(receive: (message: Outgoing) => void): void {
    if (this.#subscription === null) return;
    this.#isHeld = true;
    this.#scope.broker.redirect(this.#subscription, receive);
  }

  goLive(): void {
    if (this.#subscription === null || !this.#isHeld) return;
    this.#isHeld = false;
    this.#scope.broker.redirect(this.#subscription, this.#liveReceive());
  }

  /** Listens under another key from now on. Not while it is held. */
  moveTo(key: string): void {
    const { broker } = this.#scope;
    if (key === this.#request.key) return;
    this.#request = { ...this.#request, key };
    if (this.#subscription === null) return;
    broker.unsubscribe(this.#subscription);
    this.#subscription = broker.subscribe(this.#request, this.#liveReceive());
  }

  close(): void {
    if (this.#subscription === null) return;
    this.#scope.broker.unsubscribe(this.#subscription);
    this.#subscription = null;
    this.#isHeld = false;
    this.#unacknowledged?.clear();
  }

  /**
   * This subscription's own copy of a message, past the engine's channels. `topic` is what it was
   * sent to, where the subscription has wildcards.
   */
  send(message: Outgoing, topic?: string): void {
    if (!this.isOpen) return;
    const request = this.#request;
    let head =
      topic === undefined ? this.#usualHead() : messageHead(request.version, request.id, topic);
    if (this.ackMode !== "auto") {
      if (this.#isFullBy(1)) {
        this.#scope.overflow();
        return;
      }
      const { messageId, tag, body } = message;
      const key = this.unacknowledged.add(messageId, tag, body.length);
      this.#tracker?.sent(tag);
      // [STOMP 1.2 §ACK] answers with the `ack` header; earlier versions with `message-id`.
      if (request.version === "1.2") head += `ack:${this.number}-${escapeHeader("1.2", key)}\n`;
    }
    this.#scope.connection.send(message.payload(request.wire, request.version, head));
  }

  /** Half of what may wait for an ACK does. */
  get awaitsAcknowledgement(): boolean {
    return this.#isFullBy(1 / 2);
  }

  #isFullBy(share: number): boolean {
    const { unacknowledgedMessages, unacknowledgedBytes } = this.#scope.limits;
    const size = this.#unacknowledged?.size ?? 0;
    const bytes = this.unacknowledgedBytes;
    return size >= share * unacknowledgedMessages || bytes >= share * unacknowledgedBytes;
  }

  drained(): void {}

  #usualHead(): string {
    const { version, id, destination } = this.#request;
    this.#head ??= messageHead(version, id, destination);
    return this.#head;
  }

  #liveReceive(): Receive | null {
    return this.ackMode === "auto" ? null : (message, topic) => this.send(message, topic);
  }
}
