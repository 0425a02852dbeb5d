import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { systemClock } from "../../src/clock.ts";
import { diskFiles } from "../../src/storage/file-operations.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { backUp } from "../../src/storage/sqlite-backup.ts";
import { restore } from "../../src/storage/sqlite-restore.ts";
import { copyAsAfterCrash } from "../support/database-files.ts";
import { batch, conversation, message, messages } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const OLD = messages(3).map((each) => ({ ...each, content: "old" }));
const NEW = messages(5).map((each) => ({ ...each, content: "new" }));
const LETTER = "this is a letter to my aunt, and not a database. ".repeat(100);

/** Makes the former database in a folder that is there. */
type Former = (path: string, folder: TemporaryFolder) => Promise<void>;

async function make(path: string, content: typeof OLD, crashedTo?: string): Promise<void> {
  const storage = await openSqliteStorage({ path });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: content }));
  if (crashedTo !== undefined) copyAsAfterCrash(path, crashedTo);
  await storage.close();
}

const FORMERS: readonly (readonly [string, Former])[] = [
  ["was closed in order", (path) => make(path, OLD)],
  ["has everything in its log", (path, folder) => make(folder.file("served.db"), OLD, path)],
  ["is not there", async () => {}],
  [
    "is broken and has a log",
    async (path) => {
      writeFileSync(path, LETTER);
      writeFileSync(`${path}-wal`, LETTER);
    },
  ],
];

/** What the next start finds. */
async function found(path: string): Promise<"old" | "new" | "none"> {
  const isLetter = existsSync(path) && readFileSync(path, "utf8") === LETTER;
  try {
    const storage = await openSqliteStorage({ path });
    const kept = await storage.chat.history({ conversationId: "chat", limit: 10 });
    await storage.close();
    if (kept.length === 0) return "none";
    const expected = kept[0]?.content === "old" ? OLD : NEW;
    expect(kept).toEqual(expected);
    return expected === OLD ? "old" : "new";
  } catch (fault) {
    if (!isLetter) throw fault;
    expect(readFileSync(path, "utf8")).toBe(LETTER);
    expect(readFileSync(`${path}-wal`, "utf8")).toBe(LETTER);
    return "old";
  }
}

/** The backup goes on with its checksum. */
function isStartOf(path: string, file: string): boolean {
  const start = readFileSync(path);
  return start.length > 0 && readFileSync(file).subarray(0, start.length).equals(start);
}

/** What is kept aside: the former database, in the form that it had. */
function expectKept(path: string): void {
  if (readFileSync(path, "utf8") === LETTER) {
    expect(readFileSync(`${path}-wal`, "utf8")).toBe(LETTER);
    return;
  }
  using db = new Database(path, { readonly: true });
  expect(db.query("SELECT content FROM messages ORDER BY seq").values()).toEqual(
    OLD.map(({ content }) => [content]),
  );
}

test.each(FORMERS)(
  "a restore killed at any of its steps, of a database that %s, leaves the old or the new",
  async (name, makeFormer) => {
    using folder = new TemporaryFolder();
    const source = folder.file("source.db");
    const file = folder.file("backup.db");
    await make(source, NEW);
    backUp({ path: source, file, overwrite: false, files: diskFiles, clock: systemClock });
    const hasFormer = name !== "is not there";

    const outcomes: string[] = [];
    let isComplete = false;
    for (let step = 1; !isComplete; step++) {
      const data = folder.file(`data-${step}`);
      mkdirSync(data);
      const path = `${data}/parley.db`;
      await makeFormer(path, folder);
      for (const old of readdirSync(folder.path).filter((each) => each.startsWith("served"))) {
        diskFiles.remove(folder.file(old));
      }
      await using child = Bun.spawn(
        [process.execPath, `${import.meta.dir}/restore-until-killed.ts`, path, file, `${step}`],
        { stdout: "inherit", stderr: "inherit" },
      );
      await child.exited;
      isComplete = child.signalCode === null;
      if (isComplete) expect(child.exitCode).toBe(0);
      expect(existsSync(path) || !hasFormer).toBe(true);
      // A tool that knows nothing of restores must not meet the new database beside the old log.
      if (existsSync(path) && isStartOf(path, file)) {
        expect(existsSync(`${path}-wal`)).toBe(false);
      }

      outcomes.push(await found(path));
      const kept = readdirSync(data).filter((each) => /\.before-restore-[^-]+$/.test(each));
      expect(kept).toHaveLength(hasFormer && outcomes.at(-1) === "new" ? 1 : 0);
      for (const each of kept) expectKept(`${data}/${each}`);
      expect(readdirSync(data).filter((each) => /partial|ready/.test(each))).toEqual([]);
    }
    // The old one up to some step, and the new one from then on.
    const old = hasFormer ? "old" : "none";
    const firstNew = outcomes.indexOf("new");
    expect(firstNew).toBeGreaterThan(0);
    expect(outcomes).toEqual(outcomes.map((_, index) => (index < firstNew ? old : "new")));
    expect(outcomes.length - firstNew).toBeGreaterThan(3);
  },
  60_000,
);

test("a restore that was decided and then killed is finished by the next one", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("parley.db");
  const file = folder.file("backup.db");
  await make(path, NEW);
  backUp({ path, file, overwrite: false, files: diskFiles, clock: systemClock });
  copyFileSync(file, `${path}.restore-ready-20260102T030405.678Z`);
  await make(folder.file("other.db"), [message(1, { content: "other" })]);

  const options = { path, files: diskFiles, clock: systemClock };
  const { keptAs } = restore({ ...options, file: folder.file("other.db") });
  expect(existsSync(`${path}.before-restore-20260102T030405.678Z`)).toBe(true);
  using kept = new Database(keptAs ?? "", { readonly: true });
  expect(kept.query("SELECT count(*) AS count FROM messages").get()).toEqual({ count: 5 });
});
