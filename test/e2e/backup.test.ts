import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { corruptMiddlePage } from "../support/database-files.ts";
import { filesIn } from "../support/folder-contents.ts";
import { type ParleyProcess, runParley, startParley } from "../support/parley-process.ts";
import { historyOf, SteadySender } from "../support/steady-sender.ts";
import type { Event } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const env = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };

let folder: TemporaryFolder;
let dataDir: string;
let file: string;

beforeEach(() => {
  folder = new TemporaryFolder();
  dataDir = folder.file("data");
  file = folder.file("night.db");
});

afterEach(() => {
  folder[Symbol.dispose]();
});

/** A server that `count` messages were sent to, and all that it confirmed. */
async function serveMessages(count: number): Promise<[ParleyProcess, Map<string, Event>]> {
  const server = await startParley({ dataDir, env });
  const sender = await SteadySender.start(server, "c", "anna", "ben");
  await sender.until(count);
  await sender.close();
  return [server, sender.confirmed];
}

function missingFrom(history: readonly Event[], confirmed: ReadonlyMap<string, Event>): Event[] {
  const byClientId = new Map(history.map((message) => [String(message.clientMessageId), message]));
  return [...confirmed].flatMap(([id, event]) => {
    const kept = byClientId.get(id);
    const isThere = kept?.id === event.messageId && kept?.seq === event.seq && kept?.content === id;
    return isThere ? [] : [event];
  });
}

test("a backup under load, restored elsewhere, has every message confirmed before it began", async () => {
  const server = await startParley({ dataDir, env });
  const senders = [
    await SteadySender.start(server, "c1", "anna", "ben"),
    await SteadySender.start(server, "c2", "carla", "dan"),
  ];
  for (const sender of senders) await sender.until(500);
  const before = senders.map((sender) => new Map(sender.confirmed));
  const backup = await runParley("backup", file, "--data-dir", dataDir);
  expect(backup).toMatchObject({ exitCode: 0, stderr: "" });
  // The load goes on during the backup and after it.
  for (const [index, sender] of senders.entries()) {
    await sender.until((before[index]?.size ?? 0) + 200);
    await sender.close();
  }
  await server.kill();

  const elsewhere = folder.file("elsewhere");
  const restored = await runParley("restore", file, "--data-dir", elsewhere);
  expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
  expect(restored.stdout).toMatch(
    /^\S+elsewhere\/parley\.db: \d+ bytes, 2 conversations, \d+ messages, \d+ ms\n$/,
  );
  const again = await startParley({ dataDir: elsewhere, env });
  let total = 0;
  for (const [conversationId, userId, confirmed] of [
    ["c1", "ben", before[0]],
    ["c2", "dan", before[1]],
  ] as const) {
    const history = await historyOf(again, conversationId, userId);
    expect(missingFrom(history, confirmed ?? new Map())).toEqual([]);
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, index) => index + 1));
    expect(history.length).toBeGreaterThanOrEqual(500);
    total += history.length;
  }
  expect(backup.stdout).toMatch(new RegExp(` 2 conversations, ${total} messages, \\d+ ms\\n$`));
  expect(await again.stop()).toBe(0);
});

test("a restore is refused while the server runs, which goes on", async () => {
  const [server, confirmed] = await serveMessages(50);
  expect((await runParley("backup", file, "--data-dir", dataDir)).exitCode).toBe(0);
  const refused = await runParley("restore", file, "--data-dir", dataDir);
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toBe(
    `parley: another Parley serves the database ${dataDir}/parley.db: stop it, or set another data.dir\n`,
  );
  expect(missingFrom(await historyOf(server, "c", "ben"), confirmed)).toEqual([]);
  expect(await server.stop()).toBe(0);

  const restored = await runParley("restore", file, "--data-dir", dataDir);
  expect(restored.exitCode).toBe(0);
  const keptAs = /The former database is kept as (\S+)\n$/.exec(restored.stdout)?.[1] ?? "";
  expect(existsSync(keptAs)).toBe(true);
});

test("a backup that has changed is refused, and the database stays as it is", async () => {
  const [server] = await serveMessages(50);
  expect((await runParley("backup", file, "--data-dir", dataDir)).exitCode).toBe(0);
  expect(await server.stop()).toBe(0);
  const before = filesIn(dataDir);
  const bytes = readFileSync(file);
  const content = bytes.indexOf("c-17");
  bytes.write("c-71", content);
  writeFileSync(file, bytes);
  const refused = await runParley("restore", file, "--data-dir", dataDir);
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toBe(
    `parley: ${file} is damaged: it is not what was backed up, by its checksum\n`,
  );
  expect(filesIn(dataDir)).toEqual(before);
});

test("a backup replaces no file unless it is told so", async () => {
  const [server] = await serveMessages(1);
  writeFileSync(file, "precious");
  const args = ["backup", file, "--data-dir", dataDir];
  const refused = await runParley(...args);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("is there already");
  expect(readFileSync(file, "utf8")).toBe("precious");
  expect((await runParley(...args, "--force")).exitCode).toBe(0);
  expect(readdirSync(folder.path).sort()).toEqual(["data", "night.db"]);
  expect(await server.stop()).toBe(0);
});

test("where nothing is kept, there is nothing to back up or restore", async () => {
  for (const command of ["backup", "restore"]) {
    const refused = await runParley(command, file, "--database-url", "memory:");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("memory:");
    expect(refused.stderr).not.toContain("    at ");
  }
});

test("a start after SIGKILL says that it recovered, one after SIGTERM that it had not to", async () => {
  const [killed, confirmed] = await serveMessages(100);
  await killed.kill();
  const server = await startParley({ dataDir, env });
  expect(server.log()).toMatch(
    /"msg":"recovered [1-9]\d* bytes of write-ahead log after a crash, checked 1 conversations, \d+ messages in \d+ ms"/,
  );
  expect(missingFrom(await historyOf(server, "c", "ben"), confirmed)).toEqual([]);
  expect(await server.stop()).toBe(0);
  const again = await startParley({ dataDir, env });
  expect(again.log()).toMatch(/"msg":"the database was closed in order, checked 1 conversations/);
  expect(await again.stop()).toBe(0);
});

test.each([
  ["truncated", (path: string) => truncateSync(path, statSync(path).size / 2)],
  ["corrupt", corruptMiddlePage],
])("a start on a %s database is refused, until a backup is restored", async (_, damage) => {
  const [server, confirmed] = await serveMessages(500);
  expect((await runParley("backup", file, "--data-dir", dataDir)).exitCode).toBe(0);
  expect(await server.stop()).toBe(0);
  damage(`${dataDir}/parley.db`);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const refused = await runParley("serve", "--port", "0", "--data-dir", dataDir);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toStartWith(`parley: the database ${dataDir}/parley.db is damaged: `);
    expect(refused.stderr).toEndWith(
      "parley restore FILE puts a backup in its place, and keeps this one aside\n",
    );
  }
  expect((await runParley("restore", file, "--data-dir", dataDir)).exitCode).toBe(0);
  const again = await startParley({ dataDir, env });
  expect(missingFrom(await historyOf(again, "c", "ben"), confirmed)).toEqual([]);
  expect(await again.stop()).toBe(0);
});
