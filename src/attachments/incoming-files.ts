import { readdirSync, rmSync, statSync } from "node:fs";
import { mkdir, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";

/** Files on their way in, in a folder that is cleared when a server starts. */
export class IncomingFiles {
  readonly #folder: string;
  readonly #makeParent: () => void;

  /** @param makeParent of what the folder is in; throws STORAGE_UNAVAILABLE */
  constructor(folder: string, makeParent = () => {}) {
    this.#folder = folder;
    this.#makeParent = makeParent;
  }

  /** Of a file by that name; it need not be there. */
  pathOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Removes what a crash has left: all there is, as nobody else writes there. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** As `clear`, where other servers may write: what nobody has written to since then. */
  clearUntouched(sinceMs: number): void {
    for (const name of this.#names()) {
      const path = this.pathOf(name);
      const file = statSync(path, { throwIfNoEntry: false });
      if (file !== undefined && file.mtimeMs < sinceMs) rmSync(path, { force: true });
    }
  }

  /** Bytes that may still be written where the files are. */
  async room(): Promise<number> {
    await this.#make();
    const { bavail, bsize } = await statfs(this.#folder).catch(asUnavailable);
    return bavail * bsize;
  }

  /** Writes chunk by chunk what `chunks` gives. Rejects with what that throws, or STORAGE_UNAVAILABLE. */
  async write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#make();
    const file = await open(this.pathOf(name), "wx", 0o600).catch(asUnavailable);
    try {
      for await (const chunk of chunks) await file.writeFile(chunk).catch(asUnavailable);
    } finally {
      await file.close();
    }
  }

  /** No error when it is not there. */
  async remove(name: string): Promise<void> {
    await rm(this.pathOf(name), { force: true });
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch (fault) {
      if (fault instanceof Error && "code" in fault && fault.code === "ENOENT") return [];
      throw fault;
    }
  }

  async #make(): Promise<void> {
    this.#makeParent();
    await mkdir(this.#folder, { recursive: true, mode: 0o700 }).catch(asUnavailable);
  }
}

function asUnavailable(cause: unknown): never {
  throw new AppError("STORAGE_UNAVAILABLE", "The file cannot be written; send it again later", {
    cause,
  });
}
