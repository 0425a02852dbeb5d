import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FilesFolder } from "../attachments/files-folder.ts";
import type { Log } from "../log.ts";
import { type FileOperations, hasCode } from "./file-operations.ts";

const NAME = "link-secret";
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

  /**
   * It is there wholly or not at all, whenever the process ends, and on disk on return. Of several
   * servers that share the folder and make it at once, all have the one that was first.
   */
  secret(made: string): string {
    const file = join(this.path, NAME);
    const kept = readIfThere(file);
    if (kept === null || kept.length < FEWEST_CHARACTERS) this.#make(file, made, kept !== null);
    this.#clearUnfinished();
    return readFileSync(file, "utf8").trim();
  }

  close(): void {}

  #make(file: string, made: string, isCutShort: boolean): void {
    const first = mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const unfinished = `${file}.${randomUUID()}`;
    writeFileSync(unfinished, made, { flag: "wx", mode: 0o600 });
    this.#files.sync(unfinished);
    if (isCutShort) {
      this.#log.warn({ file }, "The secret of links to files was cut short: a new one is made");
      this.#files.rename(unfinished, file);
    } else this.#nameFirst(unfinished, file);
    this.#files.syncFolder(this.path);
    if (first !== undefined) this.#files.syncFolder(dirname(first));
  }

  #nameFirst(unfinished: string, file: string): void {
    try {
      this.#files.link(unfinished, file);
    } catch (fault) {
      // Another server was first, and may have cleared up already.
      if (hasCode(fault, "EEXIST", "ENOENT")) return;
      // Some file systems have no second names.
      this.#files.rename(unfinished, file);
    }
  }

  /** What is beside the secret is of no use any more, also to another server that is about to name it. */
  #clearUnfinished(): void {
    for (const name of readdirSync(this.path)) {
      if (name.startsWith(`${NAME}.`)) rmSync(join(this.path, name), { force: true });
    }
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (fault) {
    if (hasCode(fault, "ENOENT")) return null;
    throw fault;
  }
}
