import type { Outgoing } from "../broker/outgoing.ts";
import type { Receive, Subscription } from "../broker/subscription.ts";
import { escapeHeader, messageHead } from "../stomp/encoder.ts";
import type {
  AckMode,
  ClientSubscription,
  ClientSubscriptionOptions,
} from "./client-subscription.ts";
import { Unacknowledged } from "./unacknowledged.ts";

export interface SessionSubscriptionOptions extends ClientSubscriptionOptions {
  readonly unacknowledgedMessages: number;
  readonly unacknowledgedBytes: number;
  /** Ends the session: the client acknowledges nothing. */
  readonly onOverflow: () => void;
}

export interface DeliveryTracker {
  /** @param tag what the message's publisher put on it */
  sent(tag: unknown): void;
}

/** A subscription to a topic or a user's queue: every subscriber gets each message. */
export class SessionSubscription implements ClientSubscription {
  readonly ackMode: AckMode;
  readonly number: number;
  readonly unacknowledged = new Unacknowledged();
  #options: SessionSubscriptionOptions;
  readonly #head: string;
  #subscription: Subscription | null = null;
  #isHeld = false;
  #tracker: DeliveryTracker | null = null;

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
    return this.#subscription !== null && !this.#isHeld;
  }

  /** From now on the tracker hears of each message that is sent and awaits an acknowledgement. */
  track(tracker: DeliveryTracker): void {
    this.#tracker = tracker;
  }

  /** `held`: `hold` follows at once. */
  open(held: boolean): void {
    this.#isHeld = held;
    const receive = held ? () => {} : this.#liveReceive();
    this.#subscription = this.#options.broker.subscribe(this.#options.request, receive);
  }

  /** Until `goLive`, messages go to `receive` and not to the client; none falls between. */
  hold(receive: (message: Outgoing) => void): void {
    if (this.#subscription === null) return;
    this.#isHeld = true;
    this.#options.broker.redirect(this.#subscription, receive);
  }

  goLive(): void {
    if (this.#subscription === null || !this.#isHeld) return;
    this.#isHeld = false;
    this.#options.broker.redirect(this.#subscription, this.#liveReceive());
  }

  /** Listens under another key from now on. Not while it is held. */
  moveTo(key: string): void {
    const { broker, request } = this.#options;
    if (key === request.key) return;
    this.#options = { ...this.#options, request: { ...request, key } };
    if (this.#subscription === null) return;
    broker.unsubscribe(this.#subscription);
    this.#subscription = broker.subscribe(this.#options.request, this.#liveReceive());
  }

  close(): void {
    if (this.#subscription === null) return;
    this.#options.broker.unsubscribe(this.#subscription);
    this.#subscription = null;
    this.#isHeld = false;
    this.unacknowledged.clear();
  }

  /**
   * This subscription's own copy of a message, past the engine's channels. `topic` is what it was
   * sent to, where the subscription has wildcards.
   */
  send(message: Outgoing, topic?: string): void {
    if (!this.isOpen) return;
    const { connection, request } = this.#options;
    let head = topic === undefined ? this.#head : messageHead(request.version, request.id, topic);
    if (this.ackMode !== "auto") {
      if (this.#isFullBy(1)) {
        this.#options.onOverflow();
        return;
      }
      const { messageId, tag, body } = message;
      const key = this.unacknowledged.add(messageId, tag, body.length);
      this.#tracker?.sent(tag);
      // [STOMP 1.2 §ACK] answers with the `ack` header; earlier versions with `message-id`.
      if (request.version === "1.2") head += `ack:${this.number}-${escapeHeader("1.2", key)}\n`;
    }
    connection.send(message.payload(request.wire, request.version, head));
  }

  /** Half of what may wait for an ACK does. */
  get awaitsAcknowledgement(): boolean {
    return this.#isFullBy(1 / 2);
  }

  #isFullBy(share: number): boolean {
    const { unacknowledgedMessages, unacknowledgedBytes } = this.#options;
    const { size, bytes } = this.unacknowledged;
    return size >= share * unacknowledgedMessages || bytes >= share * unacknowledgedBytes;
  }

  drained(): void {}

  #liveReceive(): Receive | null {
    return this.ackMode === "auto" ? null : (message, topic) => this.send(message, topic);
  }
}
