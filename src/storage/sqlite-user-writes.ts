import type { Database } from "bun:sqlite";
import type { ProfilePut } from "./sqlite-user-store.ts";

/** Writes profiles, within a transaction of the caller's. */
export class UserWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** In their order. */
  apply(writes: readonly ProfilePut[]): void {
    const { know, setName, setPicture } = this.#statements;
    for (const { userId, name, picture } of writes) {
      know.run(userId);
      if (name !== undefined) setName.run(name, userId);
      if (picture !== undefined) setPicture.run(picture, userId);
    }
  }
}

function prepare(db: Database) {
  return {
    know: db.query<null, [userId: string]>(
      `INSERT INTO users (user_id, name, last_seen_ms) VALUES (?, '', 0)
       ON CONFLICT (user_id) DO NOTHING`,
    ),
    setName: db.query<null, [name: string | null, userId: string]>(
      "UPDATE users SET profile_name = ? WHERE user_id = ?",
    ),
    setPicture: db.query<null, [picture: string | null, userId: string]>(
      "UPDATE users SET picture = ? WHERE user_id = ?",
    ),
  };
}
