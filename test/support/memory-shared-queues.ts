import type { StoredQueueMessage } from "../../src/broker/queue-store.ts";
import {
  ClaimsLost,
  type LeaseId,
  type QueueCount,
  type SharedQueueBatch,
  type SharedQueueChanges,
  type SharedQueueStore,
} from "../../src/broker/shared-queue-store.ts";
import type { Clock } from "../../src/clock.ts";

interface Row {
  message: StoredQueueMessage;
  claim: { readonly lease: LeaseId; readonly run: number } | null;
}

/** The work queues of several nodes in one process. `clock` is the database's. */
export class MemorySharedQueues implements SharedQueueStore {
  /** In the order of their appending. */
  readonly rows = new Map<string, Row>();
  /** When they expire. */
  readonly leases = new Map<LeaseId, number>();
  /** Hears of each claim that changes hands; null: it was given back. */
  onClaim: (id: string, lease: LeaseId | null) => void = () => {};
  #leasesMade = 0;

  constructor(readonly clock: Pick<Clock, "monotonicMs">) {}

  async enter(leaseMs: number): Promise<LeaseId> {
    this.#leasesMade += 1;
    const lease = String(this.#leasesMade);
    this.leases.set(lease, this.clock.monotonicMs() + leaseMs);
    return lease;
  }

  async renew(lease: LeaseId, leaseMs: number): Promise<boolean> {
    if (!this.leases.has(lease)) return false;
    this.leases.set(lease, this.clock.monotonicMs() + leaseMs);
    return true;
  }

  async leave(lease: LeaseId): Promise<string[]> {
    return this.#end(lease, (deliveries) => Math.max(deliveries, 1));
  }

  async endExpired(): Promise<string[]> {
    const nowMs = this.clock.monotonicMs();
    const expired = [...this.leases].filter(([, expiresMs]) => expiresMs < nowMs);
    const queues = expired.flatMap(([lease]) => this.#end(lease, (deliveries) => deliveries + 1));
    return [...new Set(queues)];
  }

  async commit(batch: SharedQueueBatch): Promise<SharedQueueChanges> {
    const { claimant, returned, removed, appended, wanted } = batch;
    if (claimant !== null && !this.leases.has(claimant.lease)) throw new ClaimsLost();
    const returnedTo = new Set<string>();
    const claimed: StoredQueueMessage[] = [];
    if (claimant !== null) {
      const { lease, run, undone } = claimant;
      for (const row of this.rows.values()) {
        if (row.claim?.lease !== lease || !undone.includes(row.claim.run)) continue;
        this.#unclaim(row, row.message.deliveries);
        returnedTo.add(row.message.queue);
      }
      for (const { id, run: claimedBy, deliveries } of returned) {
        const row = this.rows.get(id);
        if (row?.claim?.lease !== lease || row.claim.run !== claimedBy) continue;
        this.#unclaim(row, deliveries);
        returnedTo.add(row.message.queue);
      }
      for (const id of removed) {
        if (this.rows.get(id)?.claim?.lease === lease) this.rows.delete(id);
      }
      this.#append(appended);
      for (const { queue, limit } of wanted) {
        const free = [...this.rows.values()].filter(
          ({ message, claim }) => message.queue === queue && claim === null,
        );
        for (const row of free.slice(0, limit)) {
          row.claim = { lease, run };
          this.onClaim(row.message.id, lease);
          claimed.push(row.message);
        }
      }
    } else this.#append(appended);
    return { claimed, returnedTo: [...returnedTo] };
  }

  async removeExpired(nowMs: number, limit: number): Promise<void> {
    const expired = [...this.rows.values()].filter(
      ({ message, claim }) =>
        claim === null && message.expiresMs !== null && message.expiresMs <= nowMs,
    );
    for (const { message } of expired.slice(0, limit)) this.rows.delete(message.id);
  }

  async counts(): Promise<QueueCount[]> {
    const counts = new Map<string, QueueCount>();
    for (const { message, claim } of this.rows.values()) {
      const { queue } = message;
      const { messages, claimed } = counts.get(queue) ?? { messages: 0, claimed: 0 };
      counts.set(queue, {
        queue,
        messages: messages + 1,
        claimed: claimed + (claim === null ? 0 : 1),
      });
    }
    return [...counts.values()];
  }

  async probe(): Promise<void> {}

  #append(messages: readonly StoredQueueMessage[]): void {
    for (const message of messages) {
      if (!this.rows.has(message.id)) this.rows.set(message.id, { message, claim: null });
    }
  }

  #end(lease: LeaseId, counted: (deliveries: number) => number): string[] {
    this.leases.delete(lease);
    const queues = new Set<string>();
    for (const row of this.rows.values()) {
      if (row.claim?.lease !== lease) continue;
      this.#unclaim(row, counted(row.message.deliveries));
      queues.add(row.message.queue);
    }
    return [...queues];
  }

  #unclaim(row: Row, deliveries: number): void {
    row.claim = null;
    row.message = { ...row.message, deliveries };
    this.onClaim(row.message.id, null);
  }
}
