import type { QueueBatch, StoredQueueMessage } from "../../src/broker/queue-store.ts";

/** A message of `/queue/jobs`, complete but for what the test cares about. */
export function job(number: number, fields: Partial<StoredQueueMessage> = {}): StoredQueueMessage {
  return {
    id: `job#${number}`,
    queue: "/queue/jobs",
    headers: ["content-type", "text/plain", "priority", "4"],
    body: `job ${number}`,
    expiresMs: null,
    deliveries: 0,
    ...fields,
  };
}

/** `count` messages of `/queue/jobs`, counted from `from`. */
export function jobs(count: number, from = 1): StoredQueueMessage[] {
  return Array.from({ length: count }, (_, index) => job(from + index));
}

export function queueBatch(parts: Partial<QueueBatch>): QueueBatch {
  return { removed: [], appended: [], redelivered: [], ...parts };
}
