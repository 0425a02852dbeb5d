import { type Destination, parseDestination } from "../broker/destination.ts";
import type { Wire } from "../broker/wire.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { detached, type Frame } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import type { ClientSubscriptionOptions } from "./client-subscription.ts";
import type { SessionEnvironment } from "./environment.ts";
import { ackModeOf, prefetchOf, required } from "./headers.ts";
import type { SubscriptionPolicy } from "./ports.ts";
import { QueueSubscription } from "./queue-subscription.ts";
import type { Session } from "./session.ts";
import { SessionSubscription } from "./session-subscription.ts";

/** What CONNECT has settled. */
export interface Protocol {
  readonly version: StompVersion;
  readonly wire: Wire;
}

/** SUBSCRIBE and UNSUBSCRIBE of one connection. */
export class Subscriber {
  readonly #session: Session;
  readonly #environment: SessionEnvironment;
  readonly #protocol: Protocol;
  #made = 0;

  constructor(session: Session, environment: SessionEnvironment, protocol: Protocol) {
    this.#session = session;
    this.#environment = environment;
    this.#protocol = protocol;
  }

  // [STOMP 1.2 §SUBSCRIBE]
  subscribe(frame: Frame): MaybePromise<void> {
    const destination = parseDestination(detached(required(frame, "destination")));
    const { version } = this.#protocol;
    const given = version === "1.0" ? frame.header("id") : required(frame, "id");
    const id = given === undefined ? null : detached(given);
    const { subscriptions } = this.#session;
    const ackMode = ackModeOf(frame);
    const known = subscriptions.destinationOf(id ?? destination.name);
    if (known !== undefined) {
      const knownMode = subscriptions.get(id ?? destination.name)?.ackMode;
      if (known === destination.name && knownMode === ackMode) return;
      const text = `Subscription ${id ?? known} stands for ${known} with ack:${knownMode}`;
      throw new AppError("SUBSCRIPTION_ID_IN_USE", text);
    }
    const prefetch = prefetchOf(frame, this.#environment.limits);
    const admitted = this.#environment.application.admit(this.#session, destination, frame);
    return whenReady(admitted, (policy): MaybePromise<void> => {
      if (!this.#session.isConnected) return;
      if (policy.kind === "broadcast" && !policy.holds()) return this.subscribe(frame);
      this.#made += 1;
      const { broker } = this.#environment;
      const { connection } = this.#session;
      const options = {
        ...{ broker, connection, ackMode, number: this.#made },
        request: {
          ...{ peer: connection, destination: destination.name, id, ...this.#protocol },
          key: policy.kind === "work-queue" ? destination.name : policy.key,
          pattern: policy.kind === "work-queue" ? null : policy.pattern,
        },
      };
      this.#open(destination, options, policy, prefetch);
    });
  }

  // An id that stands for nothing is not an error: once-per-connection ids may be forgotten.
  // [STOMP 1.2 §UNSUBSCRIBE]
  unsubscribe(frame: Frame): undefined {
    const id =
      this.#protocol.version === "1.0"
        ? (frame.header("id") ?? required(frame, "destination"))
        : required(frame, "id");
    this.#session.subscriptions.remove(id);
    this.#environment.application.unsubscribed(this.#session, id);
    return undefined;
  }

  #open(
    destination: Destination,
    options: ClientSubscriptionOptions,
    policy: SubscriptionPolicy,
    prefetch: number,
  ): void {
    const { limits, queues, application } = this.#environment;
    const { subscriptions } = this.#session;
    const id = options.request.id ?? destination.name;
    const place = {
      destination: destination.name,
      limit: limits.subscriptions,
      isPattern: options.request.pattern !== null,
      patterns: limits.patterns,
    };
    if (policy.kind === "work-queue") {
      // What a subscription had when its session ended is for others, not for the session's next.
      const hasRoom = () =>
        this.#session.isConnected &&
        options.connection.bufferedBytes() <= limits.sendBufferBytes / 4;
      const consumer = new QueueSubscription({ ...options, queues, prefetch, hasRoom });
      subscriptions.add(id, consumer, { ...place, held: false });
      return;
    }
    const subscription = new SessionSubscription({
      ...options,
      unacknowledgedMessages: limits.unacknowledgedMessages,
      unacknowledgedBytes: limits.unacknowledgedBytes,
      onOverflow: () => {
        const text = "Too many messages wait for an ACK";
        this.#session.fail(new AppError("TOO_MANY_UNACKNOWLEDGED", text));
      },
    });
    if (policy.oncePerConnection) subscriptions.addShared(id, subscription, place);
    else subscriptions.add(id, subscription, { ...place, held: policy.catchUp });
    if (policy.catchUp) application.catchUp(this.#session, subscription);
  }
}
