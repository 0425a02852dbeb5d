import type { Edited, StoredMessage } from "./stored-chats.ts";

/** A message that says nothing any more. */
export function erased(message: StoredMessage, deletedMs: number): StoredMessage {
  const nothing = {
    ...{ content: "", attachments: null, reactions: null, mentions: null, pinnedMs: null },
  };
  return { ...message, ...nothing, deletedMs };
}

/**
 * The message as it is shown at that time: one whose time is over says nothing, be it that the disk
 * does not know yet; nor does the event of an edit say what such a one said.
 */
export function shownAt(nowMs: number, message: StoredMessage): StoredMessage {
  const { expiresMs, deletedMs, edited } = message;
  if (expiresMs !== null && expiresMs <= nowMs && deletedMs === null) {
    return erased(message, expiresMs);
  }
  if (edited === null) return message;
  const told: Edited = JSON.parse(edited);
  if (told.expiresMs == null || told.expiresMs > nowMs || told.content === null) return message;
  return { ...message, edited: JSON.stringify({ ...told, content: null, mentions: null }) };
}
