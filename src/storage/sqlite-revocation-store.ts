import type { Database } from "bun:sqlite";
import type { Revocation, RevocationStore } from "../auth/revocations.ts";
import type { Commits } from "./sqlite-commits.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** Revocations in an SQLite database; read at once, over `reader`. */
export class SqliteRevocationStore implements RevocationStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  add(revocation: Revocation): Promise<void> {
    return this.#commits.commit(
      "revocations",
      () => JSON.stringify(revocation),
      () => this.#holds(revocation),
    );
  }

  all(): Revocation[] {
    return answer(() => this.#reads.all.all());
  }

  #holds({ kind, subject, revokedMs }: Revocation): boolean {
    const found = answer(() => this.#reads.one.get(kind, subject));
    return found?.revokedMs === revokedMs;
  }
}

function prepare(db: Database) {
  return {
    all: db.query<Revocation, []>(READS.revocations),
    one: db.query<{ revokedMs: number }, [kind: string, subject: string]>(READS.revocation),
  };
}
