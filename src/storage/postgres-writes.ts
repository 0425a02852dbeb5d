import { GroupedWrites } from "./grouped-writes.ts";
import type { PostgresDatabase, Query } from "./postgres-database.ts";
import { postgresUnavailable } from "./postgres-errors.ts";
import { Turns } from "./turns.ts";

/**
 * The commits of one store, one at a time and in the order of their coming; those of other stores,
 * and of other nodes, may be done at once.
 */
export class PostgresWrites {
  readonly #db: PostgresDatabase;
  readonly #turns = new Turns();

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  /** Durable when it resolves; rejects with AppError STORAGE_UNAVAILABLE when nothing was written. */
  commit<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.take(() => this.write(work));
  }

  /** Something that commits, when its turn comes. */
  take<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work);
  }

  /** Out of turn. */
  async write<T>(work: (query: Query) => Promise<T>): Promise<T> {
    try {
      return await this.#db.write(work);
    } catch (fault) {
      throw postgresUnavailable("the store did not take the write; nothing of it was kept", fault);
    }
  }

  /** Writes that are gathered while one is under way. */
  grouped<Write>(
    apply: (query: Query, writes: readonly Write[]) => Promise<unknown>,
  ): GroupedWrites<Write> {
    return new GroupedWrites(async (take) => {
      await this.take(() => {
        const writes = take();
        return this.write((query) => apply(query, writes));
      });
    });
  }

  finish(): Promise<void> {
    return this.#turns.finish();
  }
}

/** What `read` resolves with; rejects with AppError STORAGE_UNAVAILABLE. */
export async function answered<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (fault) {
    throw postgresUnavailable("the store cannot be read", fault);
  }
}
