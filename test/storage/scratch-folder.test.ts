import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newUuid } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { removeStaleFolders, ScratchFolder } from "../../src/storage/scratch-folder.ts";
import { refusalOf } from "../support/refusal.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let parent: TemporaryFolder;
beforeEach(() => {
  parent = new TemporaryFolder();
});
afterEach(() => parent[Symbol.dispose]());

/** A process that has a scratch folder, with a file in it. */
async function otherServer() {
  const made = Promise.withResolvers<string>();
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "make-scratch-folder.ts"), parent.path],
    { stdio: ["ignore", "inherit", "inherit"], ipc: (path) => made.resolve(String(path)) },
  );
  const path = await made.promise;
  return {
    path,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const removeStale = () => removeStaleFolders(parent.path, silentLog);

describe("a scratch folder", () => {
  test("is made when it is needed, for its user alone, and goes with all that is in it", async () => {
    const folder = new ScratchFolder(parent.path, newUuid());
    expect(readdirSync(parent.path)).toEqual([]);
    folder.make();
    folder.make();
    writeFileSync(join(folder.path, "file"), "content");
    expect((await Bun.file(folder.path).stat()).mode & 0o077).toBe(0);
    folder.close();
    folder.close();
    expect(readdirSync(parent.path)).toEqual([]);
  });

  test("outlives the start of others as long as its process lives, and no longer", async () => {
    const own = new ScratchFolder(parent.path, newUuid());
    own.make();
    const [living, killed] = [await otherServer(), await otherServer()];
    await killed.kill();
    expect(existsSync(killed.path)).toBe(true);
    removeStale();
    expect(existsSync(killed.path)).toBe(false);
    expect(existsSync(join(living.path, "incoming/file"))).toBe(true);
    expect(existsSync(own.path)).toBe(true);
    await living.kill();
    removeStale();
    expect(readdirSync(parent.path)).toEqual([own.path.slice(parent.path.length + 1)]);
    own.close();
  });

  test("whose lock was not made yet is left alone, unless it is empty", () => {
    const [empty, filled] = [join(parent.path, `parley-${newUuid()}`), `parley-${newUuid()}`];
    mkdirSync(empty);
    mkdirSync(parent.file(filled));
    writeFileSync(join(parent.file(filled), "file"), "content");
    removeStale();
    expect(readdirSync(parent.path)).toEqual([filled]);
  });

  test("is nothing else that is called likewise", () => {
    const target = parent.file("parley-data");
    mkdirSync(target);
    writeFileSync(join(target, "owner.lock"), "");
    symlinkSync(target, parent.file(`parley-${newUuid()}`));
    writeFileSync(parent.file(`parley-${newUuid()}`), "");
    const before = readdirSync(parent.path).sort();
    removeStale();
    expect(readdirSync(parent.path).sort()).toEqual(before);
    expect(readdirSync(target)).toEqual(["owner.lock"]);
  });

  test("that cannot be made is told of as a store that fails, and made when it can be", async () => {
    const folder = new ScratchFolder(parent.file("later"), newUuid());
    writeFileSync(parent.file("later"), "no folder");
    expect(await refusalOf(() => folder.make())).toBe("STORAGE_UNAVAILABLE");
    await Bun.file(parent.file("later")).delete();
    folder.make();
    expect(existsSync(folder.path)).toBe(true);
    folder.close();
  });

  test("a parent that cannot be looked into is no reason not to start", () => {
    removeStaleFolders(parent.file("none"), silentLog);
  });
});
