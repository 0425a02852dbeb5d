import { parseDestination } from "../broker/destination.ts";
import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import { detached, detachedFrame, type Frame } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import { settlementOf } from "./acknowledgement.ts";
import { Commit } from "./commit.ts";
import type { SessionEnvironment } from "./environment.ts";
import { required } from "./headers.ts";
import { RECEIPT_DEFERRED } from "./ports.ts";
import { QueueSubscription } from "./queue-subscription.ts";
import type { Session } from "./session.ts";
import { type Protocol, Subscriber } from "./subscriber.ts";
import { Transactions, unknownTransaction } from "./transactions.ts";

/** What a client may send between CONNECT and DISCONNECT. */
export class ClientFrames {
  readonly #session: Session;
  readonly #environment: SessionEnvironment;
  readonly #version: StompVersion;
  readonly #subscriber: Subscriber;
  /** Made when the client begins one: most never do. */
  #transactions: Transactions | null = null;
  /** The one that is under way. Frames wait for each other, so there is one at most. */
  #commit: Commit | null = null;

  constructor(session: Session, environment: SessionEnvironment, protocol: Protocol) {
    this.#session = session;
    this.#environment = environment;
    this.#version = protocol.version;
    this.#subscriber = new Subscriber(session, environment, protocol);
  }

  /** Of the steps in open transactions. */
  get transactionBytes(): number {
    return this.#transactions?.bytes ?? 0;
  }

  handle(frame: Frame): MaybePromise<unknown> {
    switch (frame.command) {
      case "SEND":
        return this.#send(frame);
      case "SUBSCRIBE":
        return this.#subscriber.subscribe(frame);
      case "UNSUBSCRIBE":
        return this.#subscriber.unsubscribe(frame);
      case "ACK":
        return this.#acknowledge(frame, true);
      case "NACK":
        return this.#acknowledge(frame, false);
      case "BEGIN":
        return this.#begin(detached(required(frame, "transaction")));
      case "COMMIT":
        return this.#commitTransaction(required(frame, "transaction"));
      case "ABORT":
        return this.#abort(required(frame, "transaction"));
      default:
        throw new AppError("UNKNOWN_COMMAND", `A client may not send ${frame.command}`);
    }
  }

  /** The application has settled a frame: a COMMIT may have waited for it. */
  settled(frame: Frame): void {
    this.#commit?.settled(frame);
  }

  // [STOMP 1.2 §SEND]
  #send(frame: Frame): MaybePromise<unknown> {
    const { publisher } = this.#environment;
    const destination = parseDestination(required(frame, "destination"));
    if (destination.kind !== "app") this.#environment.application.countSend(this.#session);
    const transaction = frame.header("transaction");
    if (transaction === undefined) {
      return publisher.publish(this.#session, destination, frame);
    }
    publisher.check(this.#session, destination, frame);
    // It waits beyond its transport message, and its receipt is for being taken in.
    const kept = detachedFrame(frame, NOT_KEPT);
    const step = {
      kind: "send",
      destination: parseDestination(detached(destination.name)),
    } as const;
    this.#opened(transaction).add(transaction, { ...step, frame: kept });
    return undefined;
  }

  // [STOMP 1.2 §ACK], [STOMP 1.1 §ACK], [STOMP 1.0 ACK]
  #acknowledge(frame: Frame, positive: boolean): typeof RECEIPT_DEFERRED | undefined {
    const transaction = frame.header("transaction");
    if (transaction !== undefined) this.#opened(transaction).assertOpen(transaction);
    const settlement = settlementOf(frame, positive, this.#version, this.#session.subscriptions);
    const { subscription, deliveries } = settlement;
    if (transaction !== undefined) {
      this.#opened(transaction).add(transaction, { kind: "settle", ...settlement });
      subscription.unacknowledged.hold(deliveries);
      return undefined;
    }
    subscription.unacknowledged.remove(deliveries);
    if (!(subscription instanceof QueueSubscription)) {
      this.#environment.application.acknowledged(this.#session, settlement);
      return undefined;
    }
    const isInTime = subscription.settle(settlement);
    // The receipt says that the message does not come again, not even after a crash.
    if (frame.header("receipt") === undefined) return undefined;
    if (!isInTime) throw new AppError("UNKNOWN_ACK", "Other consumers have it by now");
    return this.#afterJournal(frame);
  }

  #afterJournal(frame: Frame): typeof RECEIPT_DEFERRED {
    this.#environment.queues.journal.settled((error) => this.#session.settle(frame, error));
    return RECEIPT_DEFERRED;
  }

  // [STOMP 1.2 §BEGIN]
  #begin(name: string): void {
    this.#transactions ??= new Transactions(this.#environment.limits);
    this.#transactions.begin(name);
  }

  // [STOMP 1.2 §COMMIT]
  #commitTransaction(name: string): MaybePromise<void> {
    const steps = this.#opened(name).take(name);
    const commit = new Commit(this.#session, this.#environment, steps);
    this.#commit = commit;
    return commit.run();
  }

  // [STOMP 1.2 §ABORT]
  #abort(name: string): undefined {
    for (const step of this.#opened(name).take(name)) {
      if (step.kind === "settle") step.subscription.unacknowledged.restore(step.deliveries);
    }
    return undefined;
  }

  #opened(name: string): Transactions {
    if (this.#transactions === null) throw unknownTransaction(name);
    return this.#transactions;
  }
}

const NOT_KEPT = new Set(["transaction", "receipt"]);
