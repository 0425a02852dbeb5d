import type { Database } from "bun:sqlite";
import {
  type DeadLetter,
  type DueNotice,
  type Expansion,
  MOST_WAITING_NOTICES,
  type NoticeOutcome,
  type NoticeStore,
  type NoticeTargetStore,
  type UnreadMessages,
} from "../notify/ports.ts";
import type { NoticePreferences } from "../notify/preferences.ts";
import {
  NOTICE_CHANNELS,
  type NoticeChannel,
  type NoticeMessage,
  type NoticeTarget,
} from "../notify/provider.ts";
import type { Commits } from "./sqlite-commits.ts";
import { NOTICE_READS } from "./sqlite-notice-reads.ts";
import type { NoticeWrite } from "./sqlite-notice-writes.ts";
import { answer } from "./sqlite-reader.ts";

/** Notices that are forgotten in one transaction: commits of messages wait for it. */
const PORTION = 1_000;

interface DueRow extends NoticeTarget {
  readonly conversationId: string;
  readonly lastSeq: number;
  readonly dueMs: number;
  readonly attempts: number;
  readonly noticedMs: number;
  readonly preferences: string | null;
  readonly deliveredSeq: number | null;
  readonly readSeq: number | null;
  readonly mutedUntilMs: number | null;
  readonly seenSeq: number | null;
  readonly kind: "direct" | "group";
  readonly title: string | null;
}

interface MessageRow extends Omit<NoticeMessage, "mentionsUser"> {
  readonly mentionsUser: 0 | 1;
}

interface UnreadRange {
  readonly conversationId: string;
  readonly userId: string;
  readonly seenSeq: number;
  readonly lastSeq: number;
  /** What has disappeared by then is not told, be it that the disk does not know yet. */
  readonly nowMs: number;
}

/** Notices in an SQLite database; read at once, over `reader`. */
export class SqliteNoticeStore implements NoticeStore, NoticeTargetStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  putTarget(target: NoticeTarget): Promise<void> {
    const isThere = () => this.targetsOf(target.userId).some(({ id }) => id === target.id);
    return this.#write({ kind: "put-target", target }, isThere);
  }

  removeTarget(userId: string, id: string): Promise<void> {
    const isThere = () => !this.targetsOf(userId).some((target) => target.id === id);
    return this.#write({ kind: "remove-target", userId, id }, isThere);
  }

  targetsOf(userId: string): NoticeTarget[] {
    return answer(() => this.#reads.targets.all(userId));
  }

  putPreferences(userId: string, preferences: NoticePreferences): Promise<void> {
    const json = JSON.stringify(preferences);
    const isThere = () => this.#reads.preferences.get(userId)?.preferences === json;
    return this.#write({ kind: "put-preferences", userId, preferences }, isThere);
  }

  preferencesOf(userId: string): NoticePreferences | null {
    return preferencesOf(answer(() => this.#reads.preferences.get(userId))?.preferences);
  }

  async expand(expansion: Expansion): Promise<boolean> {
    if (!this.#hasOutbox()) return false;
    // Whether it is there cannot be told: what is left is expanded next.
    await this.#writeUnsynced({ kind: "expand", expansion });
    return this.#hasOutbox();
  }

  due(
    channel: NoticeChannel,
    nowMs: number,
    limit: number,
    busyTargets: readonly string[] = [],
  ): DueNotice[] {
    const busy = JSON.stringify(busyTargets);
    const rows = answer(() => this.#reads.due.all(channel, nowMs, busy, Math.max(limit, 0)));
    return rows.map((row) => this.#dueNotice(row, nowMs));
  }

  nextDueMs(channels: readonly NoticeChannel[]): number | null {
    return answer(() => {
      const times = channels.map((channel) => this.#reads.nextDue.get(channel)?.dueMs ?? null);
      const known = times.filter((time) => time !== null);
      return known.length === 0 ? null : Math.min(...known);
    });
  }

  settle(outcomes: readonly NoticeOutcome[]): Promise<void> {
    return this.#writeUnsynced({ kind: "settle", outcomes });
  }

  waiting(): number {
    return answer(() => {
      let count = this.#reads.outboxLength.get()?.count ?? 0;
      for (const channel of NOTICE_CHANNELS) count += this.#reads.waiting.get(channel)?.count ?? 0;
      return Math.min(count, MOST_WAITING_NOTICES);
    });
  }

  async forgetSent(beforeMs: number): Promise<void> {
    while (answer(() => this.#reads.sent.get(beforeMs)) !== null) {
      await this.#writeUnsynced({ kind: "forget-sent", beforeMs, limit: PORTION });
    }
  }

  async forgetWaiting(channels: readonly NoticeChannel[]): Promise<void> {
    for (const channel of channels) {
      while (this.nextDueMs([channel]) !== null) {
        await this.#writeUnsynced({ kind: "forget-waiting", channel, limit: PORTION });
      }
    }
  }

  deadLetters(after: string | null, limit: number): DeadLetter[] {
    return answer(() => this.#reads.deadLetters.all(after ?? "", Math.max(limit, 0)));
  }

  async replay(given: readonly string[], nowMs: number): Promise<number> {
    const letterIds = [...new Set(given)];
    const there = answer(() => this.#reads.lettersThere.get(JSON.stringify(letterIds))?.count ?? 0);
    await this.#write({ kind: "replay", letterIds, nowMs }, () => false);
    return there;
  }

  forgetLetters(letterIds: readonly string[]): Promise<void> {
    return this.#write({ kind: "forget-letters", letterIds }, () => false);
  }

  #hasOutbox(): boolean {
    return answer(() => this.#reads.outbox.get()) !== null;
  }

  #dueNotice(row: DueRow, nowMs: number): DueNotice {
    const { id, userId, channel, address, keys, createdMs, conversationId, lastSeq } = row;
    const { deliveredSeq, readSeq, mutedUntilMs, seenSeq } = row;
    const isMember = deliveredSeq !== null && readSeq !== null && seenSeq !== null;
    return {
      target: { id, userId, channel, address, keys, createdMs },
      ...{ conversationId, lastSeq, dueMs: row.dueMs, attempts: row.attempts },
      createdMs: row.noticedMs,
      preferences: preferencesOf(row.preferences),
      member: isMember ? { deliveredSeq, readSeq, mutedUntilMs } : null,
      unread: isMember
        ? this.#unread(row, { conversationId, userId, seenSeq, lastSeq, nowMs })
        : null,
    };
  }

  #unread({ kind, title }: DueRow, range: UnreadRange): UnreadMessages | null {
    return answer(() => {
      const newest = this.#reads.newest.get(named(range));
      if (newest === null) return null;
      const mentions = this.#reads.mentions.all(named(range));
      const lastMention = mentions[0];
      const mention =
        lastMention === undefined
          ? null
          : this.#reads.newest.get(named({ ...range, lastSeq: lastMention.seq }));
      return {
        ...{ kind, title },
        count: this.#reads.unread.get(named(range))?.count ?? 0,
        mentions: mentions.length,
        newest: messageOf(newest),
        newestMention: mention && messageOf(mention),
      };
    });
  }

  #writeUnsynced(write: NoticeWrite): Promise<void> {
    return this.#commits.commit(
      "notices",
      () => JSON.stringify(write),
      () => false,
      false,
    );
  }

  #write(write: NoticeWrite, isThere: () => boolean): Promise<void> {
    return this.#commits.commit("notices", () => JSON.stringify(write), isThere);
  }
}

type NamedRange = {
  readonly [name in keyof UnreadRange as `:${name}`]: UnreadRange[name];
};

function named({ conversationId, userId, seenSeq, lastSeq, nowMs }: UnreadRange): NamedRange {
  return {
    ...{ ":conversationId": conversationId, ":userId": userId },
    ...{ ":seenSeq": seenSeq, ":lastSeq": lastSeq, ":nowMs": nowMs },
  };
}

function messageOf({ mentionsUser, ...message }: MessageRow): NoticeMessage {
  return { ...message, mentionsUser: mentionsUser === 1 };
}

function preferencesOf(json: string | null | undefined): NoticePreferences | null {
  return json === null || json === undefined ? null : JSON.parse(json);
}

function prepare(db: Database) {
  return {
    targets: db.query<NoticeTarget, [userId: string]>(NOTICE_READS.noticeTargets),
    preferences: db.query<{ preferences: string }, [userId: string]>(
      NOTICE_READS.noticePreferences,
    ),
    due: db.query<DueRow, [channel: string, nowMs: number, busyJson: string, limit: number]>(
      NOTICE_READS.noticesDue,
    ),
    unread: db.query<{ count: number }, [NamedRange]>(NOTICE_READS.noticesUnread),
    newest: db.query<MessageRow, [NamedRange]>(NOTICE_READS.noticesNewest),
    mentions: db.query<{ seq: number }, [NamedRange]>(NOTICE_READS.noticesMentions),
    nextDue: db.query<{ dueMs: number | null }, [channel: string]>(NOTICE_READS.noticesNextDue),
    waiting: db.query<{ count: number }, [channel: string]>(NOTICE_READS.noticesWaiting),
    sent: db.query<unknown, [beforeMs: number]>(NOTICE_READS.noticesSent),
    outbox: db.query<{ position: number }, []>(NOTICE_READS.outbox),
    outboxLength: db.query<{ count: number }, []>(NOTICE_READS.outboxLength),
    deadLetters: db.query<DeadLetter, [after: string, limit: number]>(NOTICE_READS.deadLetters),
    lettersThere: db.query<{ count: number }, [idsJson: string]>(NOTICE_READS.deadLettersThere),
  };
}
