import type { Revocation, RevocationStore } from "../auth/revocations.ts";
import type { PostgresDatabase } from "./postgres-database.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

const REVOCATION_READS = {
  all: `
    SELECT kind, subject, revoked_ms::float8 AS "revokedMs", forget_ms::float8 AS "forgetMs"
    FROM revocations`,
} as const;

const REVOCATION_WRITES = {
  forget: "DELETE FROM revocations WHERE forget_ms <= $1::bigint",
  add: `
    INSERT INTO revocations (kind, subject, revoked_ms, forget_ms)
    VALUES ($1, $2, $3::bigint, $4::bigint)
    ON CONFLICT (kind, subject) DO UPDATE
    SET revoked_ms = excluded.revoked_ms, forget_ms = excluded.forget_ms`,
} as const;

/** Revocations in PostgreSQL. */
export class PostgresRevocationStore implements RevocationStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  async add({ kind, subject, revokedMs, forgetMs }: Revocation): Promise<void> {
    await this.#writes.commit((query) =>
      Promise.all([
        query(REVOCATION_WRITES.forget, [revokedMs]),
        query(REVOCATION_WRITES.add, [kind, subject, revokedMs, forgetMs]),
      ]),
    );
  }

  all(): Promise<Revocation[]> {
    return answered(this.#db.read(REVOCATION_READS.all));
  }
}
