import type { StoredMessage } from "./stored-chats.ts";

/** Stands where the name of a user stood who is no more. */
export const ERASED_NAME = "Deleted user";

type Named = Pick<StoredMessage, "senderName" | "type" | "content" | "event">;

/** What is left of an event that an erased user brought about: what happened, and nothing of theirs. */
export function erasedEvent({ senderName, type, content, event }: Named): {
  readonly content: string;
  readonly event: string | null;
} {
  if (type === "MESSAGE_REACTION" && event !== null) {
    const taken = { ...JSON.parse(event), emoji: null };
    return { content: `${ERASED_NAME} took a reaction back`, event: JSON.stringify(taken) };
  }
  // Sentences begin with who did it.
  const rest = content.startsWith(senderName) ? content.slice(senderName.length) : "";
  return { content: ERASED_NAME + rest, event };
}
