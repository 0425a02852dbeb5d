import { AppError } from "../errors.ts";
import type { StoredQueueMessage } from "./queue-store.ts";

/** Who claims messages: a node, until it is given up for dead. Never the same again. */
export type LeaseId = string;

export interface QueueWant {
  readonly queue: string;
  /** At most so many. */
  readonly limit: number;
}

/** What a node does with its claims. */
export interface Claimant {
  readonly lease: LeaseId;
  /** Marks what this commit claims; each number once in a lease. */
  readonly run: number;
  /** Commits of which the node does not know what they claimed: it is given back. */
  readonly undone: readonly number[];
}

/** A claim that is given back, unless the message was claimed anew since. */
export interface ReturnedClaim {
  readonly id: string;
  /** Of the commit that claimed it. */
  readonly run: number;
  /** The new count. */
  readonly deliveries: number;
}

/** What one commit does, in the order of these lists. Of what another node claims nothing changes. */
export interface SharedQueueBatch {
  /** null: the batch only appends. */
  readonly claimant: Claimant | null;
  readonly returned: readonly ReturnedClaim[];
  /** Ids of claimed messages that are done with. */
  readonly removed: readonly string[];
  /** Behind all messages that are there, in this order. One whose id is there already is passed over. */
  readonly appended: readonly StoredQueueMessage[];
  /** Of each of these queues the first messages that nobody claims, those of `appended` too. */
  readonly wanted: readonly QueueWant[];
}

export interface SharedQueueChanges {
  /** In the order of their appending. */
  readonly claimed: readonly StoredQueueMessage[];
  /** The queues that got claims back. */
  readonly returnedTo: readonly string[];
}

export interface QueueCount {
  readonly queue: string;
  /** Claimed ones too. */
  readonly messages: number;
  readonly claimed: number;
}

/** The lease is no more: its claims are others' now, and nothing of the batch was written. */
export class ClaimsLost extends AppError {
  constructor() {
    super("STORAGE_UNAVAILABLE", "the node had no contact with the database for too long");
  }
}

/**
 * The messages of work queues that several nodes share. Each is claimed by one node at most, which
 * alone may give it to consumers, remove it or give it back. Claims are of a lease, which its node
 * renews; one that expires, by the store's own clock, may be ended by any node, and is then as if it
 * had never been. All methods reject with AppError STORAGE_UNAVAILABLE.
 */
export interface SharedQueueStore {
  /** A new lease, for `leaseMs` from now. */
  enter(leaseMs: number): Promise<LeaseId>;
  /** For `leaseMs` from now, also if it had expired; false: it was ended. */
  renew(lease: LeaseId, leaseMs: number): Promise<boolean>;
  /** Ends it; what it claims counts as delivered at least once. Returns the queues of its claims. */
  leave(lease: LeaseId): Promise<readonly string[]>;
  /** Ends those that expired; what they claim has been delivered once more. Returns the queues of it. */
  endExpired(): Promise<readonly string[]>;
  /**
   * All of the batch or nothing of it, durable when it resolves. Rejects with ClaimsLost when the
   * claimant's lease was ended. Calls take effect in their order.
   */
  commit(batch: SharedQueueBatch): Promise<SharedQueueChanges>;
  /** Removes at most `limit` messages that nobody claims and whose `expiresMs` has come. */
  removeExpired(nowMs: number, limit: number): Promise<void>;
  /** Of each queue with messages. It looks at all of them. */
  counts(): Promise<readonly QueueCount[]>;
  /** As of QueueStore. */
  probe(): Promise<void>;
}
