import type { Database } from "bun:sqlite";
import type { Revocation } from "../auth/revocations.ts";

/** Writes revocations, within a transaction of the caller's. */
export class RevocationWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  apply({ kind, subject, revokedMs, forgetMs }: Revocation): void {
    this.#statements.forget.run(revokedMs);
    this.#statements.add.run(kind, subject, revokedMs, forgetMs);
  }
}

function prepare(db: Database) {
  return {
    forget: db.query<null, [number]>("DELETE FROM revocations WHERE forget_ms <= ?"),
    add: db.query<null, [string, string, number, number | null]>(
      "INSERT OR REPLACE INTO revocations (kind, subject, revoked_ms, forget_ms) VALUES (?, ?, ?, ?)",
    ),
  };
}
