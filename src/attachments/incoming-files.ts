import { rmSync } from "node:fs";
import { mkdir, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";

/** Files on their way in, in a folder that is emptied when the server starts. */
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

  /** Removes what a crash has left. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
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
