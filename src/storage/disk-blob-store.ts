import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobStore, ByteRange } from "../attachments/blob-store.ts";
import { hasCode } from "./file-operations.ts";
import { unavailable } from "./sqlite-errors.ts";

/** Files in a folder, each under its key. What is put must come from the same file system. */
export class DiskBlobStore implements BlobStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, path: string): Promise<void> {
    const target = this.#pathOf(key);
    try {
      await onDisk(path, "r+");
      const made = await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(path, target);
      if (process.platform === "win32") return; // Which has no such thing, and needs none.
      await onDisk(dirname(target), "r");
      if (made !== undefined) await onDisk(dirname(made), "r");
    } catch (fault) {
      throw unavailable("the file cannot be kept; nothing of it was", fault);
    }
  }

  async read(key: string, { start, end }: ByteRange): Promise<Blob | null> {
    const path = this.#pathOf(key);
    try {
      await stat(path);
    } catch (fault) {
      if (hasCode(fault, "ENOENT")) return null;
      throw unavailable("the file cannot be read", fault);
    }
    return Bun.file(path).slice(start, end);
  }

  async remove(key: string): Promise<void> {
    try {
      await rm(this.#pathOf(key), { force: true });
    } catch (fault) {
      throw unavailable("the file cannot be removed", fault);
    }
  }

  #pathOf(key: string): string {
    return join(this.#folder, key);
  }
}

/** What is in the file, or the names in the folder, are on disk when it resolves. */
async function onDisk(path: string, flags: string): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
