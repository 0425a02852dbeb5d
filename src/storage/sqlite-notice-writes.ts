import type { Database } from "bun:sqlite";
import type { Expansion, NoticeOutcome } from "../notify/ports.ts";
import type { NoticePreferences } from "../notify/preferences.ts";
import type { NoticeChannel, NoticeTarget } from "../notify/provider.ts";
import { WebhookWrites } from "./sqlite-webhook-writes.ts";

/** What happens to notices, as it crosses to the writer. */
export type NoticeWrite =
  | { readonly kind: "put-target"; readonly target: NoticeTarget }
  | { readonly kind: "remove-target"; readonly userId: string; readonly id: string }
  | {
      readonly kind: "put-preferences";
      readonly userId: string;
      readonly preferences: NoticePreferences;
    }
  | { readonly kind: "expand"; readonly expansion: Expansion }
  | { readonly kind: "settle"; readonly outcomes: readonly NoticeOutcome[] }
  | { readonly kind: "forget-sent"; readonly beforeMs: number; readonly limit: number }
  | { readonly kind: "forget-waiting"; readonly channel: NoticeChannel; readonly limit: number }
  | { readonly kind: "replay"; readonly letterIds: readonly string[]; readonly nowMs: number }
  | { readonly kind: "forget-letters"; readonly letterIds: readonly string[] };

interface OutboxEntry {
  readonly position: number;
  readonly messageId: string;
}

/** An expansion takes the writer hardly longer: commits of messages wait for it. */
const EXPANSION_MS = 2;
/** Entries of which it is asked together whether anybody is to be told: few, as some are of large groups. */
const PORTION = 20;

/** Writes notices, within a transaction of the caller's. */
export class NoticeWrites {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #webhooks: WebhookWrites;

  constructor(db: Database) {
    this.#statements = prepare(db);
    this.#webhooks = new WebhookWrites(db);
  }

  /** Throws the engine's error, and may then have written some of it. */
  apply(write: NoticeWrite): void {
    switch (write.kind) {
      case "put-target":
        this.#putTarget(write.target);
        return;
      case "remove-target":
        this.#statements.forgetNotices.run(write.id, write.userId);
        this.#statements.removeTarget.run(write.id, write.userId);
        return;
      case "put-preferences":
        this.#statements.putPreferences.run(write.userId, JSON.stringify(write.preferences));
        return;
      case "expand":
        this.#expand(write.expansion);
        return;
      case "settle":
        for (const outcome of write.outcomes) this.#settle(outcome);
        return;
      case "forget-sent":
        this.#statements.forgetSent.run(write.beforeMs, write.limit);
        return;
      case "forget-waiting":
        this.#statements.forgetWaiting.run(write.channel, write.limit);
        return;
      case "replay":
        for (const id of write.letterIds) this.#replay(id, write.nowMs);
        return;
      case "forget-letters":
        for (const id of write.letterIds) this.#statements.forgetLetter.run(id);
    }
  }

  #putTarget({ id, userId, channel, address, keys, createdMs }: NoticeTarget): void {
    const { forgetOthers, removeOthers, putTarget } = this.#statements;
    forgetOthers.run(channel, address, id);
    removeOthers.run(channel, address, id);
    putTarget.run(id, userId, channel, address, keys, createdMs);
  }

  #expand(expansion: Expansion): void {
    const untilMs = performance.now() + EXPANSION_MS;
    const entries = this.#statements.outbox.all(expansion.limit);
    for (let at = 0; at < entries.length; at += PORTION) {
      const portion = entries.slice(at, at + PORTION);
      const taken = this.#expandPortion(portion, expansion, untilMs);
      this.#statements.takeOut.run(taken);
      if (performance.now() >= untilMs) return;
    }
  }

  /** Those of the portion for which there is time; returns where it ended. */
  #expandPortion(
    portion: readonly OutboxEntry[],
    { nowMs, channels, webhooks }: Expansion,
    untilMs: number,
  ): number {
    const { forTargets, notice, webhookEvent } = this.#statements;
    const upto = portion.at(-1)?.position ?? 0;
    // Of most messages nobody is to be told: to ask that of all costs less than a statement for each.
    const told = new Set(
      channels.length === 0 ? [] : forTargets.all(upto).map(({ position }) => position),
    );
    for (const { position, messageId } of portion) {
      if (webhooks) webhookEvent.run(nowMs, messageId);
      if (!told.has(position)) continue;
      for (const { channel, delayMs, intervalMs } of channels) {
        notice.run(channel, delayMs, nowMs, messageId, intervalMs);
      }
      if (performance.now() >= untilMs) return position;
    }
    return upto;
  }

  #settle(outcome: NoticeOutcome): void {
    const { targetId, conversationId, lastSeq } = outcome;
    const key = [targetId, conversationId, lastSeq] as const;
    const { sent, extended, drop, later, bury } = this.#statements;
    switch (outcome.kind) {
      case "sent":
        if (sent.run(outcome.nextMs, ...key).changes === 0) {
          extended.run(outcome.sentMs, outcome.nextMs, ...key);
        }
        return;
      case "dropped":
        drop.run(...key);
        return;
      case "later":
        later.run(outcome.dueMs, outcome.attempts, targetId, conversationId);
        return;
      case "dead": {
        const { letterId, attempts, reason, diedMs, event } = outcome;
        const fate = [attempts, reason, diedMs] as const;
        const buried = bury.run(letterId, lastSeq, ...fate, targetId, conversationId).changes > 0;
        if (buried && event !== null) this.#webhooks.apply({ kind: "add", events: [event] });
        if (drop.run(...key).changes === 0) extended.run(diedMs, 0, ...key);
      }
    }
  }

  #replay(letterId: string, nowMs: number): void {
    this.#statements.reviveNotice.run(nowMs, letterId);
    this.#statements.reviveEvent.run(nowMs, letterId);
    this.#statements.forgetLetter.run(letterId);
  }
}

/** `due_ms` of the first event of a lane, as a partial index has it. */
const DUE_IF_FIRST = `
  CASE WHEN EXISTS (SELECT 1 FROM webhook_events AS before WHERE before.lane = lanes.lane)
       THEN NULL ELSE ?1 END`;

type Key = [targetId: string, conversationId: string, lastSeq: number];

function prepare(db: Database) {
  return {
    putTarget: db.query<
      null,
      [
        id: string,
        userId: string,
        channel: string,
        address: string,
        keys: string | null,
        createdMs: number,
      ]
    >(
      `INSERT INTO notice_targets (id, user_id, channel, address, keys, created_ms)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         user_id = excluded.user_id, address = excluded.address, keys = excluded.keys`,
    ),
    forgetOthers: db.query<null, [channel: string, address: string, id: string]>(
      `DELETE FROM notices WHERE target_id IN (
         SELECT id FROM notice_targets WHERE channel = ? AND address = ? AND id <> ?
       )`,
    ),
    removeOthers: db.query<null, [channel: string, address: string, id: string]>(
      "DELETE FROM notice_targets WHERE channel = ? AND address = ? AND id <> ?",
    ),
    removeTarget: db.query<null, [id: string, userId: string]>(
      "DELETE FROM notice_targets WHERE id = ? AND user_id = ?",
    ),
    forgetNotices: db.query<null, [id: string, userId: string]>(
      `DELETE FROM notices WHERE target_id IN (
         SELECT id FROM notice_targets WHERE id = ? AND user_id = ?
       )`,
    ),
    putPreferences: db.query<null, [userId: string, preferences: string]>(
      `INSERT INTO notice_preferences (user_id, preferences) VALUES (?, ?)
       ON CONFLICT (user_id) DO UPDATE SET preferences = excluded.preferences`,
    ),
    outbox: db.query<OutboxEntry, [limit: number]>(
      `SELECT position, message_id AS messageId FROM outbox ORDER BY position LIMIT ?`,
    ),
    takeOut: db.query<null, [upto: number]>("DELETE FROM outbox WHERE position <= ?"),
    forTargets: db.query<{ position: number }, [upto: number]>(
      `SELECT DISTINCT outbox.position
       FROM outbox
       CROSS JOIN messages ON messages.id = outbox.message_id
       CROSS JOIN members ON members.conversation_id = messages.conversation_id
       CROSS JOIN notice_targets ON notice_targets.user_id = members.user_id
       WHERE outbox.position <= ? AND messages.event IS NULL
         AND members.user_id <> messages.sender_id AND messages.seq > members.read_seq`,
    ),
    // Who has answered has seen what was there, as in lists of conversations. What waits begins anew
    // where all of it was sent or has been seen.
    notice: db.query<
      null,
      [channel: string, delayMs: number, nowMs: number, messageId: string, intervalMs: number]
    >(
      `INSERT INTO notices (target_id, conversation_id, channel, last_seq, due_ms, created_ms)
       SELECT notice_targets.id, messages.conversation_id, notice_targets.channel, messages.seq,
              min(messages.timestamp_ms, ?3) + ?2, ?3
       FROM messages
       CROSS JOIN members ON members.conversation_id = messages.conversation_id
       CROSS JOIN notice_targets
         ON notice_targets.user_id = members.user_id AND notice_targets.channel = ?1
       WHERE messages.id = ?4 AND messages.event IS NULL AND messages.deleted_ms IS NULL
         AND members.user_id <> messages.sender_id
         AND messages.seq > max(members.read_seq, members.joined_seq, members.sent_seq)
         AND coalesce(members.muted_until_ms, 0) <= ?3
         AND NOT EXISTS (
           SELECT 1 FROM blocks
           WHERE blocker_id = members.user_id AND blocked_id = messages.sender_id
         )
       ON CONFLICT (target_id, conversation_id) DO UPDATE SET
         last_seq = max(last_seq, excluded.last_seq),
         (attempts, created_ms, due_ms) = (
           SELECT iif(isAnew, 0, notices.attempts),
                  iif(isAnew, excluded.created_ms, notices.created_ms),
                  iif(isAnew, max(coalesce(notices.due_ms, 0), excluded.due_ms,
                                  min(notices.next_ms, ?3 + ?5)),
                      notices.due_ms)
           FROM (
             SELECT notices.due_ms IS NULL
                    OR notices.last_seq <= max(read_seq, joined_seq, sent_seq) AS isAnew
             FROM members
             WHERE conversation_id = notices.conversation_id AND user_id = (
               SELECT user_id FROM notice_targets WHERE id = notices.target_id
             )
           )
         )`,
    ),
    webhookEvent: db.query<null, [nowMs: number, messageId: string]>(
      `INSERT INTO webhook_events (id, type, lane, created_ms, message_id, due_ms)
       SELECT lanes.id, 'message.created', lanes.lane, lanes.createdMs, lanes.id, ${DUE_IF_FIRST}
       FROM (
         SELECT id, conversation_id AS lane, timestamp_ms AS createdMs FROM messages WHERE id = ?2
       ) AS lanes`,
    ),
    sent: db.query<null, [nextMs: number, ...Key]>(
      `UPDATE notices SET due_ms = NULL, attempts = 0, next_ms = ?
       WHERE target_id = ? AND conversation_id = ? AND last_seq = ? AND due_ms IS NOT NULL`,
    ),
    // What came meanwhile has waited for the send, and now for the interval.
    extended: db.query<null, [nowMs: number, nextMs: number, ...Key]>(
      `UPDATE notices SET attempts = 0, created_ms = ?1, next_ms = ?2, due_ms = max(?1, ?2)
       WHERE target_id = ?3 AND conversation_id = ?4 AND last_seq > ?5 AND due_ms IS NOT NULL`,
    ),
    drop: db.query<null, Key>(
      `DELETE FROM notices
       WHERE target_id = ? AND conversation_id = ? AND last_seq = ? AND due_ms IS NOT NULL`,
    ),
    later: db.query<
      null,
      [dueMs: number, attempts: number, targetId: string, conversationId: string]
    >(
      `UPDATE notices SET due_ms = ?, attempts = ?
       WHERE target_id = ? AND conversation_id = ? AND due_ms IS NOT NULL`,
    ),
    bury: db.query<
      null,
      [
        letterId: string,
        seq: number,
        attempts: number,
        reason: string,
        diedMs: number,
        targetId: string,
        conversationId: string,
      ]
    >(
      `INSERT INTO dead_letters (id, channel, user_id, target_id, conversation_id, seq, created_ms,
                                 attempts, reason, died_ms)
       SELECT ?1, notice_targets.channel, notice_targets.user_id, notices.target_id,
              notices.conversation_id, ?2, notices.created_ms, ?3, ?4, ?5
       FROM notices JOIN notice_targets ON notice_targets.id = notices.target_id
       WHERE notices.target_id = ?6 AND notices.conversation_id = ?7
         AND notices.due_ms IS NOT NULL
       ON CONFLICT (id) DO NOTHING`,
    ),
    forgetSent: db.query<null, [beforeMs: number, limit: number]>(
      `DELETE FROM notices WHERE (target_id, conversation_id) IN (
         SELECT target_id, conversation_id FROM notices
         WHERE due_ms IS NULL AND next_ms < ? LIMIT ?
       )`,
    ),
    forgetWaiting: db.query<null, [channel: string, limit: number]>(
      `DELETE FROM notices WHERE (target_id, conversation_id) IN (
         SELECT target_id, conversation_id FROM notices
         WHERE channel = ? AND due_ms IS NOT NULL LIMIT ?
       )`,
    ),
    reviveNotice: db.query<null, [nowMs: number, letterId: string]>(
      `INSERT INTO notices (target_id, conversation_id, channel, last_seq, due_ms, created_ms)
       SELECT notice_targets.id, dead_letters.conversation_id, notice_targets.channel,
              dead_letters.seq, ?1, ?1
       FROM dead_letters JOIN notice_targets ON notice_targets.id = dead_letters.target_id
       WHERE dead_letters.id = ?2
       ON CONFLICT (target_id, conversation_id) DO UPDATE SET
         last_seq = max(last_seq, excluded.last_seq), due_ms = excluded.due_ms, attempts = 0,
         created_ms = excluded.created_ms`,
    ),
    reviveEvent: db.query<null, [nowMs: number, letterId: string]>(
      `INSERT INTO webhook_events (id, type, lane, created_ms, data, message_id, due_ms)
       SELECT lanes.event_id, lanes.event_type, lanes.lane, lanes.created_ms, lanes.data,
              lanes.message_id, ${DUE_IF_FIRST}
       FROM dead_letters AS lanes WHERE lanes.id = ?2 AND lanes.event_id IS NOT NULL`,
    ),
    forgetLetter: db.query<null, [letterId: string]>("DELETE FROM dead_letters WHERE id = ?"),
  };
}
