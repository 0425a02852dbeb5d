import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { SQL } from "bun";
import { AppError } from "../../src/errors.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { PostgresDatabase } from "../../src/storage/postgres-database.ts";
import { PostgresServers } from "../../src/storage/postgres-servers.ts";
import { postgresTarget } from "../../src/storage/postgres-url.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message } from "../support/stored.ts";

/** Waits, without a time, for what another process does. */
async function until<T>(ask: () => Promise<T | null | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A process that has ended is a zombie until its parent has looked after it. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

describe("a PostgreSQL that fails", () => {
  let server: PostgresServer;
  let admin: SQL;
  let storage: Storage;
  let made = 0;
  let database: string;

  beforeAll(async () => {
    server = await PostgresServer.start({ fsync: true });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    admin = new SQL({ ...server.connection(), max: 1 });
    database = `failing_${made++}`;
    await admin.unsafe(`CREATE DATABASE ${database}`);
    storage = await openPostgresStorage({ url: server.url(database) });
    await storage.chat.commit(batch({ conversations: [conversation()] }));
  });
  afterEach(async () => {
    await storage.close();
    await admin.close({ timeout: 1 }).catch(() => undefined);
  });

  const sessions = (condition: string) =>
    admin.unsafe(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = $1 AND application_name = 'parley' AND ${condition}`,
      [database],
    );
  const setStandby = async (change: string) => {
    const sql = new SQL({ ...server.connection(), max: 1 });
    await sql.unsafe(`ALTER SYSTEM ${change}`);
    await sql.unsafe("SELECT pg_reload_conf()");
    await sql.close({ timeout: 1 });
  };
  /** Resolves when commits wait: the server takes a while to read its settings anew. */
  const waitForStandby = async () => {
    await setStandby("SET synchronous_standby_names = 'nobody'");
    const sql = new SQL({ ...server.connection(), max: 1 });
    const [{ pid }] = await sql.unsafe("SELECT pg_backend_pid() AS pid");
    const isWaiting = `SELECT pid FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'`;
    for (let waits = false; !waits; ) {
      let isOver = false;
      const write = sql.unsafe("SELECT pg_logical_emit_message(true, '', '')").then(() => {
        isOver = true;
      });
      waits = await until(async () => {
        if ((await admin.unsafe(isWaiting, [pid])).length > 0) return true;
        return isOver ? false : null;
      });
      if (waits) await admin.unsafe("SELECT pg_cancel_backend($1)", [pid]);
      await write;
    }
    await sql.close({ timeout: 1 });
  };
  const waitForNobody = () => setStandby("RESET synchronous_standby_names");
  const history = async (from = storage) =>
    await from.chat.history({ conversationId: "chat", limit: 10_000 });
  const commit = (...seqs: number[]) =>
    storage.chat.commit(batch({ messages: seqs.map((seq) => message(seq)) }));

  test("and is killed and started again loses nothing of what it took, and serves on", async () => {
    let seq = 0;
    const taken: number[] = [];
    let isRunning = true;
    const writing = (async () => {
      while (isRunning) {
        seq += 1;
        const mine = seq;
        try {
          await commit(mine);
          taken.push(mine);
        } catch (fault) {
          expect(fault).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
          // Nobody sends again at once.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    })();
    for (let kills = 0; kills < 3; kills += 1) {
      const before = taken.length;
      await until(async () => (taken.length > before + 20 ? true : null));
      server.kill();
      await server.restart();
      await until(async () => (taken.length > before + 25 ? true : null));
    }
    isRunning = false;
    await writing;
    const kept = (await history()).map((each) => each.seq);
    // What was refused is not there either: what became of each commit was found out.
    expect(kept).toEqual(taken);
  });

  test("and has ended all sessions since they were last used is asked over new ones, and nobody hears of it", async () => {
    // As many as there may be.
    await Promise.all(Array.from({ length: 40 }, () => history()));
    await Promise.all([commit(1), storage.blocks.put({ blockerId: "a", blockedId: "b" }, true)]);
    const endAll = async () => {
      const ended = await sessions("pid <> pg_backend_pid()");
      const pids = ended.map(({ pid }: { pid: number }) => pid);
      expect(pids.length).toBeGreaterThan(3);
      for (const pid of pids) process.kill(pid, "SIGTERM");
      // Without a turn of the event loop: that they are gone is told by the next statements alone.
      while (pids.some(isRunning)) Bun.sleepSync(1);
    };
    await endAll();
    expect(await history()).toHaveLength(1);
    await Promise.all(Array.from({ length: 40 }, () => history()));
    await endAll();
    await commit(2);
    expect(await history()).toHaveLength(2);
  });

  test("and ends a session in the middle of a commit has it written anew over another one", async () => {
    const holder = new SQL({ ...server.connection(database), max: 1 });
    const held = await holder.reserve();
    await held.unsafe("BEGIN");
    await held.unsafe("SELECT 1 FROM parley.conversations FOR UPDATE");
    const waiting = () => sessions("wait_event_type = 'Lock'");
    const committed = commit(1);
    const { pid } = await until(async () => (await waiting())[0]);
    await admin.unsafe("SELECT pg_terminate_backend($1)", [pid]);
    await until(async () => (await waiting()).find((other: { pid: number }) => other.pid !== pid));
    await held.unsafe("ROLLBACK");
    held.release();
    await committed;
    await holder.close({ timeout: 1 });
    expect(await history()).toHaveLength(1);
  });

  test("and would rather confirm what is not on its disk yet is not let", async () => {
    await admin.unsafe(`ALTER DATABASE ${database} SET synchronous_commit = off`);
    const strict = await openPostgresStorage({ url: server.url(database) });
    for (let seq = 1; seq <= 20; seq += 1) {
      await strict.chat.commit(batch({ messages: [message(seq)] }));
    }
    server.kill();
    await server.restart();
    expect(await history(strict)).toHaveLength(20);
    await strict.close();
  });

  test("and ends a session at its commit has the commit told of as it was, once it is wherever it has to be", async () => {
    await waitForStandby();
    let isTold = false;
    const committed = commit(1).then(() => {
      isTold = true;
    });
    const waiting = () => sessions("wait_event = 'SyncRep'");
    try {
      // It is on this server's disk, and waits for another one, which never comes.
      const { pid } = await until(async () => (await waiting())[0]);
      await admin.unsafe("SELECT pg_terminate_backend($1)", [pid]);
      // Who asks about it waits as it did.
      await until(async () =>
        (await waiting()).find((other: { pid: number }) => other.pid !== pid),
      );
      expect(isTold).toBe(false);
    } finally {
      await waitForNobody();
    }
    await committed;
    expect(await history()).toHaveLength(1);
  });

  test("and crashes before a commit has it written anew, though another transaction gets its id then", async () => {
    const clock = new FakeClock();
    const servers = new PostgresServers(postgresTarget(server.url(database)), clock);
    const limits = { connections: 4, statementMs: 30_000, lockMs: 5_000 };
    const db = new PostgresDatabase({ servers, clock, ...limits });
    let attempts = 0;
    let stopped = 0;
    let isDone = false;
    const done = db.write(async (query) => {
      attempts += 1;
      await query("INSERT INTO users (user_id, name, last_seen_ms) VALUES ('late', 'Late', 1)");
      const [row] = await query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      if (attempts > 1) return;
      // It never comes to the commit, nor to its log.
      stopped = row?.pid ?? 0;
      process.kill(stopped, "SIGSTOP");
    });
    void done.then(() => {
      isDone = true;
    });
    await until(async () => (stopped === 0 ? null : true));
    server.kill();
    process.kill(stopped, "SIGKILL");
    for (let refused = 0; refused < 5; ) {
      await db.read("SELECT 1 AS one").catch(() => {
        refused += 1;
      });
    }
    await server.restart();
    const other = new SQL({ ...server.connection(database), max: 1 });
    for (let count = 0; count < 100; count += 1) await other.unsafe("SELECT pg_current_xact_id()");
    // No faster than it can be asked.
    await until(async () => {
      clock.advance(5);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return isDone || null;
    });
    await done;
    expect(attempts).toBe(2);
    expect(await other.unsafe("SELECT 1 FROM parley.users WHERE user_id = 'late'")).toHaveLength(1);
    await Promise.all([other.close({ timeout: 1 }), db.close()]);
  });

  test("and is away for longer than may be waited after a commit that it did not answer has it refused, and told why", async () => {
    const clock = new FakeClock();
    const patient = await openPostgresStorage({ url: server.url(database), clock });
    await waitForStandby();
    let fault: unknown;
    const refused = patient.chat.commit(batch({ messages: [message(1)] })).catch((thrown) => {
      fault = thrown;
    });
    await until(async () => (await sessions("wait_event = 'SyncRep'"))[0]);
    server.kill();
    await until(async () => {
      clock.advance(1_000);
      return fault;
    });
    await refused;
    expect(fault).toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("did not say whether it took the write"),
    });
    await server.restart();
    await waitForNobody();
    // It was taken: who sends it again, as it was refused for now, is told of a conflict.
    expect(await history()).toHaveLength(1);
    expect(await refusalOf(() => commit(1))).toBe("STORAGE_UNAVAILABLE");
    await patient.close();
  });

  test("and takes nobody at first, when it is back, is asked until it says what became of the commit", async () => {
    const clock = new FakeClock();
    const servers = new PostgresServers(postgresTarget(server.url(database)), clock);
    const limits = { connections: 4, statementMs: 30_000, lockMs: 5_000 };
    const db = new PostgresDatabase({ servers, clock, ...limits });
    let asks = 0;
    const find = servers.primary.bind(servers);
    servers.primary = () => {
      asks += 1;
      return find();
    };
    await waitForStandby();
    let outcome: unknown;
    const written = db
      .write((query) =>
        query("INSERT INTO users (user_id, name, last_seen_ms) VALUES ('a', 'A', 1)"),
      )
      .then(
        () => {
          outcome = "written";
        },
        (fault: unknown) => {
          outcome = fault;
        },
      );
    await until(async () => (await sessions("wait_event = 'SyncRep'"))[0]);
    server.kill();
    await server.restart();
    await waitForNobody();
    const other = new SQL({ ...server.connection(), max: 1 });
    await other.unsafe(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
    // No faster than it can be asked.
    const timePasses = async () => {
      clock.advance(5);
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const before = asks;
    while (asks < before + 3 && outcome === undefined) await timePasses();
    await other.unsafe(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
    while (outcome === undefined) await timePasses();
    await written;
    expect(outcome).toBe("written");
    await Promise.all([other.close({ timeout: 1 }), db.close()]);
  });

  test("and ends all sessions between two requests is not noticed", async () => {
    await commit(1);
    for (const { pid } of await sessions("true")) {
      await admin.unsafe("SELECT pg_terminate_backend($1)", [pid]);
    }
    await until(async () => ((await sessions("true")).length === 0 ? true : null));
    await commit(2);
    expect(await history()).toHaveLength(2);
  });

  test("says so, without its password, as long as it is away", async () => {
    const pids = (await sessions("true")).map(({ pid }: { pid: number }) => pid);
    server.kill();
    // Sessions answer until they see that they are alone.
    await until(async () => !pids.some((pid: number) => existsSync(`/proc/${pid}`)) || null);
    const acts = [
      () => commit(1),
      () => storage.chat.probe(),
      () => history(),
      async () => await storage.queues.messages(),
      () => openPostgresStorage({ url: server.url(database) }),
    ];
    const faults = await Promise.all(acts.map((act) => act().catch((fault: unknown) => fault)));
    for (const fault of faults) {
      expect(fault).toBeInstanceOf(AppError);
      expect(fault).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect(Bun.inspect(fault)).not.toContain("secret");
      expect(fault instanceof Error ? fault.message : "").toMatch(
        /PostgreSQL (cannot be reached|is ending)|cannot be opened/,
      );
    }
    await server.restart();
    await storage.chat.probe();
    await commit(1);
    expect(await history()).toHaveLength(1);
  });

  test("and whose lock is held longer than may be waited refuses the commit, and takes it again", async () => {
    const impatient = await openPostgresStorage({ url: server.url(database), busyTimeoutMs: 50 });
    const holder = new SQL({ ...server.connection(database), max: 1 });
    const held = await holder.reserve();
    await held.unsafe("BEGIN");
    await held.unsafe("SELECT 1 FROM parley.conversations FOR UPDATE");
    const said = batch({ messages: [message(1)] });
    const fault = await impatient.chat.commit(said).catch((refusal: unknown) => refusal);
    expect(fault).toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("waited too long for a lock"),
    });
    await held.unsafe("ROLLBACK");
    held.release();
    await impatient.chat.commit(said);
    await impatient.close();
    await holder.close({ timeout: 1 });
    expect(await history()).toHaveLength(1);
  });

  test("and takes longer over a statement than it may is not waited for", async () => {
    const url = server.url(database);
    const impatient = await openPostgresStorage({ url, statementTimeoutMs: 50, busyTimeoutMs: 0 });
    const holder = new SQL({ ...server.connection(database), max: 1 });
    const held = await holder.reserve();
    await held.unsafe("BEGIN");
    await held.unsafe("LOCK TABLE parley.messages");
    const fault = await history(impatient).catch((refusal: unknown) => refusal);
    expect(fault).toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("took longer than it may"),
    });
    await held.unsafe("ROLLBACK");
    held.release();
    expect(await history(impatient)).toEqual([]);
    await impatient.close();
    await holder.close({ timeout: 1 });
  });

  test("and does not answer at all is given up, and asked anew over other connections", async () => {
    const clock = new FakeClock();
    const patient = await openPostgresStorage({ url: server.url(database), clock });
    await history(patient);
    const stopped = (await sessions("true")).map(({ pid }: { pid: number }) => pid);
    for (const pid of stopped) process.kill(pid, "SIGSTOP");
    try {
      const timers = clock.scheduledCount;
      const asked = Promise.all([history(patient), patient.chat.probe()]);
      await until(async () => (clock.scheduledCount >= timers + 2 ? true : null));
      clock.advance(60_000);
      expect(await asked).toEqual([[], undefined]);
    } finally {
      for (const pid of stopped) process.kill(pid, "SIGCONT");
    }
    await patient.close();
  });

  test("and does not answer holds up no close", async () => {
    const clock = new FakeClock();
    const closing = await openPostgresStorage({ url: server.url(database), clock });
    await closing.chat.probe();
    const stopped = (await sessions("true")).map(({ pid }: { pid: number }) => pid);
    for (const pid of stopped) process.kill(pid, "SIGSTOP");
    const committed = refusalOf(() => closing.chat.commit(batch({ messages: [message(1)] })));
    let isClosed = false;
    const closed = closing.close().then(() => {
      isClosed = true;
    });
    await until(async () => {
      clock.advance(1_000);
      return isClosed || null;
    });
    for (const pid of stopped) process.kill(pid, "SIGCONT");
    await closed;
    expect(await committed).toBe("STORAGE_UNAVAILABLE");
    expect(await history()).toEqual([]);
  });
});
