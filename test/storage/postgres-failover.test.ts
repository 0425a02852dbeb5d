import { afterEach, beforeEach, expect, test } from "bun:test";
import { SQL } from "bun";
import { systemClock } from "../../src/clock.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { PostgresServers } from "../../src/storage/postgres-servers.ts";
import { postgresTarget } from "../../src/storage/postgres-url.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message } from "../support/stored.ts";

let first: PostgresServer;
let second: PostgresServer;

beforeEach(async () => {
  first = await PostgresServer.start();
  second = await first.standby();
});
afterEach(async () => {
  await Promise.all([first, second].map((server) => server[Symbol.asyncDispose]()));
}, 20_000);

const commit = ({ chat }: Storage, ...seqs: number[]) =>
  chat.commit(batch({ messages: seqs.map((seq) => message(seq)) }));
const seqsIn = async ({ chat }: Storage) =>
  (await chat.history({ conversationId: "chat", limit: 10_000 })).map(({ seq }) => seq);

async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function admin(server: PostgresServer, ...statements: string[]): Promise<void> {
  await using sql = new SQL({ ...server.connection(), max: 1 });
  for (const statement of statements) await sql.unsafe(statement);
}

test("writes, reads and the node's locks move to the standby when it is promoted; all that was confirmed is there", async () => {
  const serving = { how: "alone", onTaken: expect.unreachable } as const;
  const log = new RecordedLog();
  const url = first.urlWith(second);
  const storage = await openPostgresStorage({ url, serving, log });
  await storage.leadership.seek();
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  const led: boolean[] = [];
  storage.leadership.onChange(() => led.push(storage.leadership.isLeader));
  const confirmed: number[] = [];
  let isWriting = true;
  const writing = (async () => {
    for (let seq = 1; isWriting; ) {
      try {
        await commit(storage, seq);
        confirmed.push(seq);
        seq += 1;
      } catch (fault) {
        expect(fault).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
        // It may be there though it was refused, as its answer was lost with the server.
        const known = await seqsIn(storage).catch((): number[] => []);
        if (known.includes(seq)) seq += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  })();
  await until(() => confirmed.length > 20);
  first.kill();
  await until(() => led.length > 0);
  const before = confirmed.length;
  // Nobody takes writes.
  expect(await refusalOf(() => seqsIn(storage))).toBe("STORAGE_UNAVAILABLE");
  expect(confirmed.length).toBe(before);
  await second.promote();
  await until(() => confirmed.length > before + 20 && storage.leadership.isLeader);
  isWriting = false;
  await writing;
  expect(await seqsIn(storage)).toEqual(expect.arrayContaining<number>(confirmed));
  expect(log.texts).toContain("info: The node's session is there again");
  // The lock is held where the writes go.
  const alone = openPostgresStorage({ url, serving });
  expect(await refusalOf(() => alone)).toBe("INVALID_CONFIGURATION");
  await storage.close();
}, 60_000);

test("a primary that goes silent is left when another one is promoted, and what waited for it is asked there", async () => {
  const serving = { how: "alone", onTaken: expect.unreachable } as const;
  const url = first.urlWith(second);
  // No statement is given up before the test is.
  const storage = await openPostgresStorage({ url, serving, statementTimeoutMs: 600_000 });
  await storage.leadership.seek();
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  const stopped = first.processes();
  for (const pid of stopped) process.kill(pid, "SIGSTOP");
  try {
    const committed = commit(storage, 1);
    await second.promote();
    await committed;
  } finally {
    for (const pid of stopped) process.kill(pid, "SIGCONT");
  }
  await commit(storage, 2);
  expect(await seqsIn(storage)).toEqual([1, 2]);
  await until(() => storage.leadership.isLeader);
  await storage.close();
  await using sql = new SQL({ ...second.connection(), max: 1 });
  expect(await sql.unsafe("SELECT 1 FROM parley.messages")).toHaveLength(2);
}, 60_000);

test("the one that takes writes is found wherever it stands in the list; where there is none, it is said of each why", async () => {
  const storage = await openPostgresStorage({ url: second.urlWith(first) });
  await storage.close();
  // An address that leads to a server which only follows.
  const alone = await openPostgresStorage({ url: second.url() }).catch((refusal) => refusal);
  expect(alone.message).toContain("(takes no writes, as it follows another server): promote one");
  first.kill();
  const opening = openPostgresStorage({ url: second.urlWith(first) });
  const fault = await opening.catch((refusal: unknown) => refusal);
  expect(fault).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  const { message: told } = fault as Error;
  expect(told).toContain("no server of it takes writes");
  expect(told).toContain(`${second.connection().path}: takes no writes, as it follows another`);
  expect(told).toContain(`${first.connection().path}: `);
  expect(told).not.toContain("secret");
}, 30_000);

test("a server over which another one was promoted is not gone back to when it returns", async () => {
  const url = first.urlWith(second);
  const storage = await openPostgresStorage({ url });
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  await commit(storage, 1);
  first.kill();
  await second.promote();
  await commit(storage, 2);
  await first.restart();
  await admin(first, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()");
  // Whoever asks for the first time finds the one that was promoted too.
  const other = await openPostgresStorage({ url });
  expect(await seqsIn(other)).toEqual([1, 2]);
  await other.close();
  // Without it there is none.
  const servers = new PostgresServers(postgresTarget(url), systemClock);
  const primary = await servers.primary();
  second.kill();
  servers.doubt(primary);
  const fault = await servers.primary().catch((refusal: unknown) => refusal);
  expect(fault).toMatchObject({
    state: "read-only",
    message: expect.stringContaining(
      "is on timeline 1, over which another server has been promoted",
    ),
  });
  await refusalOf(() => commit(storage, 3));
  await storage.close();
  const kept = await openPostgresStorage({ url: first.url() });
  expect(await seqsIn(kept)).toEqual([1]);
  await kept.close();
}, 60_000);

test("a server that is set to read-only counts as gone, for all that is connected to it", async () => {
  const url = first.urlWith(second);
  const serving = { how: "shared", onTaken: expect.unreachable } as const;
  const storage = await openPostgresStorage({ url, serving });
  await storage.leadership.seek();
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  const led: boolean[] = [];
  storage.leadership.onChange(() => led.push(storage.leadership.isLeader));
  await admin(first, "ALTER SYSTEM SET default_transaction_read_only = on");
  await admin(first, "SELECT pg_reload_conf()");
  while ((await refusalOf(() => storage.chat.probe())) !== "STORAGE_UNAVAILABLE");
  await second.promote();
  await commit(storage, 1);
  // Its session on the first server was well.
  await until(() => led.length === 2);
  expect(led).toEqual([false, true]);
  expect(await seqsIn(storage)).toEqual([1]);
  await storage.close();
  await using sql = new SQL({ ...second.connection(), max: 1 });
  expect(await sql.unsafe("SELECT 1 FROM parley.messages")).toHaveLength(1);
}, 60_000);

test("what was committed is known of the promoted server, though it gives the same ids to other transactions", async () => {
  const clock = new FakeClock();
  const storage = await openPostgresStorage({ url: first.urlWith(second), clock });
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  await commit(storage, 1);
  await admin(second, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()");
  const waiting = async (condition: string) => {
    await using sql = new SQL({ ...first.connection(), max: 1 });
    while ((await sql.unsafe(`SELECT 1 FROM ${condition}`)).length === 0);
  };
  await waiting("(SELECT count(*) FROM pg_stat_replication) AS followers (n) WHERE n = 0");
  const committed = commit(storage, 2);
  let isTold = false;
  void committed.then(() => {
    isTold = true;
  });
  await waiting("pg_stat_activity WHERE wait_event = 'SyncRep'");
  first.kill();
  // It is asked about the transaction in vain meanwhile, and waits for the clock then.
  for (let refused = 0; refused < 5; ) {
    if ((await refusalOf(() => seqsIn(storage))) === "STORAGE_UNAVAILABLE") refused += 1;
  }
  await second.promote();
  await admin(second, ...Array.from({ length: 100 }, () => "SELECT pg_current_xact_id()"));
  await until(() => {
    clock.advance(5);
    return isTold;
  });
  await committed;
  // It was not there, and was written anew.
  expect(await seqsIn(storage)).toEqual([1, 2]);
  await storage.close();
}, 60_000);
