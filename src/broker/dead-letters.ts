import type { QueueMessage } from "./queue-message.ts";
import type { StoredQueueMessage } from "./queue-store.ts";

/** Why a message became a dead letter. */
export type DeathReason = "rejected" | "max-deliveries";

/** `/queue/x` has its dead letters on `/queue/dead-letter/x`. */
const DEAD_LETTERS = "/queue/dead-letter/";

export function isDeadLetters(queue: string): boolean {
  return queue.startsWith(DEAD_LETTERS);
}

/** What stays of the message, and says where it came from. */
export function deadLetterOf(
  message: QueueMessage,
  reason: DeathReason,
  id: string,
): StoredQueueMessage {
  const { queue, body, deliveries } = message;
  const headers = [
    ...message.headers,
    ...["original-destination", queue, "death-reason", reason],
    ...["deliveries", String(deliveries)],
  ];
  const name = DEAD_LETTERS + queue.slice("/queue/".length);
  return { id, queue: name, headers, body, expiresMs: null, deliveries: 0 };
}
