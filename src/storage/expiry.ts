import type { RetentionRule } from "../chat/ports.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";

/** The message is one that the rule does not keep. `lastSeq` is its conversation's. */
export function isExpired(
  { seq, timestampMs }: Pick<StoredMessage, "seq" | "timestampMs">,
  lastSeq: number,
  { beforeMs, keepLast }: RetentionRule,
): boolean {
  if (beforeMs !== null && timestampMs < beforeMs) return true;
  return keepLast !== null && seq <= lastSeq - keepLast;
}
