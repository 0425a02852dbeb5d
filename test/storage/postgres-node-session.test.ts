import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { SQL } from "bun";
import { systemClock } from "../../src/clock.ts";
import type { AppError } from "../../src/errors.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { PostgresNodeSession } from "../../src/storage/postgres-node-session.ts";
import { PostgresServers } from "../../src/storage/postgres-servers.ts";
import { postgresTarget } from "../../src/storage/postgres-url.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { refusalOf } from "../support/refusal.ts";
import { SocketWay } from "../support/socket-way.ts";

let server: PostgresServer;
let nodes: PostgresNodeSession[];
let schema = "";
let schemas = 0;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  nodes = [];
  schema = `schema_${schemas++}`;
});
afterEach(() => Promise.all(nodes.map((node) => node.close())));

const url = () => server.url("postgres", `&schema=${schema}`);

async function open(
  serving: "alone" | "shared",
  onTaken: (error: AppError) => void = () => {},
  at = url(),
) {
  const servers = new PostgresServers(postgresTarget(at), systemClock);
  const options = { servers, serving, clock: systemClock, onTaken };
  const node = await PostgresNodeSession.open(options);
  await node.seek();
  nodes.push(node);
  return node;
}

const leaders = () => nodes.filter((node) => node.isLeader);

async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Ends sessions of nodes as a failing network does, without a word of theirs. */
async function endSessions(): Promise<void> {
  const sql = new SQL({ ...server.connection(), max: 1 });
  await sql.unsafe(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'parley node'`);
  await sql.close({ timeout: 1 });
}

test("of nodes that share a database one leads, and another one when it has gone", async () => {
  const first = await open("shared");
  for (let count = 0; count < 2; count += 1) await open("shared");
  expect(leaders()).toEqual([first]);
  await first.close();
  expect(leaders()).toEqual([]);
  await until(() => leaders().length === 1);
});

test("a node that may yet be refused does not lead, and takes the lead from nobody", async () => {
  const servers = new PostgresServers(postgresTarget(url()), systemClock);
  const options = { servers, clock: systemClock, onTaken: () => {} };
  const starting = await PostgresNodeSession.open({ ...options, serving: "shared" });
  nodes.push(starting);
  expect(starting.isLeader).toBe(false);
  expect((await open("shared")).isLeader).toBe(true);
  await starting.seek();
  expect(leaders()).toHaveLength(1);
  await Promise.all(nodes.map((node) => node.close()));
  const alone = await PostgresNodeSession.open({ ...options, serving: "alone" });
  nodes.push(alone);
  expect(alone.isLeader).toBe(false);
  await endSessions();
  await until(() => alone.pid === 0);
  await until(() => alone.pid !== 0);
  expect(alone.isLeader).toBe(false);
  await alone.seek();
  expect(alone.isLeader).toBe(true);
}, 30_000);

test("a node whose session is lost does not lead from that turn on; one does again soon", async () => {
  const [one, other] = [await open("shared"), await open("shared")];
  const led: boolean[] = [];
  one.onChange(() => led.push(one.isLeader));
  await endSessions();
  await until(() => led.length > 0);
  expect(led[0]).toBe(false);
  await until(() => leaders().length === 1);
  await one.close();
  await until(() => other.isLeader);
});

test("a server without a shared backplane has the schema for itself, and leads", async () => {
  const one = await open("alone");
  expect(one.isLeader).toBe(true);
  for (const serving of ["alone", "shared"] as const) {
    expect(await refusalOf(() => open(serving))).toBe("INVALID_CONFIGURATION");
  }
  await one.close();
  expect((await open("shared")).isLeader).toBe(true);
  expect(await refusalOf(() => open("alone"))).toBe("INVALID_CONFIGURATION");
}, 30_000);

test("another schema is another database", async () => {
  await open("alone");
  schema = `schema_${schemas++}`;
  expect((await open("alone")).isLeader).toBe(true);
});

test("the storage says what is in the way, without the password, before it changes anything", async () => {
  await open("alone");
  const serving = { how: "alone", onTaken() {} } as const;
  const opening = openPostgresStorage({ url: url(), serving });
  const fault = await opening.then(
    () => null,
    (error) => error,
  );
  expect(fault?.message).toContain(`the schema ${schema}`);
  expect(fault?.message).toContain("is served by another Parley");
  expect(fault?.message).not.toContain("secret");
  const sql = new SQL({ ...server.connection(), max: 1 });
  const found = await sql.unsafe("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  expect(found).toHaveLength(0);
  await sql.close({ timeout: 1 });
});

test("PostgreSQL killed and started again, nodes have their locks again", async () => {
  const [one, other] = [await open("shared"), await open("shared")];
  server.kill();
  await until(() => leaders().length === 0);
  await server.restart();
  await until(() => leaders().length === 1);
  await Promise.all([one.close(), other.close()]);
  const alone = await open("alone");
  server.kill();
  await until(() => !alone.isLeader);
  await server.restart();
  await until(() => alone.isLeader);
  expect(await refusalOf(() => open("shared"))).toBe("INVALID_CONFIGURATION");
}, 60_000);

test("a session that goes silent is given up, and its locks are had again", async () => {
  using way = new SocketWay(server.connection().path ?? "");
  const parameters = new URLSearchParams({ host: way.folder, schema });
  const at = `postgres://parley:secret@localhost/postgres?${parameters}`;
  const taken: AppError[] = [];
  const node = await open("alone", (error) => taken.push(error), at);
  const led: boolean[] = [];
  node.onChange(() => led.push(node.isLeader));
  way.freeze();
  // PostgreSQL still has the session that the node has given up.
  await until(() => led.length === 2);
  expect(led).toEqual([false, true]);
  expect(taken).toEqual([]);
}, 30_000);

test("what waits on connections that went silent is asked over new ones, as soon as the node's session notices", async () => {
  using way = new SocketWay(server.connection().path ?? "");
  const parameters = new URLSearchParams({ host: way.folder, schema });
  const serving = { how: "alone", onTaken: expect.unreachable } as const;
  // No statement is given up before the test is.
  const storage = await openPostgresStorage({
    ...{ url: `postgres://parley:secret@localhost/postgres?${parameters}`, serving },
    statementTimeoutMs: 600_000,
  });
  await storage.chat.probe();
  way.freeze();
  const asked = [storage.chat.history({ conversationId: "chat", limit: 1 }), storage.chat.probe()];
  expect(await Promise.all(asked)).toEqual([[], undefined]);
  await storage.close();
}, 30_000);

test("a server hears that another one has taken its schema while it was cut off", async () => {
  const taken = Promise.withResolvers<AppError>();
  const one = await open("alone", taken.resolve);
  const target = postgresTarget(url());
  const thief = new SQL({ ...server.connection(), max: 1 });
  const holder = await thief.reserve();
  // As soon as the lock is free.
  const stolen = holder.unsafe("SELECT pg_advisory_lock($1::integer, hashtext($2::text))", [
    0x7061726d,
    target.schema,
  ]);
  void stolen.execute();
  await endSessions();
  await stolen;
  expect((await taken.promise).code).toBe("INVALID_CONFIGURATION");
  expect(one.isLeader).toBe(false);
  await holder.release();
  await thief.close({ timeout: 1 });
}, 30_000);
