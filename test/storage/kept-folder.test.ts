import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/log.ts";
import { diskFiles, type FileOperations } from "../../src/storage/file-operations.ts";
import { KeptFolder } from "../../src/storage/kept-folder.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const [FIRST, SECOND] = ["a".repeat(64), "b".repeat(64)] as const;

let parent: TemporaryFolder;
let path: string;
beforeEach(() => {
  parent = new TemporaryFolder();
  path = parent.file("attachments");
});
afterEach(() => parent[Symbol.dispose]());

const folderWith = (files: FileOperations) => new KeptFolder(path, files, silentLog);
const secret = (made: string) => folderWith(diskFiles).secret(made);
const file = () => join(path, "link-secret");

/** The process ends before the step of that number, of which `steps` has the names. */
function endingAt(number: number, steps: string[]): FileOperations {
  const step = <Args extends unknown[]>(name: string, act: (...args: Args) => void) => {
    return (...args: Args) => {
      if (steps.push(name) > number) throw new Error("the process ends");
      act(...args);
    };
  };
  return {
    copy: step("copy", diskFiles.copy),
    link: step("link", diskFiles.link),
    rename: step("rename", diskFiles.rename),
    remove: step("remove", diskFiles.remove),
    sync: step("sync", diskFiles.sync),
    syncFolder: step("syncFolder", diskFiles.syncFolder),
  };
}

describe("the secret of links", () => {
  test("is made once, for its owner alone to read, and nothing is left beside it", () => {
    expect(secret(FIRST)).toBe(FIRST);
    expect(secret(SECOND)).toBe(FIRST);
    expect(readdirSync(path)).toEqual(["link-secret"]);
    expect(statSync(file()).mode & 0o077).toBe(0);
  });

  test("is on disk before it has its name, and then its name is", () => {
    const steps: string[] = [];
    folderWith(endingAt(99, steps)).secret(FIRST);
    // The folder that it is in, and where that is.
    expect(steps).toEqual(["sync", "link", "syncFolder", "syncFolder"]);
  });

  test.each([0, 1, 2, 3])("is whole or not there, ends the process before step %d", (number) => {
    expect(() => folderWith(endingAt(number, [])).secret(FIRST)).toThrow("the process ends");
    const isThere = readdirSync(path).includes("link-secret");
    if (isThere) expect(readFileSync(file(), "utf8")).toBe(FIRST);
    expect(isThere).toBe(number >= 2);
    expect(secret(SECOND)).toBe(isThere ? FIRST : SECOND);
    expect(secret(FIRST)).toBe(isThere ? FIRST : SECOND);
    expect(readdirSync(path)).toEqual(["link-secret"]);
  });

  test.each(["", "a".repeat(31)])("that was cut short, to %j, gives way to a new one", (short) => {
    mkdirSync(path);
    writeFileSync(file(), short);
    expect(secret(FIRST)).toBe(FIRST);
    expect(secret(SECOND)).toBe(FIRST);
  });

  test("is the first one's for all that make it at once in a folder that they share", () => {
    const late = folderWith({
      ...diskFiles,
      sync: (path) => {
        diskFiles.sync(path);
        expect(secret(FIRST)).toBe(FIRST);
      },
    });
    expect(late.secret(SECOND)).toBe(FIRST);
    expect(readFileSync(file(), "utf8")).toBe(FIRST);
    expect(readdirSync(path)).toEqual(["link-secret"]);
  });

  test("is made where files have one name only", () => {
    const unable = () => {
      throw Object.assign(new Error("no second names"), { code: "EPERM" });
    };
    expect(folderWith({ ...diskFiles, link: unable }).secret(FIRST)).toBe(FIRST);
    expect(secret(SECOND)).toBe(FIRST);
    expect(readdirSync(path)).toEqual(["link-secret"]);
  });

  test("is nobody else's to read, whatever a crash has left", () => {
    mkdirSync(path);
    writeFileSync(`${file()}.half`, "half");
    chmodSync(`${file()}.half`, 0o666);
    expect(secret(FIRST)).toBe(FIRST);
    expect(statSync(file()).mode & 0o077).toBe(0);
  });
});
