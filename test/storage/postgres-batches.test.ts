import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ReservedSQL, SQL } from "bun";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { ATTACHMENTS_BY_ID } from "../../src/storage/postgres-attachment-store.ts";
import { BLOCK_READS } from "../../src/storage/postgres-block-store.ts";
import { CHAT_READS } from "../../src/storage/postgres-chat-reads.ts";
import { CHAT_WRITES } from "../../src/storage/postgres-chat-statements.ts";
import { ERASURE_PORTIONS } from "../../src/storage/postgres-erasure-writes.ts";
import { MESSAGE_ERASURE } from "../../src/storage/postgres-message-erasure.ts";
import { NOTICE_READS } from "../../src/storage/postgres-notice-reads.ts";
import { NOTICE_WRITES } from "../../src/storage/postgres-notice-writes.ts";
import { SHARED_QUEUE_STATEMENTS } from "../../src/storage/postgres-shared-queues.ts";
import { USER_READS } from "../../src/storage/postgres-user-store.ts";
import { WEBHOOK_READS, WEBHOOK_WRITES } from "../../src/storage/postgres-webhook-store.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";

const ROWS = 400;
/** Of rows that the steps of a plan look at, and of pages, for each row of the batch. */
const MOST_EACH = 60;

/** So much of everything; the ids of one kind end alike. */
const filled = (from: number, to: number) => `
  INSERT INTO conversations (id, kind, created_ms) SELECT 'c' || n, 'group', n
  FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO members (conversation_id, user_id, position) SELECT 'c' || n, who, length(who)
  FROM generate_series(${from}, ${to}) AS n CROSS JOIN LATERAL (VALUES ('u0'), ('v' || n)) AS m (who);
  INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, client_message_id,
                        sender_name, type, content)
  SELECT 'm' || n, 'c' || n, 1, 'u0', n, 'k' || n, 'U', 'TEXT', 'said'
  FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO removed_messages (sender_id, client_message_id, id, conversation_id, seq)
  SELECT 'u0', 'r' || n, 'r' || n, 'c' || n, 1 FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO reactions (message_id, user_id, emoji, reacted_ms) SELECT 'm' || n, 'u0', 'x', 1
  FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO message_versions (message_id, version, content, replaced_ms)
  SELECT 'm' || n, 1, 'x', 1 FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO users (user_id, name, last_seen_ms) SELECT 'u' || n, 'U', 1
  FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO blocks (blocker_id, blocked_id) SELECT 'u' || n, 'u' || n + 1
  FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO attachments (id, uploader_id, name, type, size, has_thumbnail, created_ms, remove_ms)
  SELECT 'a' || n, 'u0', 'x', 'x', 1, false, 1, 9 FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO queue_messages (id, queue, headers, deliveries, body_text, claim, claim_run)
  SELECT 'q' || n, '/queue/' || n, '[]', 0, 'x', 1, 1 FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO webhook_events (id, type, lane, created_ms, data, due_ms)
  SELECT 'e' || n, 'x', 'c' || n, n, '{}', n FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO notice_targets (id, user_id, channel, address, created_ms)
  SELECT 't' || n, 'v' || n, 'webpush', 'a' || n, n FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO notices (target_id, conversation_id, channel, last_seq, due_ms, created_ms)
  SELECT 't' || n, 'c' || n, 'webpush', 1, 1, 1 FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO outbox (message_id) SELECT 'm' || n FROM generate_series(${from}, ${to}) AS n;
  INSERT INTO dead_letters
    (id, channel, user_id, target_id, conversation_id, seq, created_ms, attempts, reason, died_ms)
  SELECT 'l' || n, 'webpush', 'u0', 't' || n, 'c' || n, n, n, 1, 'x', n
  FROM generate_series(${from}, ${to}) AS n`;

/** What the database believes of the tables when it makes a plan. */
const BELIEFS = {
  "nothing is known of the tables": filled(1, ROWS),
  "the tables were small when they were counted": `${filled(-2, 0)}; ANALYZE; ${filled(1, ROWS)}`,
};

/** A JSON array of what is made of 1, 2, 3 … */
const given = (make: (n: number) => unknown) =>
  JSON.stringify(Array.from({ length: ROWS }, (_, at) => make(at + 1)));

const changes = given((n) => ({
  ...{ conversationId: `c${n}`, userId: "u0", senderId: "u0", messageId: `m${n}`, id: `m${n}` },
  ...{ clientMessageId: `k${n}`, attachmentId: `a${n}`, uploaderId: "u0", run: 1 },
  ...{ seq: 1, timestampMs: 2, deliveredSeq: 1, readSeq: 1, joinedSeq: 0, firstSeq: 1, lastSeq: 1 },
  ...{
    role: "admin",
    title: "T",
    name: "U",
    names: ["mutedUntilMs"],
    mutedUntilMs: 5,
    deletedMs: 5,
    lastSeenMs: 5,
  },
  ...{
    content: "other",
    words: ["other"],
    isNaming: false,
    editedMs: 5,
    emoji: "y",
    reactedMs: 5,
    pinnedMs: 5,
  },
  ...{ targetId: `t${n}`, letterId: `d${n}`, attempts: 1, reason: "x", diedMs: 5, dueMs: 5 },
  ...{
    sentMs: 5,
    createdMs: 5,
    nextMs: 9,
    position: n,
    deliveries: 1,
    type: "x",
    lane: `c${n}`,
    blockerId: `u${n}`,
    blockedId: `u${n + 1}`,
  },
}));
const messages = (seq: number) =>
  given((n) => ({
    ...{ id: `n${n}`, conversationId: `c${n}`, seq, senderId: "u0", timestampMs: 2 },
    ...{ clientMessageId: `n${n}`, senderName: "U", type: "TEXT", content: "said" },
    words: ["said"],
  }));
const ids = (kind: string) => given((n) => kind + n);
const channels = JSON.stringify([{ channel: "webpush", delayMs: 1, intervalMs: 1 }]);

type Case = readonly [sql: string, ...parameters: (string | number | boolean)[]];

const BATCHES: Record<string, Case> = {
  "new conversations": [
    CHAT_WRITES.createConversations,
    given((n) => ({
      ...{ id: `n${n}`, kind: "direct", createdMs: 1 },
      members: [
        { userId: "u0", role: "member" },
        { userId: `u${n}`, role: "member" },
      ],
    })),
  ],
  "a new group of many": [
    CHAT_WRITES.createConversations,
    JSON.stringify([
      {
        ...{ id: "group", kind: "group", createdMs: 1 },
        members: Array.from({ length: ROWS }, (_, at) => ({ userId: `u${at}`, role: "member" })),
      },
    ]),
  ],
  "many who join one group": [
    CHAT_WRITES.addMembers,
    given((n) => ({
      ...{ conversationId: "c1", userId: `new${n}`, role: "member" },
      ...{ joinedSeq: 0, deliveredSeq: 0, readSeq: 0 },
    })),
  ],
  "one who joins many groups": [CHAT_WRITES.addMembers, changes.replaceAll('"u0"', '"new"')],
  "messages of many conversations": [CHAT_WRITES.appendMessages, messages(2)],
  ...Object.fromEntries(
    (
      [
        ...(["undisturbed", "removedBefore", "bindAttachments", "setNewest", "advance"] as const),
        ...(["removeMembers", "markSent", "setRoles", "setProfiles"] as const),
        ...(["setPreferences", "keepVersions", "edit", "forgetOldVersions", "react"] as const),
        ...(["unreact", "pin"] as const),
      ] as const
    ).map((name): [string, Case] => [name, [CHAT_WRITES[name], changes]]),
  ),
  putUsers: [CHAT_WRITES.putUsers, given((n) => ({ userId: `u${n}`, name: "U", lastSeenMs: 5 }))],
  "conversations that are locked": [CHAT_WRITES.lock, ids("c"), ids("m")],
  keepInOutbox: [CHAT_WRITES.keepInOutbox, ids("m")],
  users: [CHAT_READS.users, ids("u")],
  "known users": [USER_READS.known, ids("u")],
  takenConversations: [CHAT_READS.takenConversations, ids("c")],
  takenIds: [CHAT_READS.takenIds, ids("m")],
  takenSeqs: [CHAT_READS.takenSeqs, changes],
  takenClientIds: [CHAT_READS.takenClientIds, changes],
  attachments: [ATTACHMENTS_BY_ID, ids("a")],
  blocks: [BLOCK_READS.kept, changes],
  ...Object.fromEntries(
    MESSAGE_ERASURE.map((sql, at): [string, Case] => [`erased messages ${at}`, [sql, changes]]),
  ),
  "an erased user's numbers": [ERASURE_PORTIONS.forgetClientIds, "u0", ROWS],
  "an erased user's reactions": [ERASURE_PORTIONS.forgetReactions, "u0", ROWS],
  "an erased user's removed messages": [ERASURE_PORTIONS.forgetRemoved, "u0", ROWS],
  "an erased user's files": [ERASURE_PORTIONS.discardFiles, "u0", ROWS],
  "what waits to be told of": [NOTICE_WRITES.expand, ROWS, 5, channels, true],
  "notices that are due": [NOTICE_READS.due, "webpush", 5, ROWS, ids("x")],
  "notices that were sent": [NOTICE_WRITES.sent, changes],
  "notices that come later": [NOTICE_WRITES.later, changes],
  "notices that died": [NOTICE_WRITES.bury, changes],
  "notices that outlive": [NOTICE_WRITES.outlive, changes.replaceAll('"lastSeq":1', '"lastSeq":0')],
  "notices that are dropped": [NOTICE_WRITES.drop, changes],
  "letters that are sent again": [NOTICE_WRITES.reviveNotices, ids("l"), 5],
  "letters that are forgotten": [NOTICE_WRITES.forgetLetters, ids("l")],
  "new events": [WEBHOOK_WRITES.add, changes],
  "events that are due": [WEBHOOK_READS.due, ROWS, "[]", ROWS],
  "messages of events": [WEBHOOK_READS.messages, ids("m")],
  "events that come later": [WEBHOOK_WRITES.later, changes],
  "events that died": [WEBHOOK_WRITES.bury, changes],
  "events that are done": [WEBHOOK_WRITES.remove, changes],
  "events that come next": [WEBHOOK_WRITES.next, ids("c")],
  "queue messages that go back": [
    SHARED_QUEUE_STATEMENTS.return,
    1,
    changes.replaceAll('"id":"m', '"id":"q'),
  ],
  "queue messages that are done": [SHARED_QUEUE_STATEMENTS.remove, 1, ids("q")],
};

interface PlanNode {
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

function rowsLookedAt(node: PlanNode): number {
  const own =
    node["Actual Rows"] +
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0);
  const below = (node.Plans ?? []).map(rowsLookedAt);
  return below.reduce((sum, rows) => sum + rows, own * node["Actual Loops"]);
}

/** Of its own: what is believed of tables outlives the transaction that counted them. */
async function newDatabase(): Promise<SQL.Options> {
  const databases = await postgresDatabases();
  const url = await databases.make();
  await (await openPostgresStorage({ url })).close();
  return databases.server.connection(new URL(url).pathname.slice(1));
}

let database: SQL.Options | undefined;

describe.each(Object.entries(BELIEFS))(
  "a batch takes as much as it has rows, when %s:",
  (_, fill) => {
    let sql: SQL;
    let connection: ReservedSQL;

    beforeAll(async () => {
      database ??= await newDatabase();
      sql = new SQL({ ...database, max: 1 });
      connection = await sql.reserve();
      await connection.unsafe("SET search_path = parley");
      for (const way of ["seqscan", "hashjoin", "mergejoin"]) {
        await connection.unsafe(`SET enable_${way} = off`); // As Parley's own sessions.
      }
      await connection.unsafe("BEGIN");
      await connection.unsafe("ALTER TABLE webhook_events ALTER COLUMN position RESTART");
      await connection.unsafe(fill);
      await connection.unsafe("SAVEPOINT filled");
    });
    afterAll(async () => {
      await connection.unsafe("ROLLBACK");
      connection.release();
      await sql.close({ timeout: 1 });
    });

    test.each(Object.entries(BATCHES))("%s", async (_name, [text, ...parameters]) => {
      try {
        const [row] = await connection.unsafe(
          `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${text}`,
          parameters,
        );
        const [{ Plan: plan }]: [{ Plan: PlanNode }] = row["QUERY PLAN"];
        const pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
        const rows = rowsLookedAt(plan);
        expect(rows).toBeGreaterThanOrEqual(ROWS); // It is done, and not for nothing.
        expect(rows / ROWS).toBeLessThan(MOST_EACH);
        // All of the list would be gone through for each row.
        expect(JSON.stringify(plan)).not.toMatch(/Filter":"[^"]*= ANY \((\$|\(InitPlan)/);
        expect(pages / ROWS).toBeLessThan(MOST_EACH);
      } finally {
        await connection.unsafe("ROLLBACK TO SAVEPOINT filled");
      }
    });
  },
);
