import type { Database } from "bun:sqlite";

/** Transactions of a connection that alone writes to its database. */
export class Transactions {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepare(db);
  }

  /**
   * All that `apply` writes in one transaction, which a crash of the process leaves done, and a power
   * cut undone unless a later one was durable: for what is done again then. It does not wait for the
   * disk.
   */
  runUnsynced<T>(apply: () => T): T {
    this.#statements.normal.run();
    try {
      return this.run(apply);
    } finally {
      this.#statements.full.run();
    }
  }

  /**
   * All that `apply` writes in one transaction, durable on return. Throws the engine's error when
   * nothing was written; the next one may succeed.
   */
  run<T>(apply: () => T): T {
    const { begin, commit } = this.#statements;
    this.#rollBack();
    begin.run();
    try {
      const result = apply();
      commit.run();
      return result;
    } catch (fault) {
      this.#rollBack();
      throw fault;
    }
  }

  /** Some errors (a full disk) have ended the transaction by themselves. */
  #rollBack(): void {
    if (this.#db.inTransaction) this.#statements.rollback.run();
  }
}

function prepare(db: Database) {
  return {
    normal: db.query<null, []>("PRAGMA synchronous = NORMAL"),
    full: db.query<null, []>("PRAGMA synchronous = FULL"),
    begin: db.query<null, []>("BEGIN IMMEDIATE"),
    commit: db.query<null, []>("COMMIT"),
    rollback: db.query<null, []>("ROLLBACK"),
  };
}
