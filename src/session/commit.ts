import type { QueueTransaction } from "../broker/queue-transaction.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import { AppError, toAppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Frame } from "../stomp/frame.ts";
import { type Application, RECEIPT_DEFERRED } from "./ports.ts";
import type { Publisher } from "./publisher.ts";
import { QueueSubscription } from "./queue-subscription.ts";
import type { Session } from "./session.ts";
import type { SendStep, TransactionStep } from "./transactions.ts";

export interface CommitEnvironment {
  readonly queues: WorkQueues;
  readonly application: Application;
  readonly publisher: Publisher;
}

/**
 * One COMMIT. All steps are checked before the first takes effect; work queues, the disk included,
 * change wholly or not at all, and the rest follows them. Messages to the application are handed
 * over in their order, and each of them is answered as outside a transaction.
 */
export class Commit {
  readonly #session: Session;
  readonly #environment: CommitEnvironment;
  readonly #steps: readonly TransactionStep[];
  /** Sent to the application, which settles them later. */
  readonly #unsettled = new Map<Frame, () => void>();

  constructor(session: Session, environment: CommitEnvironment, steps: readonly TransactionStep[]) {
    this.#session = session;
    this.#environment = environment;
    this.#steps = steps;
  }

  /** Throws, or rejects with, why nothing of the transaction was done. */
  run(): MaybePromise<void> {
    for (const step of this.#steps) this.#check(step);
    const written = this.#queueTransaction().commit();
    return written === undefined ? this.#finish() : written.then(() => this.#finish());
  }

  /** The application has settled a frame. */
  settled(frame: Frame): void {
    this.#unsettled.get(frame)?.();
    this.#unsettled.delete(frame);
  }

  #check(step: TransactionStep): void {
    if (step.kind === "send") {
      this.#environment.publisher.check(this.#session, step.destination, step.frame);
    } else if (!step.subscription.isOpen) {
      const id = step.deliveries.at(-1)?.messageId;
      throw new AppError("UNKNOWN_ACK", `The subscription that brought ${id} has ended`);
    }
  }

  #queueTransaction(): QueueTransaction {
    const { queues, publisher } = this.#environment;
    const transaction = queues.transaction();
    for (const step of this.#steps) {
      if (step.kind === "send") {
        const { destination, frame } = step;
        if (destination.kind === "queue")
          transaction.send(publisher.queueMessage(destination.name, frame));
      } else if (step.subscription instanceof QueueSubscription) {
        step.subscription.settleIn(transaction, step);
      }
    }
    return transaction;
  }

  /** The rest, in order. A promise only if something in it must be waited for. */
  #finish(): MaybePromise<void> {
    const sends: SendStep[] = [];
    for (const step of this.#steps) {
      if (step.kind === "settle") {
        step.subscription.unacknowledged.remove(step.deliveries);
        if (!(step.subscription instanceof QueueSubscription))
          this.#environment.application.acknowledged(this.#session, step);
      } else if (step.destination.kind !== "queue") {
        sends.push(step);
      }
    }
    return sends.length === 0 ? undefined : this.#sendAll(sends);
  }

  async #sendAll(sends: readonly SendStep[]): Promise<void> {
    const settled: Promise<void>[] = [];
    for (const { destination, frame } of sends) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#unsettled.set(frame, resolve);
      try {
        const result = this.#environment.publisher.publish(this.#session, destination, frame);
        if ((await result) === RECEIPT_DEFERRED) settled.push(promise);
      } catch (fault) {
        this.#session.refuse(frame, toAppError(fault));
      }
    }
    await Promise.all(settled);
  }
}
