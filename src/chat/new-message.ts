import { AppError } from "../errors.ts";
import type { Conversation } from "./conversation.ts";

export interface NewMessage {
  readonly conversationId: string;
  readonly recipientId: string | null;
  readonly clientMessageId: string | null;
  readonly type: string;
  readonly content: string;
  readonly replyTo: string | null;
  /** Whom it names; who is no member is left out. */
  readonly mentions: readonly string[] | null;
  /** How long it says something, or less where the conversation says so; null: as that says. */
  readonly disappearAfterSeconds: number | null;
  /** Ids; null: none. */
  readonly attachments: readonly string[] | null;
}

/** As it is kept: who is a member, each once, as JSON. */
export function mentionsIn(
  { members }: Conversation,
  userIds: readonly string[] | null,
): string | null {
  if (userIds === null) return null;
  const named = [...new Set(userIds)].filter((userId) => members.has(userId));
  return named.length === 0 ? null : JSON.stringify(named);
}

/** null: it does not disappear. The sooner holds of what the message and its conversation say. */
export function expiryOf(nowMs: number, own: number | null, ofAll: number | null): number | null {
  const seconds = Math.min(own ?? Number.POSITIVE_INFINITY, ofAll ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(seconds) ? nowMs + 1_000 * seconds : null;
}

/** Characters of JSON text take at most so many bytes: an escaped control character. */
const MOST_BYTES_EACH = 6;

/** Throws VALIDATION_FAILED for a text that takes more bytes as JSON than a frame may. */
export function assertFits(text: string, limitBytes: number, field: string): void {
  if (MOST_BYTES_EACH * text.length <= limitBytes) return;
  if (Buffer.byteLength(JSON.stringify(text)) <= limitBytes) return;
  throw new AppError("VALIDATION_FAILED", `${field}: takes more than ${limitBytes} bytes`);
}
