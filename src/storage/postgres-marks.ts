import { newUuid } from "../ids.ts";
import type { Query } from "./postgres-database.ts";

/**
 * What each transaction begins with: durable whatever the server's default, and told by its mark. The
 * id that PostgreSQL gives it would not do: after a crash, or on a server that was promoted, another
 * transaction may get the same one.
 */
const MARK = `
  INSERT INTO commit_marks (writer, token) VALUES ($1, $2::bigint)
  ON CONFLICT (writer) DO UPDATE SET token = excluded.token, marked = excluded.marked
  RETURNING CASE WHEN current_setting('synchronous_commit') = 'off'
            THEN set_config('synchronous_commit', 'on', true) END AS mode`;

/**
 * Waits for the transaction, if it is under way still, also where it made the row. Being a write itself,
 * its commit waits for all that such a server waits for: what was committed before it is on every server
 * where it has to be.
 */
const FIND = `
  INSERT INTO commit_marks (writer, token) VALUES ($1, 0)
  ON CONFLICT (writer) DO UPDATE SET token = commit_marks.token
  RETURNING token = $2::bigint AS "isCommitted"`;

/** Of processes that are no more. */
const FORGET = "DELETE FROM commit_marks WHERE marked < now() - interval '1 day'";

/** Of one transaction. */
export interface CommitMark {
  /** Whose row it is: one transaction at a time has it. */
  readonly writer: string;
  readonly token: number;
}

/** The marks of one process' transactions, by which it finds out which of them were committed. */
export class CommitMarks {
  readonly #process = newUuid();
  readonly #free: string[] = [];
  #writers = 0;
  #tokens = 0;

  take(): CommitMark {
    this.#tokens += 1;
    const writer = this.#free.pop() ?? `${this.#process}/${++this.#writers}`;
    return { writer, token: this.#tokens };
  }

  /** The transaction is over: without a doubt, or its row may still be locked. */
  giveBack({ writer }: CommitMark): void {
    this.#free.push(writer);
  }
}

/** The first statement of its transaction. */
export async function setMark(query: Query, { writer, token }: CommitMark): Promise<void> {
  await query(MARK, [writer, token]);
}

/** Whether its transaction was committed, once this one is. */
export async function findMark(query: Query, { writer, token }: CommitMark): Promise<boolean> {
  const [row] = await query<{ isCommitted: boolean }>(FIND, [writer, token]);
  return row?.isCommitted === true;
}

export async function forgetMarks(query: Query): Promise<void> {
  await query(FORGET);
}
