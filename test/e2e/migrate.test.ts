import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { BINARY, type ParleyProcess, startParley } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { answerOf, askAs } from "../support/server-api.ts";
import { connectStock, joinStock } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const CONFIRMATIONS = "/user/alice/queue/confirmations";

let postgres: PostgresServer;
let folder: TemporaryFolder;

beforeAll(async () => {
  postgres = await PostgresServer.start();
  folder = new TemporaryFolder();
});
afterAll(async () => {
  folder[Symbol.dispose]();
  await postgres[Symbol.asyncDispose]();
});

async function migrate(dataDir: string, env: Record<string, string>, ...flags: string[]) {
  const from = `sqlite:${join(dataDir, "parley.db")}`;
  const child = Bun.spawn([BINARY, "migrate", "--from", from, ...flags], {
    ...{ env, cwd: folder.path, stdout: "pipe", stderr: "pipe" },
  });
  const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()];
  const [stdout = "", stderr = ""] = await Promise.all(texts);
  const exitCode = await child.exited;
  expect(stdout + stderr).not.toContain("secret");
  return { exitCode, stdout, stderr };
}

const said = (number: number) => ({
  ...{ conversationId: "c", recipientId: "bob" },
  ...{ content: `number ${number} of them`, clientMessageId: `m${number}` },
});

/** What users are shown of it all. */
async function shownBy(server: ParleyProcess): Promise<unknown[]> {
  const paths = [
    ...["/api/conversations/c/messages?limit=100", "/api/conversations?limit=10"],
    ...["/api/search?q=number", "/api/search?q=edited"],
  ];
  const shown: unknown[] = [];
  for (const userId of ["alice", "bob"]) {
    for (const path of paths) {
      const { status, body } = await answerOf(await askAs(server, userId, path));
      expect(status).toBe(200);
      shown.push(body);
    }
  }
  return shown;
}

test("a server's users find everything again once its database is moved to PostgreSQL", async () => {
  const dataDir = folder.file("data");
  const server = await startParley({ dataDir });
  const alice = await joinStock(server, "alice");
  const bob = await joinStock(server, "bob");
  for (let number = 1; number <= 20; number += 1) alice.send("/app/chat.send", said(number));
  const received = await bob.count("/user/bob/queue/messages", 20);
  bob.send("/app/chat.read", { id: received[9]?.id });
  await alice.event("/user/alice/queue/receipts", ({ seq }) => seq === 10);
  await alice.until(
    () => new Set(alice.got(CONFIRMATIONS).map((event) => event.clientMessageId)).size === 20,
    "the confirmations",
  );
  const message = `/api/messages/${received[2]?.id}`;
  const edited = await askAs(server, "alice", message, "PATCH", { content: "it was edited" });
  expect(edited.status).toBe(204);
  const receipts = new Set<string>();
  alice.stomp.onUnhandledReceipt = ({ headers }) => {
    receipts.add(headers["receipt-id"] ?? "");
    alice.note();
  };
  for (const body of ["one job", "another job"]) {
    const headers = { persistent: "true", receipt: body };
    alice.stomp.publish({ destination: "/queue/jobs", body, headers });
    await alice.until(() => receipts.has(body), "the receipt");
  }
  await Promise.all([alice.close(), bob.close()]);

  const url = postgres.url();
  const early = await migrate(dataDir, {}, "--to", url);
  expect(early).toMatchObject({ exitCode: 1, stdout: "" });
  expect(early.stderr).toEndWith(
    `parley: another Parley serves the database ${dataDir}/parley.db: stop it, or set another data.dir\n`,
  );
  let before = await shownBy(server);
  // SQLite's index of words follows commits: each of the two finds 19 messages, and the edited one.
  const isIndexed = () => JSON.stringify(before).split('"excerpt"').length - 1 === 2 * (19 + 1);
  while (!isIndexed()) before = await shownBy(server);
  expect(JSON.stringify(before)).toContain('"unread":10');
  expect(await server.stop()).toBe(0);

  const moved = await migrate(dataDir, { PARLEY_DATABASE_URL: url });
  expect(moved.exitCode).toBe(0);
  expect(moved.stderr).toContain("Moving conversations: ");
  expect(moved.stderr).toContain("Building the index words ");
  expect(moved.stderr).toMatch(/Checking: 100 %, \d+ of \d+ rows/);
  expect(moved.stdout).toMatch(/^ {2}messages +2\d {2}[0-9a-f]{16}$/m);
  expect(moved.stdout).toMatch(/^ {2}queue_messages +2 {2}[0-9a-f]{16}$/m);

  const again = await startParley({ env: { PARLEY_DATABASE_URL: url } });
  expect(await shownBy(again)).toEqual(before);
  const worker = await connectStock(again, "worker");
  const jobs: string[] = [];
  worker.stomp.subscribe("/queue/jobs", ({ body }) => {
    jobs.push(body);
    worker.note();
  });
  await worker.until(() => jobs.length === 2, "the jobs");
  expect(jobs).toEqual(["one job", "another job"]);
  const sender = await joinStock(again, "alice");
  // What was sent before is what it was, and seqs count on.
  sender.send("/app/chat.send", said(3));
  const known = await sender.event(
    CONFIRMATIONS,
    ({ clientMessageId }) => clientMessageId === "m3",
  );
  expect(known).toMatchObject({ seq: 3, messageId: received[2]?.id });
  await Promise.all([worker.close(), sender.close()]);
  expect(await again.stop()).toBe(0);

  const twice = await migrate(dataDir, {}, "--to", url);
  expect(twice.exitCode).toBe(1);
  expect(twice.stderr).toContain("has been moved to already, and that is finished");
});

test("what cannot be moved is said in a line, without the password", async () => {
  const { exitCode, stderr } = await migrate(folder.file("nothing"), {}, "--to", postgres.url());
  expect(exitCode).toBe(1);
  expect(stderr).toEndWith(`parley: there is no database at ${folder.file("nothing")}/parley.db\n`);
  const backwards = await migrate(folder.path, {}, "--to", "sqlite:secret.db");
  expect(backwards).toMatchObject({ exitCode: 2, stdout: "" });
  expect(backwards.stderr).toStartWith("parley: --to is no URL of PostgreSQL");
});
