import { createHash } from "node:crypto";
import type { DueNotice, UnreadMessages } from "./ports.ts";
import { DEFAULT_PREFERENCES, type NoticePreferences } from "./preferences.ts";
import type { Notice } from "./provider.ts";
import { quietUntilMs } from "./quiet-hours.ts";

export type Judgement =
  | { readonly kind: "told"; readonly notice: Notice }
  | { readonly kind: "dropped" }
  /** It is looked at again then. */
  | { readonly kind: "later"; readonly dueMs: number };

export interface Circumstances {
  readonly nowMs: number;
  /** The user has a connection to some node. */
  readonly isThere: boolean;
  /** Until it is looked again at a notice of a user who is there. */
  readonly againMs: number;
  /** From a message on: by then it is known whether the connection lives that has taken it. */
  readonly doubtMs: number;
}

/** So much later it is looked again at a notice in quiet hours: the user may have changed them. */
const QUIET_LOOK_MS = 900_000;

/** What becomes of a notice that is due, as everything is now. */
export function judge(due: DueNotice, circumstances: Circumstances): Judgement {
  const { target, member, lastSeq } = due;
  const { nowMs, isThere, againMs, doubtMs } = circumstances;
  if (member === null || due.unread === null) return { kind: "dropped" };
  if (member.mutedUntilMs !== null && member.mutedUntilMs > nowMs) return { kind: "dropped" };
  const preferences = due.preferences ?? DEFAULT_PREFERENCES;
  const isEmail = target.channel === "email";
  if (!(isEmail ? preferences.email : preferences.push)) return { kind: "dropped" };
  const unread = asWished(due.unread, preferences);
  if (unread === null) return { kind: "dropped" };
  if (isThere) {
    if (isEmail || member.deliveredSeq < lastSeq) return { kind: "later", dueMs: nowMs + againMs };
    // The app shows what has reached it. A connection that is dead takes it too, until it is known.
    const certainMs = unread.newest.timestampMs + doubtMs;
    return certainMs > nowMs ? { kind: "later", dueMs: certainMs } : { kind: "dropped" };
  }
  const { quietHours } = preferences;
  const quietMs = quietHours === null ? null : quietUntilMs(quietHours, nowMs);
  if (quietMs !== null) {
    return { kind: "later", dueMs: Math.min(quietMs, nowMs + QUIET_LOOK_MS) };
  }
  const { kind, title, count, newest } = unread;
  return {
    kind: "told",
    notice: {
      ...{ key: keyOf(due), userId: target.userId, conversationId: due.conversationId },
      ...{ kind, title, count, newest, isPrivate: !preferences.previews },
      timeZone: quietHours?.timeZone ?? null,
    },
  };
}

/** null: nothing of it. */
function asWished(unread: UnreadMessages, { groups }: NoticePreferences): UnreadMessages | null {
  if (unread.kind === "direct" || groups === "all") return unread;
  if (groups === "none" || unread.newestMention === null) return null;
  return { ...unread, count: unread.mentions, newest: unread.newestMention };
}

/** One content has one key, whoever sends it and however often: what has more messages has another. */
function keyOf({ target, conversationId, lastSeq }: DueNotice): string {
  const digest = createHash("sha256").update(`${target.id} ${conversationId} ${lastSeq}`);
  return digest.digest("hex").slice(0, 32);
}
