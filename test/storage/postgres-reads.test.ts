import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ReservedSQL, SQL } from "bun";
import { ATTACHMENT_READS } from "../../src/storage/postgres-attachment-store.ts";
import { BLOCK_READS } from "../../src/storage/postgres-block-store.ts";
import { CHAT_READS } from "../../src/storage/postgres-chat-reads.ts";
import { CHAT_WRITES } from "../../src/storage/postgres-chat-statements.ts";
import { ERASURE_READS } from "../../src/storage/postgres-erasure-store.ts";
import { ERASURE_PORTIONS } from "../../src/storage/postgres-erasure-writes.ts";
import { INVITE_READS } from "../../src/storage/postgres-invite-store.ts";
import { MESSAGE_ERASURE } from "../../src/storage/postgres-message-erasure.ts";
import { NOTICE_READS } from "../../src/storage/postgres-notice-reads.ts";
import { NOTICE_WRITES } from "../../src/storage/postgres-notice-writes.ts";
import { QUEUE_READS } from "../../src/storage/postgres-queue-store.ts";
import { REMOVALS } from "../../src/storage/postgres-removals.ts";
import { SEARCH_READS } from "../../src/storage/postgres-search.ts";
import { SHARED_QUEUE_STATEMENTS } from "../../src/storage/postgres-shared-queues.ts";
import { USER_READS } from "../../src/storage/postgres-user-store.ts";
import { WEBHOOK_READS, WEBHOOK_WRITES } from "../../src/storage/postgres-webhook-store.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";

const STATEMENTS = {
  ...{ ...CHAT_READS, ...CHAT_WRITES, ...ATTACHMENT_READS, ...INVITE_READS, ...QUEUE_READS },
  ...{ ...REMOVALS, ...SEARCH_READS, ...USER_READS },
  ...named("to erase", { ...ERASURE_READS, ...ERASURE_PORTIONS }),
  ...named("to erase", Object.fromEntries(MESSAGE_ERASURE.entries())),
  ...named("blocks", BLOCK_READS),
  ...named("shared queues", SHARED_QUEUE_STATEMENTS),
  ...named("notices", { ...NOTICE_READS, ...NOTICE_WRITES }),
  ...named("webhooks", { ...WEBHOOK_READS, ...WEBHOOK_WRITES }),
};

/** Plans of small tables are of no consequence. Nothing is known yet of what is in these. */
const GROWN = `
  INSERT INTO conversations (id, kind, created_ms) SELECT 'c' || n, 'group', n
  FROM generate_series(1, 5000) AS n;
  INSERT INTO members (conversation_id, user_id, position) SELECT 'c' || n, 'u' || m, m
  FROM generate_series(1, 5000) AS n, generate_series(1, 5) AS m;
  INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, sender_name, type, content)
  SELECT 'm' || n, 'c' || n % 5000, n, 'u' || n % 5, n, 'U', 'TEXT', 'said'
  FROM generate_series(1, 20000) AS n;
  INSERT INTO reactions (message_id, user_id, emoji, reacted_ms) SELECT 'm' || n, 'u1', 'x', 1
  FROM generate_series(1, 5000) AS n;
  INSERT INTO message_versions (message_id, version, content, replaced_ms) SELECT 'm' || n, 1, 'x', 1
  FROM generate_series(1, 5000) AS n;
  INSERT INTO users (user_id, name, last_seen_ms) SELECT 'u' || n, 'U', 1
  FROM generate_series(1, 5000) AS n;
  INSERT INTO queue_messages (id, queue, headers, deliveries, body_text, claim, claim_run, expires_ms)
  SELECT 'q' || n, '/queue/' || n % 3, '[]', 0, 'x', nullif(n % 50, 0), n, nullif(n % 2, 0)
  FROM generate_series(1, 20000) AS n;
  INSERT INTO webhook_events (id, type, lane, created_ms, data, due_ms)
  SELECT 'w' || n, 'message.created', 'c' || n % 5000, n, '{}', CASE WHEN n <= 5000 THEN n END
  FROM generate_series(1, 20000) AS n;
  INSERT INTO notice_targets (id, user_id, channel, address, created_ms)
  SELECT 't' || n, 'u' || n, 'webpush', 'a' || n, n FROM generate_series(1, 5000) AS n;
  INSERT INTO notices (target_id, conversation_id, channel, last_seq, due_ms, created_ms)
  SELECT 't' || n, 'c' || n, 'webpush', n, nullif(n % 50, 0), n FROM generate_series(1, 5000) AS n;
  INSERT INTO outbox (message_id) SELECT 'm' || n FROM generate_series(1, 5000) AS n;
  INSERT INTO dead_letters
    (id, channel, user_id, target_id, conversation_id, seq, created_ms, attempts, reason, died_ms)
  SELECT 'l' || n, 'webpush', 'u' || n, 't' || n, 'c' || n, n, n, 1, 'x', n
  FROM generate_series(1, 5000) AS n`;

/** Of pages, which the index has in their order. */
const IN_ORDER = [
  ...[CHAT_READS.historyBefore, CHAT_READS.historyAfter, CHAT_READS.lastMessageId],
  ...[CHAT_READS.disappearing, QUEUE_READS.messages, REMOVALS.bottoms, REMOVALS.bottomMessages],
  ...[USER_READS.list, USER_READS.memberships, USER_READS.messagesWithClientId],
  ...[USER_READS.messagesWithoutClientId, USER_READS.reactions, INVITE_READS.madeBy],
  ...[ERASURE_PORTIONS.memberships, ERASURE_PORTIONS.messages, SHARED_QUEUE_STATEMENTS.claim],
  ...[WEBHOOK_READS.due, WEBHOOK_READS.nextDue, WEBHOOK_READS.messagesBehind],
  NOTICE_READS.deadLetters,
];

/**
 * All blocks and erasures under way are read at the start, and of leases there is one a node; the first
 * of an index have no bounds.
 */
const MEANT =
  /\b(queue_leases_1|blocks_pkey on blocks|on erasures_under_way|Backward using messages_by_id|using disappearing|Scan using outbox_pkey) /;

function named(about: string, statements: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(statements).map(([name, sql]) => [`${about}: ${name}`, sql]),
  );
}

describe("every statement goes by an index:", () => {
  let sql: SQL;
  let connection: ReservedSQL;
  let prepared = 0;

  beforeAll(async () => {
    const databases = await postgresDatabases();
    await (await databases.open()).close();
    sql = new SQL({ ...databases.server.connection(databases.sharedName), max: 1 });
    connection = await sql.reserve();
    await connection.unsafe("SET search_path = parley");
    for (const way of ["seqscan", "hashjoin", "mergejoin"]) {
      await connection.unsafe(`SET enable_${way} = off`); // As Parley's own sessions.
    }
    await connection.unsafe(GROWN);
    // As of a statement that has been prepared, and serves for whatever is given.
    await connection.unsafe("SET plan_cache_mode = force_generic_plan");
  });
  afterAll(async () => {
    connection.release();
    await sql.close({ timeout: 1 });
  });

  async function planOf(text: string, values?: readonly string[]): Promise<string[]> {
    const count = Math.max(
      0,
      ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)),
    );
    const name = `statement_${prepared++}`;
    await connection.unsafe(`PREPARE ${name} AS ${text}`);
    const given = values ?? Array.from({ length: count }, () => "NULL");
    const list = given.length === 0 ? "" : `(${given.join()})`;
    const rows = await connection.unsafe(`EXPLAIN EXECUTE ${name}${list}`);
    return rows.map((row: { "QUERY PLAN": string }) => row["QUERY PLAN"]);
  }

  for (const [name, text] of Object.entries(STATEMENTS)) {
    test(name, async () => {
      const plan = await planOf(text);
      const wide = plan.filter((line, at) => {
        const isScan = /\b(Seq Scan on|Index Scan|Index Only Scan|Bitmap Index Scan) /.test(line);
        return isScan && !/^\s*Index Cond:/.test(plan[at + 1] ?? "");
      });
      expect(wide.filter((line) => !MEANT.test(line))).toEqual([]);
    });
  }

  /** What the database believes of queues is what it counted last. */
  const COUNTED = [
    ["a queue that was short", { "/queue/one": 1, "/queue/other": 1 }],
    ["a queue that was short among many", { "/queue/one": 1, "/queue/other": 400 }],
    ["a queue that was most of all", { "/queue/one": 400, "/queue/other": 1 }],
  ] as const;
  test.each(COUNTED)(
    "%s since it was counted has its first messages claimed by its index",
    async (_, counts) => {
      await connection.unsafe("BEGIN");
      try {
        await connection.unsafe("DELETE FROM queue_messages");
        for (let part = 0; part < 5; part += 1) {
          for (const [queue, count] of Object.entries(counts)) {
            await connection.unsafe(
              `INSERT INTO queue_messages (id, queue, headers, deliveries, body_text)
             SELECT concat_ws(' ', $1::text, $2::text, n), $1, '[]', 0, repeat('x', 200)
             FROM generate_series(1, $3::bigint) AS n`,
              [queue, part, count],
            );
          }
        }
        await connection.unsafe("ANALYZE queue_messages");
        const plans: string[] = [];
        // As a commit begins.
        const [lease] = await connection.unsafe(SHARED_QUEUE_STATEMENTS.enter, [10_000]);
        await connection.unsafe(SHARED_QUEUE_STATEMENTS.hold, [lease.id]);
        for (const mode of ["force_generic_plan", "force_custom_plan"]) {
          await connection.unsafe(`SET LOCAL plan_cache_mode = ${mode}`);
          plans.push(
            ...(await planOf(SHARED_QUEUE_STATEMENTS.claim, ["1", "1", "'/queue/one'", "100"])),
          );
        }
        const own = plans.filter((line) =>
          /Sort|Scan.* on queue_messages queue_messages_1/.test(line),
        );
        const wanted =
          "Index Scan using queue_messages_waiting on queue_messages queue_messages_1 ";
        expect(own).toEqual([expect.stringContaining(wanted), expect.stringContaining(wanted)]);
      } finally {
        await connection.unsafe("ROLLBACK");
      }
    },
  );

  test("neither pages nor what expires need sorting", async () => {
    for (const text of IN_ORDER) {
      const plan = await planOf(text);
      // What is asked of each row, such as its few reactions, may be sorted.
      const end = plan.findIndex((line) => line.includes("SubPlan"));
      const own = plan.slice(0, end === -1 ? undefined : end);
      expect(own.filter((line) => /^\s*(->)?\s*Sort\b/.test(line))).toEqual([]);
    }
  });
});
