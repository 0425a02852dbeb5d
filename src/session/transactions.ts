import type { Destination } from "../broker/destination.ts";
import { AppError } from "../errors.ts";
import { type Frame, sizeOf } from "../stomp/frame.ts";
import type { ClientSubscription } from "./client-subscription.ts";
import type { Delivery } from "./unacknowledged.ts";

export interface TransactionLimits {
  /** Open at a time, of a connection. */
  readonly transactions: number;
  /** SEND, ACK and NACK frames in all open transactions of a connection. */
  readonly transactionFrames: number;
  /** Bytes of those. */
  readonly transactionBytes: number;
}

export interface SendStep {
  readonly kind: "send";
  readonly destination: Destination;
  readonly frame: Frame;
}

export interface SettleStep extends Settlement {
  readonly kind: "settle";
}

/** An ACK or NACK, and what it covers. */
export interface Settlement {
  readonly subscription: ClientSubscription;
  readonly deliveries: readonly Delivery[];
  /** ACK; otherwise NACK. */
  readonly positive: boolean;
  /** Of a NACK: somebody else may try. */
  readonly requeue: boolean;
}

export type TransactionStep = SendStep | SettleStep;

/** The open transactions of one connection, by name [STOMP 1.2 §BEGIN]. */
export class Transactions {
  readonly #open = new Map<string, { readonly steps: TransactionStep[]; bytes: number }>();
  #frames = 0;
  #bytes = 0;

  constructor(readonly limits: TransactionLimits) {}

  /** In all open ones. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Throws TRANSACTION_IN_USE, TRANSACTION_LIMIT_EXCEEDED. */
  begin(name: string): void {
    if (this.#open.has(name)) {
      throw new AppError("TRANSACTION_IN_USE", `Transaction ${name} is open already`);
    }
    if (this.#open.size >= this.limits.transactions) throw tooMuch("open transactions");
    this.#open.set(name, { steps: [], bytes: 0 });
  }

  /** Throws UNKNOWN_TRANSACTION. */
  assertOpen(name: string): void {
    this.#named(name);
  }

  /** Throws UNKNOWN_TRANSACTION, TRANSACTION_LIMIT_EXCEEDED. */
  add(name: string, step: TransactionStep): void {
    const transaction = this.#named(name);
    const bytes = step.kind === "send" ? sizeOf(step.frame) : 0;
    if (this.#frames >= this.limits.transactionFrames) throw tooMuch("frames in transactions");
    if (this.#bytes + bytes > this.limits.transactionBytes) throw tooMuch("bytes in transactions");
    transaction.steps.push(step);
    transaction.bytes += bytes;
    this.#frames += 1;
    this.#bytes += bytes;
  }

  /** The steps in their order; the transaction is no longer open. Throws UNKNOWN_TRANSACTION. */
  take(name: string): readonly TransactionStep[] {
    const { steps, bytes } = this.#named(name);
    this.#open.delete(name);
    this.#frames -= steps.length;
    this.#bytes -= bytes;
    return steps;
  }

  #named(name: string): { readonly steps: TransactionStep[]; bytes: number } {
    const transaction = this.#open.get(name);
    if (transaction !== undefined) return transaction;
    throw unknownTransaction(name);
  }
}

function tooMuch(what: string): AppError {
  return new AppError("TRANSACTION_LIMIT_EXCEEDED", `Too many ${what}`);
}

export function unknownTransaction(name: string): AppError {
  return new AppError("UNKNOWN_TRANSACTION", `No transaction ${name} is open`);
}
