import type { Broker } from "../broker/broker.ts";
import { BrokerSubscription } from "../broker/listeners.ts";
import type { Outgoing } from "../broker/outgoing.ts";
import type { Receive, SubscriptionRequest } from "../broker/subscription.ts";
import type { TopicPattern } from "../broker/topic-pattern.ts";
import type { Wire } from "../broker/wire.ts";
import { escapeHeader, messageHead } from "../stomp/encoder.ts";
import type { StompVersion } from "../stomp/version.ts";
import type { AckMode, ClientSubscription } from "./client-subscription.ts";
import type { Connection, SessionLimits } from "./ports.ts";
import { Unacknowledged } from "./unacknowledged.ts";

/** What the subscriptions of one connection share. */
export interface SubscriptionScope {
  readonly broker: Broker;
  readonly connection: Connection;
  readonly limits: Pick<SessionLimits, "unacknowledgedMessages" | "unacknowledgedBytes">;
  readonly protocol: Pick<SubscriptionRequest, "version" | "wire">;
  /** Ends the session: the client acknowledges nothing. */
  overflow(): void;
}

const ignore = () => {};

export interface DeliveryTracker {
  /** @param tag what the message's publisher put on it */
  sent(tag: unknown): void;
}

/** What one subscription is asked for with, beside what its connection's others have too. */
export type OwnRequest = Pick<SubscriptionRequest, "key" | "pattern" | "destination" | "id">;

/**
 * A subscription to a topic or a user's queue: every subscriber gets each message. There are several
 * for each connection, so it is one object: its own request, and the broker's subscription.
 */
export class SessionSubscription
  extends BrokerSubscription
  implements ClientSubscription, SubscriptionRequest
{
  readonly number: number;
  readonly destination: string;
  readonly id: string | null;
  readonly #scope: SubscriptionScope;
  #key: string;
  #rare: Rare | null = null;

  constructor(
    scope: SubscriptionScope,
    { key, pattern, destination, id }: OwnRequest,
    ackMode: AckMode,
    number: number,
  ) {
    super();
    this.#scope = scope;
    this.#key = key;
    this.destination = destination;
    this.id = id;
    this.number = number;
    if (ackMode !== "auto" || pattern !== null) this.#rare = new Rare(ackMode, pattern);
  }

  get ackMode(): AckMode {
    return this.#rare === null ? "auto" : this.#rare.ackMode;
  }

  get pattern(): TopicPattern | null {
    return this.#rare === null ? null : this.#rare.pattern;
  }

  override get request(): this {
    return this;
  }

  get key(): string {
    return this.#key;
  }

  get peer(): Connection {
    return this.#scope.connection;
  }

  get version(): StompVersion {
    return this.#scope.protocol.version;
  }

  get wire(): Wire {
    return this.#scope.protocol.wire;
  }

  get unacknowledged(): Unacknowledged {
    this.#rare ??= new Rare("auto", null);
    return this.#rare.unacknowledged;
  }

  get unacknowledgedBytes(): number {
    return this.#rare === null ? 0 : this.#rare.unacknowledged.bytes;
  }

  get isOpen(): boolean {
    return this.attached;
  }

  /** Open and no longer catching up. */
  get isLive(): boolean {
    return this.attached && !this.#isHeld;
  }

  /** From now on the tracker hears of each message that is sent and awaits an acknowledgement. */
  track(tracker: DeliveryTracker): void {
    this.#rare ??= new Rare("auto", null);
    this.#rare.tracker = tracker;
  }

  /** `held`: `hold` follows at once. */
  open(held: boolean): void {
    this.#scope.broker.attach(this, held ? ignore : this.#liveReceive());
  }

  /** Until `goLive`, messages go to `receive` and not to the client; none falls between. */
  hold(receive: (message: Outgoing) => void): void {
    if (!this.attached) return;
    this.#scope.broker.redirect(this, receive);
  }

  goLive(): void {
    if (!this.attached || !this.#isHeld) return;
    this.#scope.broker.redirect(this, this.#liveReceive());
  }

  /** Listens under another key from now on. Not while it is held. */
  moveTo(key: string): void {
    const { broker } = this.#scope;
    if (key === this.#key) return;
    const wasAttached = this.attached;
    broker.unsubscribe(this);
    this.#key = key;
    if (wasAttached) broker.attach(this, this.#liveReceive());
  }

  close(): void {
    if (!this.attached) return;
    this.#scope.broker.unsubscribe(this);
    this.#rare?.unacknowledged.clear();
  }

  /**
   * This subscription's own copy of a message, past the engine's channels. `topic` is what it was
   * sent to, where the subscription has wildcards.
   */
  send(message: Outgoing, topic?: string): void {
    if (!this.isOpen) return;
    const { version, wire } = this;
    let head = topic === undefined ? this.#usualHead() : messageHead(version, this.id, topic);
    if (this.ackMode !== "auto") {
      if (this.#isFullBy(1)) {
        this.#scope.overflow();
        return;
      }
      const { messageId, tag, body } = message;
      const key = this.unacknowledged.add(messageId, tag, body.length);
      this.#rare?.tracker?.sent(tag);
      // [STOMP 1.2 §ACK] answers with the `ack` header; earlier versions with `message-id`.
      if (version === "1.2") head += `ack:${this.number}-${escapeHeader("1.2", key)}\n`;
    }
    this.#scope.connection.send(message.payload(wire, version, head));
    this.#scope.broker.counter.sent(this.#key, 1);
  }

  /** Half of what may wait for an ACK does. */
  get awaitsAcknowledgement(): boolean {
    return this.#isFullBy(1 / 2);
  }

  #isFullBy(share: number): boolean {
    const { unacknowledgedMessages, unacknowledgedBytes } = this.#scope.limits;
    const size = this.#rare?.unacknowledged.size ?? 0;
    const bytes = this.unacknowledgedBytes;
    return size >= share * unacknowledgedMessages || bytes >= share * unacknowledgedBytes;
  }

  drained(): void {}

  #usualHead(): string {
    const rare = this.#rare;
    if (rare === null) return messageHead(this.version, this.id, this.destination);
    rare.head ??= messageHead(this.version, this.id, this.destination);
    return rare.head;
  }

  /** Something else than the client gets the messages. */
  get #isHeld(): boolean {
    return this.receive !== this.#liveReceive();
  }

  /** null: the engine delivers. */
  #liveReceive(): Receive | null {
    const rare = this.#rare;
    if (rare === null || rare.ackMode === "auto") return null;
    rare.receive ??= (message, topic) => this.send(message, topic);
    return rare.receive;
  }
}

/** To those of the subscriptions that listen under the key. False if there is none. */
export function sendToKey(
  subscriptions: Iterable<ClientSubscription>,
  key: string,
  message: Outgoing,
): boolean {
  let isSent = false;
  for (const subscription of subscriptions) {
    if (subscription.key !== key || !(subscription instanceof SessionSubscription)) continue;
    subscription.send(message);
    isSent = true;
  }
  return isSent;
}

/** What few subscriptions have: those that acknowledge, and those with wildcards. */
class Rare {
  readonly ackMode: AckMode;
  readonly pattern: TopicPattern | null;
  readonly unacknowledged = new Unacknowledged();
  tracker: DeliveryTracker | null = null;
  receive: Receive | null = null;
  /** Where its MESSAGE frames begin. */
  head: string | null = null;

  constructor(ackMode: AckMode, pattern: TopicPattern | null) {
    this.ackMode = ackMode;
    this.pattern = pattern;
  }
}
