import type { Broker } from "../broker/broker.ts";
import { type Destination, parseDestination } from "../broker/destination.ts";
import type { SubscriptionRequest } from "../broker/subscription.ts";
import type { Wire } from "../broker/wire.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { detached, type Frame } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import type { AckMode } from "./client-subscription.ts";
import type { SessionEnvironment } from "./environment.ts";
import { ackModeOf, prefetchOf, required } from "./headers.ts";
import {
  type Connection,
  RECEIPT_DEFERRED,
  type SessionLimits,
  type SubscriptionPolicy,
} from "./ports.ts";
import { QueueSubscription } from "./queue-subscription.ts";
import type { Session } from "./session.ts";
import {
  type OwnRequest,
  SessionSubscription,
  type SubscriptionScope,
} from "./session-subscription.ts";
import type { Limits } from "./subscriptions.ts";

/** What CONNECT has settled. */
export interface Protocol {
  readonly version: StompVersion;
  readonly wire: Wire;
}

/** SUBSCRIBE and UNSUBSCRIBE of one connection. */
export class Subscriber implements SubscriptionScope {
  readonly #session: Session;
  readonly #environment: SessionEnvironment;
  readonly protocol: Protocol;
  #made = 0;

  constructor(session: Session, environment: SessionEnvironment, protocol: Protocol) {
    this.#session = session;
    this.#environment = environment;
    this.protocol = protocol;
  }

  get broker(): Broker {
    return this.#environment.broker;
  }

  get connection(): Connection {
    return this.#session.connection;
  }

  get limits(): SessionLimits {
    return this.#environment.limits;
  }

  overflow(): void {
    const text = "Too many messages wait for an ACK";
    this.#session.fail(new AppError("TOO_MANY_UNACKNOWLEDGED", text));
  }

  // [STOMP 1.2 §SUBSCRIBE]
  subscribe(frame: Frame): MaybePromise<typeof RECEIPT_DEFERRED | undefined> {
    const { texts } = this.#environment;
    const destination = this.#destinationOf(required(frame, "destination"));
    const { version } = this.protocol;
    const given = version === "1.0" ? frame.header("id") : required(frame, "id");
    const id = given === undefined ? null : texts.of(given);
    const { subscriptions } = this.#session;
    const ackMode = ackModeOf(frame);
    const known = subscriptions.destinationOf(id ?? destination.name);
    if (known !== undefined) {
      const knownMode = subscriptions.get(id ?? destination.name)?.ackMode;
      if (known === destination.name && knownMode === ackMode) return undefined;
      const text = `Subscription ${id ?? known} stands for ${known} with ack:${knownMode}`;
      throw new AppError("SUBSCRIPTION_ID_IN_USE", text);
    }
    const prefetch = prefetchOf(frame, this.#environment.limits);
    const admitted = this.#environment.application.admit(this.#session, destination, frame);
    return whenReady(admitted, (policy): ReturnType<Subscriber["subscribe"]> => {
      if (!this.#session.isConnected) return undefined;
      if (policy.kind === "broadcast" && !policy.holds()) return this.subscribe(frame);
      this.#made += 1;
      const { name } = destination;
      if (policy.kind === "work-queue") {
        const place = { key: name, pattern: null, destination: name, id };
        const request = { peer: this.connection, ...this.protocol, ...place };
        return this.#consume(request, ackMode, prefetch, frame);
      }
      const { key, pattern } = policy;
      // One text, not two.
      const request = { key, pattern, destination: name === key ? key : texts.of(name), id };
      this.#listen(request, ackMode, policy);
      return undefined;
    });
  }

  // An id that stands for nothing is not an error: once-per-connection ids may be forgotten.
  // [STOMP 1.2 §UNSUBSCRIBE]
  unsubscribe(frame: Frame): undefined {
    const id =
      this.protocol.version === "1.0"
        ? (frame.header("id") ?? required(frame, "destination"))
        : required(frame, "id");
    this.#session.subscriptions.remove(id);
    this.#environment.application.unsubscribed(this.#session, id);
    return undefined;
  }

  #consume(
    request: SubscriptionRequest,
    ackMode: AckMode,
    prefetch: number,
    frame: Frame,
  ): typeof RECEIPT_DEFERRED | undefined {
    const { broker, connection, limits } = this;
    const { queues } = this.#session;
    let isDeferred = false;
    let isOpened = false;
    const opened = () => {
      isOpened = true;
      if (isDeferred) this.#session.settle(frame, null);
    };
    // What a subscription had when its session ended is for others, not for the session's next.
    const hasRoom = () =>
      this.#session.isConnected && connection.bufferedBytes() <= limits.sendBufferBytes / 4;
    const place = { broker, connection, request, ackMode, number: this.#made };
    const consumer = new QueueSubscription({ ...place, queues, prefetch, hasRoom, opened });
    const { subscriptions } = this.#session;
    subscriptions.add(consumer, { ...limitsOf(limits), held: false });
    if (isOpened) return undefined;
    isDeferred = true;
    return RECEIPT_DEFERRED;
  }

  /** Of a user's queue nothing is kept but its key and, where that is not it, what the user wrote. */
  #destinationOf(written: string): Destination {
    const destination = parseDestination(written);
    return destination.kind === "user" ? destination : parseDestination(detached(written));
  }

  #listen(
    request: OwnRequest,
    ackMode: AckMode,
    { oncePerConnection, catchUp }: BroadcastPolicy,
  ): void {
    const { subscriptions } = this.#session;
    const subscription = new SessionSubscription(this, request, ackMode, this.#made);
    const limits = limitsOf(this.limits);
    if (oncePerConnection) subscriptions.addShared(subscription, limits);
    else subscriptions.add(subscription, { ...limits, held: catchUp });
    if (catchUp) this.#environment.application.catchUp(this.#session, subscription);
  }
}

type BroadcastPolicy = Extract<SubscriptionPolicy, { kind: "broadcast" }>;

function limitsOf({ subscriptions, patterns }: SessionLimits): Limits {
  return { limit: subscriptions, patterns };
}
