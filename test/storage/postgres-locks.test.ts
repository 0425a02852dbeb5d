import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type ReservedSQL, SQL } from "bun";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { batch, conversation, EPOCH_MS, watermark } from "../support/stored.ts";

/** By their bytes; by a language's rules b is before C. */
const ORDER = ["A0", "C2", "E4", "G6", "I8", "b1", "d3", "f5", "h7", "j9"];
const HELD = "I8";
const GIVEN = ["h7", "C2", "j9", "I8", "b1", "A0", "f5", "G6", "d3", "E4"];

/** Of a new database; PostgreSQL has sorted whole databases so since 15. */
async function sortedAsEnglish(server: PostgresServer): Promise<string> {
  const admin = new SQL({ ...server.connection(), max: 1 });
  const [row] = await admin.unsafe("SELECT current_setting('server_version_num')::integer AS n");
  await admin.close({ timeout: 1 });
  return row.n < 150_000 ? "" : "LOCALE_PROVIDER icu ICU_LOCALE 'en' TEMPLATE template0";
}

/**
 * Two batches that take locks in the same order do not wait for each other. What a batch has locked
 * is looked at while it waits for one in the middle, in a database that sorts as people do.
 */
describe("a batch takes its locks ascending by the bytes of ids", () => {
  let storage: Storage;
  let client: SQL;
  let holder: ReservedSQL;

  beforeAll(async () => {
    const databases = await postgresDatabases();
    const url = await databases.make(await sortedAsEnglish(databases.server));
    storage = await openPostgresStorage({ url, busyTimeoutMs: 60_000 });
    const name = new URL(url).pathname.slice(1);
    client = new SQL({ ...databases.server.connection(name), max: 3 });
  });
  afterAll(async () => {
    await storage.close();
    await client.close({ timeout: 1 });
  });
  beforeEach(async () => {
    await client.unsafe("DELETE FROM parley.conversations; DELETE FROM parley.users");
    holder = await client.reserve();
    await holder.unsafe("BEGIN");
  });
  afterEach(() => holder.release());

  /** Commits the batch up to the lock that the holder has; resolves with what it has locked by then. */
  async function lockedBy(parts: Partial<WriteBatch>, attempt: (id: string) => string) {
    const committed = storage.chat.commit(batch(parts));
    for (let waiting = 0; waiting === 0; ) {
      const sessions = await client.unsafe(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
           AND application_name = 'parley' AND wait_event_type = 'Lock'`,
      );
      waiting = sessions.length;
    }
    const locked: string[] = [];
    for (const id of ORDER.filter((each) => each !== HELD)) {
      if (await isLocked(attempt(id))) locked.push(id);
    }
    await holder.unsafe("ROLLBACK");
    await committed;
    return locked;
  }

  async function isLocked(sql: string): Promise<boolean> {
    const session = await client.reserve();
    try {
      await session.unsafe("BEGIN");
      await session.unsafe("SET LOCAL lock_timeout = 20");
      await session.unsafe(sql);
      return false;
    } catch (fault) {
      expect(fault).toMatchObject({ errno: "55P03" });
      return true;
    } finally {
      await session.unsafe("ROLLBACK");
      session.release();
    }
  }

  const BEFORE_HELD = ORDER.slice(0, ORDER.indexOf(HELD));
  const insertion = (id: string) =>
    `INSERT INTO parley.conversations (id, kind, created_ms) VALUES ('${id}', 'group', 1)`;

  test("of conversations that it makes", async () => {
    await holder.unsafe(insertion(HELD));
    const conversations = GIVEN.map((id) => conversation(id));
    expect(await lockedBy({ conversations }, insertion)).toEqual(BEFORE_HELD);
  });

  test("of conversations that are there", async () => {
    // In an order of their own on the disk.
    await storage.chat.commit(batch({ conversations: [conversation("j9")] }));
    for (const id of GIVEN) {
      await storage.chat.commit(batch({ conversations: [conversation(id)] }));
    }
    const lock = (id: string) => `SELECT 1 FROM parley.conversations WHERE id = '${id}' FOR UPDATE`;
    await holder.unsafe(lock(HELD));
    const watermarks = GIVEN.map((id) => watermark("alice", 0, 0, id));
    expect(await lockedBy({ watermarks }, lock)).toEqual(BEFORE_HELD);
  });

  test("of users", async () => {
    const users = GIVEN.map((userId) => ({ userId, name: userId, lastSeenMs: EPOCH_MS }));
    await storage.chat.commit(batch({ users }));
    const lock = (id: string) => `SELECT 1 FROM parley.users WHERE user_id = '${id}' FOR UPDATE`;
    await holder.unsafe(lock(HELD));
    expect(await lockedBy({ users }, lock)).toEqual(BEFORE_HELD);
  });
});
