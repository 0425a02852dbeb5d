import type { ConversationKind } from "../chat/stored-chats.ts";
import type { DueNotice, UnreadMessages } from "../notify/ports.ts";
import type { NoticeMessage, NoticeTarget } from "../notify/provider.ts";
import { fromPostgresJson } from "./postgres-text.ts";

/** What `NOTICE_READS.due` gives. */
export interface DueRow extends NoticeTarget {
  readonly conversationId: string;
  readonly lastSeq: number;
  readonly dueMs: number;
  readonly attempts: number;
  readonly noticedMs: number;
  readonly preferences: string | null;
  /** Of nobody who is no member: null, both. */
  readonly deliveredSeq: number | null;
  readonly readSeq: number | null;
  readonly mutedUntilMs: number | null;
  readonly kind: ConversationKind;
  readonly title: string | null;
  readonly count: number;
  readonly mentions: number;
  /** A NoticeMessage, as JSON. */
  readonly newest: string | null;
  readonly newestMention: string | null;
}

export function dueNotice(row: DueRow): DueNotice {
  const { id, userId, channel, address, keys, createdMs, conversationId, lastSeq } = row;
  const { dueMs, attempts, noticedMs, preferences, deliveredSeq, readSeq, mutedUntilMs } = row;
  return {
    target: { id, userId, channel, address, keys, createdMs },
    ...{ conversationId, lastSeq, dueMs, attempts, createdMs: noticedMs },
    preferences: preferences === null ? null : JSON.parse(preferences),
    member:
      deliveredSeq === null || readSeq === null ? null : { deliveredSeq, readSeq, mutedUntilMs },
    unread: unreadOf(row),
  };
}

function unreadOf({ kind, title, count, mentions, ...row }: DueRow): UnreadMessages | null {
  if (row.newest === null) return null;
  const newestMention = row.newestMention === null ? null : messageOf(row.newestMention);
  return { kind, title, count, mentions, newest: messageOf(row.newest), newestMention };
}

function messageOf(json: string): NoticeMessage {
  return fromPostgresJson(json) as NoticeMessage;
}
