import type {
  DeadLetter,
  DueNotice,
  Expansion,
  NoticeOutcome,
  NoticeStore,
  NoticeTargetStore,
} from "../notify/ports.ts";
import type { NoticePreferences } from "../notify/preferences.ts";
import { NOTICE_CHANNELS, type NoticeChannel, type NoticeTarget } from "../notify/provider.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { Parameter, PostgresDatabase, Query } from "./postgres-database.ts";
import { type DueRow, dueNotice } from "./postgres-due-notices.ts";
import { NOTICE_READS } from "./postgres-notice-reads.ts";
import { NOTICE_WRITES } from "./postgres-notice-writes.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { lockLanes, WEBHOOK_WRITES } from "./postgres-webhook-store.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

type TargetWrite =
  | { readonly kind: "put"; readonly target: NoticeTarget }
  | { readonly kind: "remove"; readonly userId: string; readonly id: string }
  | { readonly kind: "wish"; readonly userId: string; readonly preferences: NoticePreferences };

type DeadNotice = Extract<NoticeOutcome, { kind: "dead" }>;

/** Of advisory locks, which one says whose turn it is. */
const NOTICES = 0x7061726f;
/** Notices that are forgotten in one transaction. */
const PORTION = 1_000;

/** The first statement of a transaction that writes notices, or takes targets away. */
export async function takeNoticeTurn(query: Query): Promise<void> {
  await query(NOTICE_WRITES.takeTurn, [NOTICES]);
}

async function takeTurnUnsynced(query: Query): Promise<void> {
  await query(NOTICE_WRITES.takeTurnUnsynced, [NOTICES]);
}

/** Notices in PostgreSQL, where another node may have led a moment ago. */
export class PostgresNoticeStore implements NoticeStore, NoticeTargetStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;
  readonly #targets: GroupedWrites<TargetWrite>;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
    this.#targets = writes.grouped(applyToTargets);
  }

  putTarget(target: NoticeTarget): Promise<void> {
    return this.#targets.add({ kind: "put", target });
  }

  removeTarget(userId: string, id: string): Promise<void> {
    return this.#targets.add({ kind: "remove", userId, id });
  }

  targetsOf(userId: string): Promise<NoticeTarget[]> {
    return this.#read(NOTICE_READS.targets, [userId]);
  }

  putPreferences(userId: string, preferences: NoticePreferences): Promise<void> {
    return this.#targets.add({ kind: "wish", userId, preferences });
  }

  async preferencesOf(userId: string): Promise<NoticePreferences | null> {
    const { preferences } = NOTICE_READS;
    const [row] = await this.#read<{ preferences: string }>(preferences, [userId]);
    return row === undefined ? null : JSON.parse(row.preferences);
  }

  async expand({ limit, nowMs, channels, webhooks }: Expansion): Promise<boolean> {
    // It is asked all the time, and a transaction that writes nothing would write its mark.
    if ((await this.#read(NOTICE_READS.outbox, [])).length === 0) return false;
    const parameters = [limit, nowMs, toPostgresJson(channels), webhooks];
    return await this.#writes.commit(async (query) => {
      const turn = [takeTurnUnsynced(query), ...(webhooks ? [lockLanes(query)] : [])];
      const [[portion]] = await Promise.all([
        query<{ isMore: boolean }>(NOTICE_WRITES.expand, parameters),
        ...turn,
      ]);
      return portion?.isMore === true;
    });
  }

  async due(
    channel: NoticeChannel,
    nowMs: number,
    limit: number,
    busyTargets: readonly string[] = [],
  ): Promise<DueNotice[]> {
    const parameters = [channel, nowMs, Math.max(limit, 0), toPostgresJson(busyTargets)];
    return (await this.#read<DueRow>(NOTICE_READS.due, parameters)).map(dueNotice);
  }

  async nextDueMs(channels: readonly NoticeChannel[]): Promise<number | null> {
    const parameters = [toPostgresJson(channels)];
    const [next] = await this.#read<{ dueMs: number | null }>(NOTICE_READS.nextDue, parameters);
    return next?.dueMs ?? null;
  }

  async settle(outcomes: readonly NoticeOutcome[]): Promise<void> {
    const of = (kind: NoticeOutcome["kind"]) => outcomes.filter((each) => each.kind === kind);
    const dead = outcomes.filter((outcome) => outcome.kind === "dead");
    const statements = [
      ...[[NOTICE_WRITES.sent, of("sent")] as const, [NOTICE_WRITES.drop, of("dropped")] as const],
      [NOTICE_WRITES.later, lastOfEach(of("later"))] as const,
    ];
    const given = statements.filter(([, rows]) => rows.length > 0);
    if (given.length + dead.length === 0) return;
    const tells = dead.some(({ event }) => event !== null);
    await this.#writes.commit((query) =>
      Promise.all([
        ...[takeTurnUnsynced(query), ...(tells ? [lockLanes(query)] : [])],
        ...given.map(([sql, rows]) => query(sql, [toPostgresJson(rows)])),
        bury(query, dead),
      ]),
    );
  }

  async waiting(): Promise<number> {
    const parameters = [toPostgresJson(NOTICE_CHANNELS)];
    const [row] = await this.#read<{ count: number }>(NOTICE_READS.waiting, parameters);
    return row?.count ?? 0;
  }

  forgetSent(beforeMs: number): Promise<void> {
    return this.#forget(NOTICE_WRITES.forgetSent, beforeMs);
  }

  async forgetWaiting(channels: readonly NoticeChannel[]): Promise<void> {
    // A transaction that writes nothing would write its mark.
    if ((await this.nextDueMs(channels)) === null) return;
    await this.#forget(NOTICE_WRITES.forgetWaiting, toPostgresJson(channels));
  }

  deadLetters(after: string | null, limit: number): Promise<DeadLetter[]> {
    return this.#read(NOTICE_READS.deadLetters, [after ?? "", Math.max(limit, 0)]);
  }

  replay(letterIds: readonly string[], nowMs: number): Promise<number> {
    const ids = toPostgresJson([...new Set(letterIds)]);
    return this.#writes.commit(async (query) => {
      const turn = [takeNoticeTurn(query), lockLanes(query)];
      const [[revivable]] = await Promise.all([
        query<{ count: number }>(NOTICE_WRITES.countRevivable, [ids]),
        query(NOTICE_WRITES.reviveNotices, [ids, nowMs]),
        query(NOTICE_WRITES.reviveEvents, [ids, nowMs]),
        query(NOTICE_WRITES.forgetLetters, [ids]),
        ...turn,
      ]);
      return revivable?.count ?? 0;
    });
  }

  async forgetLetters(letterIds: readonly string[]): Promise<void> {
    const ids = toPostgresJson(letterIds);
    await this.#writes.commit((query) => query(NOTICE_WRITES.forgetLetters, [ids]));
  }

  /** In portions, by a statement that takes what is forgotten, and how many. */
  async #forget(sql: string, what: Parameter): Promise<void> {
    for (let forgotten = PORTION; forgotten === PORTION; ) {
      forgotten = await this.#writes.commit(async (query) => {
        const [, rows] = await Promise.all([takeTurnUnsynced(query), query(sql, [what, PORTION])]);
        return rows.length;
      });
    }
  }

  #read<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    return answered(this.#db.read<Row>(sql, parameters));
  }
}

/** An UPDATE that joins a row with several takes any of them. */
function lastOfEach(outcomes: readonly NoticeOutcome[]): NoticeOutcome[] {
  const byNotice = new Map<string, NoticeOutcome>();
  for (const outcome of outcomes) {
    byNotice.set(`${outcome.targetId} ${outcome.conversationId}`, outcome);
  }
  return [...byNotice.values()];
}

async function bury(query: Query, dead: readonly DeadNotice[]): Promise<void> {
  if (dead.length === 0) return;
  const rows = [toPostgresJson(dead)];
  const [letters] = await Promise.all([
    query<{ id: string }>(NOTICE_WRITES.bury, rows),
    query(NOTICE_WRITES.drop, rows),
    query(NOTICE_WRITES.outlive, rows),
  ]);
  const buried = new Set(letters.map(({ id }) => id));
  const events = dead.flatMap(({ letterId, event }) =>
    event !== null && buried.has(letterId) ? [event] : [],
  );
  if (events.length > 0) await query(WEBHOOK_WRITES.add, [toPostgresJson(events)]);
}

/** In their order. */
async function applyToTargets(query: Query, writes: readonly TargetWrite[]): Promise<void> {
  await Promise.all([takeNoticeTurn(query), ...writes.flatMap((write) => asked(query, write))]);
}

function asked(query: Query, write: TargetWrite): Promise<unknown>[] {
  switch (write.kind) {
    case "put": {
      const { id, userId, channel, address, keys, createdMs } = write.target;
      return [
        query(NOTICE_WRITES.forgetOthers, [channel, address, id]),
        query(NOTICE_WRITES.putTarget, [id, userId, channel, address, keys, createdMs]),
      ];
    }
    case "remove":
      return [query(NOTICE_WRITES.removeTarget, [write.id, write.userId])];
    case "wish": {
      const preferences = JSON.stringify(write.preferences);
      return [query(NOTICE_WRITES.putPreferences, [write.userId, preferences])];
    }
  }
}
