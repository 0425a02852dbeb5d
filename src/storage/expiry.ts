import type { RetentionRule } from "../chat/ports.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";

/** Of a message, what its expiry hangs on. */
export type Timed = Pick<StoredMessage, "seq" | "timestampMs">;

/** The message is one that the rule does not keep. `lastSeq` is its conversation's. */
function isExpired(
  { seq, timestampMs }: Timed,
  lastSeq: number,
  { beforeMs, keepLast }: RetentionRule,
): boolean {
  if (beforeMs !== null && timestampMs < beforeMs) return true;
  return keepLast !== null && seq <= lastSeq - keepLast;
}

/** A conversation and the lowest message that it still has; null, both: it has none. */
export interface ConversationBottom {
  readonly id: string;
  readonly lastSeq: number;
  readonly bottomSeq: number | null;
  readonly bottomMs: number | null;
}

/** There are messages of the conversation that the rule does not keep. */
export function hasExpired(
  { lastSeq, bottomSeq, bottomMs }: ConversationBottom,
  rule: RetentionRule,
): boolean {
  if (bottomSeq === null || bottomMs === null) return false;
  return isExpired({ seq: bottomSeq, timestampMs: bottomMs }, lastSeq, rule);
}

/** How many of a conversation's lowest messages, which are in order, go before the first that stays. */
export function countExpired(
  lowest: readonly Timed[],
  lastSeq: number,
  rule: RetentionRule,
): number {
  const kept = lowest.findIndex((message) => !isExpired(message, lastSeq, rule));
  return kept === -1 ? lowest.length : kept;
}
