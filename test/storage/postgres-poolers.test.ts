import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { AppError } from "../../src/errors.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { documentedLines, PgBouncer } from "../support/pgbouncer.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { batch, conversation, message } from "../support/stored.ts";

/** As the documentation has it. */
const DOCUMENTED = documentedLines("ini");
const STRICT = DOCUMENTED.filter((line) => !line.startsWith("ignore_startup_parameters"));
const TRANSACTIONS = DOCUMENTED.map((line) =>
  line.replace(/^pool_mode.*/, "pool_mode = transaction"),
);

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
  await using admin = new SQL({ ...server.connection(), max: 1 });
  for (const name of ["bare", "parley"]) await admin.unsafe(`CREATE DATABASE ${name}`);
  for (const statement of documentedLines("sql")) await admin.unsafe(statement);
});
afterAll(() => server[Symbol.asyncDispose]());

const SCHEMA = "&schema=chat";
const serving = { how: "alone", onTaken: expect.unreachable } as const;

async function refusal(url: string): Promise<string> {
  const opening = openPostgresStorage({ url, serving });
  const fault = await opening.catch((thrown: unknown) => thrown);
  if (!(fault instanceof AppError)) return expect.unreachable("not refused");
  expect(fault.code).toBe("INVALID_CONFIGURATION");
  expect(fault.message).not.toMatch(/secret|\n/);
  return fault.message;
}

test("a pooler of sessions that gives the account its settings is served through", async () => {
  await using pooler = await PgBouncer.start(server, DOCUMENTED);
  const log = new RecordedLog();
  const url = pooler.url("parley");
  const storage = await openPostgresStorage({ url, serving, log });
  expect(log.texts.filter((text) => text.includes("pooler"))).toEqual([]);
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  await storage.chat.commit(batch({ messages: [message(1)] }));
  await storage.leadership.seek();
  expect(storage.leadership.isLeader).toBe(true);
  expect(await refusal(url)).toContain("is served by another Parley");
  await storage.close();
  const again = await openPostgresStorage({ url, serving });
  expect(await again.chat.history({ conversationId: "chat", limit: 10 })).toHaveLength(1);
  await again.close();
}, 30_000);

test("a pooler that refuses settings, or keeps the schema back, is told of, and nothing is made", async () => {
  await using strict = await PgBouncer.start(server, STRICT);
  expect(await refusal(strict.url("bare", SCHEMA))).toContain("ignore_startup_parameters");
  await using silent = await PgBouncer.start(server, DOCUMENTED);
  expect(await refusal(silent.url("bare", SCHEMA))).toContain("ALTER ROLE");
  await using admin = new SQL({ ...server.connection("bare"), max: 1 });
  const made = await admin.unsafe("SELECT 1 FROM pg_tables WHERE tablename = 'schema_version'");
  expect(made).toHaveLength(0);
  await admin.unsafe("ALTER ROLE parley IN DATABASE bare SET search_path = chat");
  const log = new RecordedLog();
  await using other = await PgBouncer.start(server, DOCUMENTED);
  await (await openPostgresStorage({ url: other.url("bare", SCHEMA), log })).close();
  expect(log.texts.find((text) => text.includes("pooler keeps back"))).toContain("lock_timeout");
}, 30_000);

test("a pooler of transactions, in which no session keeps its locks, is refused at each start", async () => {
  await using pooler = await PgBouncer.start(server, TRANSACTIONS);
  for (let starts = 0; starts < 3; starts += 1) {
    expect(await refusal(pooler.url("parley"))).toContain("pool_mode = session");
  }
}, 30_000);
