import type { Broker } from "../broker/broker.ts";
import type { SubscriptionRequest } from "../broker/subscription.ts";
import type { Connection } from "./ports.ts";
import type { Unacknowledged } from "./unacknowledged.ts";

export type AckMode = "auto" | "client" | "client-individual";

/** One SUBSCRIBE of a connection, whatever it listens to. */
export interface ClientSubscription {
  /** null only in STOMP 1.0. */
  readonly id: string | null;
  /** Counts the connection's subscriptions; part of the `ack` header. */
  readonly number: number;
  readonly ackMode: AckMode;
  readonly request: SubscriptionRequest;
  /** What it listens to, see `userQueue`. */
  readonly key: string;
  readonly isOpen: boolean;
  readonly unacknowledged: Unacknowledged;
  /** Of messages that wait for an acknowledgement. */
  readonly unacknowledgedBytes: number;
  /** From now on messages arrive. `held`: they wait until the subscription goes live. */
  open(held: boolean): void;
  /** Idempotent. Messages not acknowledged are delivered again, by whoever sent them. */
  close(): void;
  /** The send buffer is empty again. */
  drained(): void;
}

export interface ClientSubscriptionOptions {
  readonly broker: Broker;
  readonly connection: Connection;
  readonly request: SubscriptionRequest;
  readonly ackMode: AckMode;
  readonly number: number;
}
