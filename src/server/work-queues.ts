import type { Backplane } from "../broker/backplane.ts";
import type { NodeChannels } from "../broker/node-channels.ts";
import { QueueJournal } from "../broker/queue-journal.ts";
import type { QueueStore, StoredQueueMessage } from "../broker/queue-store.ts";
import { QueueWakes } from "../broker/queue-wakes.ts";
import { Queues } from "../broker/queues.ts";
import type { SharedQueueStore } from "../broker/shared-queue-store.ts";
import { SharedQueues } from "../broker/shared-queues.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import type { AppError } from "../errors.ts";
import { newUuid } from "../ids.ts";
import type { Log } from "../log.ts";

interface QueueStores {
  readonly queues: QueueStore;
  readonly sharedQueues: SharedQueueStore | null;
}

/**
 * What a node keeps in memory of work queues from its start on: nothing where nodes share them, since
 * there the messages stay in the database.
 */
export async function loadQueues(
  { queues, sharedQueues }: QueueStores,
  backplane: Backplane,
): Promise<readonly StoredQueueMessage[]> {
  return backplane.isShared && sharedQueues !== null ? [] : await queues.messages();
}

export interface OpenQueuesOptions {
  readonly settings: Settings;
  readonly storage: QueueStores;
  /** What was kept over the restart, see `loadQueues`. */
  readonly queued: readonly StoredQueueMessage[];
  /** null: there are no other nodes. */
  readonly nodes: NodeChannels | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStoreChange: (error: AppError | null) => void;
}

/** The work queues: shared with the other nodes if there are any and the database is theirs too. */
export function openQueues(options: OpenQueuesOptions): WorkQueues {
  const { settings, storage, queued, nodes, clock, log, onStoreChange } = options;
  const { maxDeliveries, leaseMs } = settings.queue;
  const common = { clock, newId: newUuid, limits: settings.limits, maxDeliveries, log };
  const { sharedQueues } = storage;
  if (nodes !== null && sharedQueues !== null) {
    const wakes = new QueueWakes(nodes);
    const shared = new SharedQueues({
      ...common,
      store: sharedQueues,
      wakes,
      leaseMs,
      onStoreChange,
    });
    shared.start();
    return shared;
  }
  const journal = new QueueJournal(storage.queues, clock, onStoreChange);
  const queues = new Queues({ ...common, journal });
  queues.load(queued);
  return queues;
}
