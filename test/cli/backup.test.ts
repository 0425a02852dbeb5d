import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { type Contents, fakeDatabase, run } from "../support/cli-harness.ts";

describe("backup and restore", () => {
  const contents: Contents = {
    ...{ bytes: 4096, conversations: 2, messages: 30, tookMs: 7, warnings: [] },
    ...{ path: "/data/parley.db", keptAs: null },
  };

  test("backup takes the settings of the server, and tells what it has made", async () => {
    const { database, backups } = fakeDatabase(async () => contents);
    const argv = ["backup", "--data-dir=/data", "night.db"];
    const { done, stdout, stderr } = run(argv, { database });
    expect(await done).toBe(0);
    expect(stdout()).toBe("/srv/night.db: 4096 bytes, 2 conversations, 30 messages, 7 ms\n");
    expect(stderr()).toBe("");
    expect(backups).toMatchObject([{ file: "/srv/night.db", overwrite: false }]);
    expect(backups[0]?.settings.database.url).toBe("sqlite:/data/parley.db");
  });

  test.each([[["backup", "/b/night.db", "--force"]], [["backup", "--force", "/b/night.db"]]])(
    "%j may replace a file",
    async (argv) => {
      const { database, backups } = fakeDatabase(async () => contents);
      expect(await run(argv, { database }).done).toBe(0);
      expect(backups).toMatchObject([{ file: "/b/night.db", overwrite: true }]);
    },
  );

  test("restore tells what is there now, and where the former database is", async () => {
    const keptAs = "/data/parley.db.before-restore-20260102T120000.000Z";
    const { database, restores } = fakeDatabase(async () => ({ ...contents, keptAs }));
    const { done, stdout } = run(["restore", "night.db"], { database });
    expect(await done).toBe(0);
    expect(stdout()).toBe(
      "/data/parley.db: 4096 bytes, 2 conversations, 30 messages, 7 ms\n" +
        `The former database is kept as ${keptAs}\n`,
    );
    expect(restores).toMatchObject([{ file: "/srv/night.db" }]);
  });

  test("restore without a former database tells of none", async () => {
    const { database } = fakeDatabase(async () => contents);
    const { done, stdout } = run(["restore", "night.db"], { database });
    expect(await done).toBe(0);
    expect(stdout()).not.toContain("former");
  });

  test("what is missing in the database is a warning", async () => {
    const warnings = ["1 messages are missing"];
    const { database } = fakeDatabase(async () => ({ ...contents, warnings }));
    const { done, stderr } = run(["backup", "night.db"], { database });
    expect(await done).toBe(0);
    expect(stderr()).toBe("parley: warning: 1 messages are missing.\n");
  });

  test.each(["INVALID_CONFIGURATION", "DATABASE_DAMAGED", "STORAGE_UNAVAILABLE"] as const)(
    "a refusal (%s) is told in words and exits with 1",
    async (code) => {
      const error = new AppError(code, "that cannot be.", { cause: new Error("inner") });
      const { database } = fakeDatabase(() => Promise.reject(error));
      for (const command of ["backup", "restore"]) {
        const { done, stdout, stderr } = run([command, "night.db"], { database });
        expect(await done).toBe(1);
        expect(stderr()).toBe("parley: that cannot be.\n");
        expect(stdout()).toBe("");
      }
    },
  );
});
