import type { QueueClient } from "../broker/queue-client.ts";
import { Frame } from "../stomp/frame.ts";
import type { ServerFrames } from "./server-frames.ts";

/** What the end of a stream stands for. */
export const END_OF_STREAM = new Frame("DISCONNECT", [], "");

/**
 * "If the client disconnects, previously received frames SHOULD continue to get processed"
 * [STOMP 1.2 §RECEIPT]. Subscriptions are over then, and transactions aborted: SENDs are left.
 */
export function outlivesConnection(frame: Frame): boolean {
  return frame.command === "SEND" && frame.header("transaction") === undefined;
}

/**
 * What a DISCONNECT's receipt waits for [STOMP 1.2 §DISCONNECT]; a promise only if there is something.
 * `queues` null: the client has used none.
 */
export function allBefore(
  serverFrames: ServerFrames,
  queues: QueueClient | null,
): Promise<unknown> | undefined {
  const receipts = serverFrames.allReceipts();
  if (queues === null) return receipts;
  let isSafe = false;
  const safe = new Promise<void>((resolve) => {
    queues.settled(() => {
      isSafe = true;
      resolve();
    });
  });
  return isSafe ? receipts : Promise.all([receipts, safe]);
}
