import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FilesFolder } from "../attachments/files-folder.ts";
import type { Log } from "../log.ts";
import { type FileOperations, hasCode } from "./file-operations.ts";

const FEWEST_CHARACTERS = 32;

/** A folder of files that outlive the server. */
export class KeptFolder implements FilesFolder {
  readonly #files: FileOperations;
  readonly #log: Log;

  constructor(
    readonly path: string,
    files: FileOperations,
    log: Log,
  ) {
    this.#files = files;
    this.#log = log;
  }

  /** It comes with the first file. */
  make(): void {}

  /** It is replaced wholly or not at all, whenever the process ends, and on disk on return. */
  secret(made: string): string {
    const file = join(this.path, "link-secret");
    const kept = readIfThere(file);
    if (kept !== null && kept.length >= FEWEST_CHARACTERS) return kept;
    if (kept !== null) {
      this.#log.warn({ file }, "The secret of links to files was cut short: a new one is made");
    }
    const first = mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const unfinished = `${file}.new`;
    // What a crash has left may have other rights.
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, made, { flag: "wx", mode: 0o600 });
    this.#files.sync(unfinished);
    this.#files.rename(unfinished, file);
    this.#files.syncFolder(this.path);
    if (first !== undefined) this.#files.syncFolder(dirname(first));
    return made;
  }

  close(): void {}
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (fault) {
    if (hasCode(fault, "ENOENT")) return null;
    throw fault;
  }
}
