import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  BINARY,
  type ParleyProcess,
  startParley,
  temporaryDir,
} from "../support/parley-process.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { answerOf, askAs } from "../support/server-api.ts";
import { connectStock, type Event, joinStock, subscribeAll } from "../support/stock-client.ts";

const ERRORS = "/user/alice/queue/errors";
const CONFIRMATIONS = "/user/alice/queue/confirmations";

let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await PostgresServer.start({ fsync: true });
});
afterAll(() => postgres[Symbol.asyncDispose]());

const start = (url: string) => startParley({ env: { PARLEY_DATABASE_URL: url } });

const historyOf = async (server: ParleyProcess, conversationId = "c"): Promise<Event[]> => {
  const path = `/api/conversations/${conversationId}/messages?limit=100`;
  const { status, body } = await answerOf(await askAs(server, "alice", path));
  expect(status).toBe(200);
  return body.messages;
};

async function untilReady(server: ParleyProcess, status: 200 | 503): Promise<void> {
  for (let answer = 0; answer !== status; ) {
    answer = (await fetch(`${server.url}/readyz`)).status;
  }
}

const said = (number: number) => ({
  ...{ conversationId: "c", recipientId: "bob" },
  ...{ content: `number ${number} of them`, clientMessageId: `m${number}` },
});

test("two stock clients chat, and a server that was killed finds everything again", async () => {
  const url = postgres.url("postgres");
  const server = await start(url);
  const [alice, bob] = [await joinStock(server, "alice"), await joinStock(server, "bob")];
  for (let number = 1; number <= 20; number += 1) alice.send("/app/chat.send", said(number));
  const received = await bob.count("/user/bob/queue/messages", 20);
  bob.send("/app/chat.read", { id: received[9]?.id });
  bob.send("/app/chat.send", { conversationId: "c", content: "an answer" });
  await alice.event("/user/alice/queue/receipts", ({ seq }) => seq === 10);
  await alice.event("/user/alice/queue/messages", ({ content }) => content === "an answer");
  await alice.until(
    () => new Set(alice.got(CONFIRMATIONS).map((event) => event.clientMessageId)).size === 20,
    "the confirmations",
  );
  await bob.event("/user/bob/queue/confirmations");
  const before = await historyOf(server);
  expect(before).toHaveLength(21);
  expect(server.log()).toContain("The database is open");
  expect(server.log()).not.toContain("secret");
  await server.kill();
  await Promise.all([alice.close(), bob.close()]);

  const again = await start(url);
  expect(await historyOf(again)).toEqual(before);
  const path = "/api/conversations?limit=10";
  const list = await answerOf(await askAs(again, "bob", path));
  expect(list.body.conversations).toMatchObject([{ id: "c", lastSeq: 21, readSeq: 10 }]);
  const search = await answerOf(await askAs(again, "bob", "/api/search?q=answer"));
  expect(search.body.results).toMatchObject([{ message: { seq: 21 } }]);
  const sender = await joinStock(again, "alice");
  // What was sent before is what it was, and seqs count on.
  sender.send("/app/chat.send", said(3));
  const known = await sender.event(
    CONFIRMATIONS,
    ({ clientMessageId }) => clientMessageId === "m3",
  );
  expect(known).toMatchObject({ seq: 3 });
  sender.send("/app/chat.send", said(21));
  const next = await sender.event(
    CONFIRMATIONS,
    ({ clientMessageId }) => clientMessageId === "m21",
  );
  expect(next).toMatchObject({ seq: 22, status: "SENT" });
  await sender.close();
  expect(await again.stop()).toBe(0);
});

test("a database that fails is told of, and the server goes on when it is back, by itself", async () => {
  const server = await start(postgres.url("postgres", "&schema=failing"));
  const alice = await connectStock(server, "alice");
  await subscribeAll(alice);
  let number = 0;
  /** Sends one after the other, until an answer is on the destination. */
  const sendUntil = async (destination: string) => {
    for (const before = alice.got(destination).length; alice.got(destination).length === before; ) {
      number += 1;
      const clientMessageId = `m${number}`;
      alice.send("/app/chat.send", said(number));
      const answers = () => [...alice.got(CONFIRMATIONS), ...alice.got(ERRORS)];
      await alice.until(() => answers().some((event) => event.clientMessageId === clientMessageId));
    }
  };
  await sendUntil(CONFIRMATIONS);
  postgres.kill();
  // Though nobody writes.
  await untilReady(server, 503);
  await sendUntil(ERRORS);
  expect(alice.got(ERRORS)).toMatchObject([{ code: "STORAGE_UNAVAILABLE" }]);
  await postgres.restart();
  await sendUntil(CONFIRMATIONS);
  await untilReady(server, 200);
  const seqs = (await historyOf(server)).map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, at) => at + 1));
  expect(server.log()).not.toContain("secret");
  await alice.close();
  expect(await server.stop()).toBe(0);
});

test("what cannot be opened is said, without the password, and what is SQLite's alone is refused", async () => {
  const { server } = await postgresDatabases();
  const run = (url: string, ...command: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([BINARY, ...command], {
      ...{ env: { PARLEY_DATABASE_URL: url }, cwd: temporaryDir(), timeout: 20_000 },
    });
    const said = stdout.toString() + stderr.toString();
    expect(said).not.toContain("secret");
    return { exitCode, said };
  };
  const serve = ["serve", "--port", "0"];
  const missing = run(server.url("nowhere"), ...serve);
  expect(missing.exitCode).toBe(1);
  expect(missing.said).toContain('database "nowhere" does not exist');
  const misspelt = run(server.url("postgres", "&sslmod=require"), ...serve);
  expect(misspelt.exitCode).toBe(1);
  expect(misspelt.said).toContain("database.url has the unknown parameter sslmod");
  const away = run("postgres://parley:secret@127.0.0.1:1/parley", ...serve);
  expect(away.exitCode).toBe(1);
  // One line that says what to do.
  expect(away.said).toMatch(
    /^parley: the database postgres:\/\/parley@127\.0\.0\.1:1\/parley cannot be opened, since PostgreSQL cannot be reached \([^\n]+\): see that it runs, [^\n]+\n$/,
  );
  const backup = run(server.url(), "backup", join(temporaryDir(), "copy.db"));
  expect(backup.exitCode).toBe(1);
  expect(backup.said).toContain("pg_dump");
});
