import { createHash } from "node:crypto";

/** What stands for a conversation, or a sender, in the index: one word for each, of any id. */
export function tokenOf(id: string): string {
  return createHash("sha256").update(id.toWellFormed()).digest("hex").slice(0, 16);
}

/**
 * A row of the index says where its message stands, counted from the last position that there may be,
 * since the index is at its best from the lowest row on, and the newest messages are looked for first;
 * and behind that what tells conversations apart.
 */
const LAST_POSITION = 2 ** 36;
const MARKS = 2 ** 16;

/** Of a conversation: few others have the same, so that most rows tell that they are none of it. */
export function markOf(conversationId: string): number {
  return Bun.hash.crc32(conversationId.toWellFormed()) % MARKS;
}

/** Rows are in the order of positions, the newest first. */
export function rowOf(position: number, mark: number): number {
  return (LAST_POSITION - position) * MARKS + mark;
}

export function positionOf(row: number): number {
  return LAST_POSITION - Math.floor(row / MARKS);
}

export function markIn(row: number): number {
  return row % MARKS;
}
