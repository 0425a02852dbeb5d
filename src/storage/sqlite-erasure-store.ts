import type { Database } from "bun:sqlite";
import type { Erasure, ErasureStore } from "../chat/user-ports.ts";
import { ALL_ERASED } from "./erasure-stages.ts";
import type { Commits } from "./sqlite-commits.ts";
import type { ErasureWrite } from "./sqlite-erasure-writes.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

interface ErasureRow extends Omit<Erasure, "keepsMessages"> {
  readonly keepsMessages: 0 | 1;
  readonly stage: number;
}

/** Erasures in an SQLite database; read at once, over `reader`. */
export class SqliteErasureStore implements ErasureStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  begin({
    userId,
    requestedMs,
    keepsMessages,
  }: Pick<Erasure, "userId" | "requestedMs" | "keepsMessages">): Promise<void> {
    const isThere = () => {
      const begun = this.erasure(userId);
      return begun?.doneMs === null && (keepsMessages || !begun.keepsMessages);
    };
    return this.#write({ kind: "begin", userId, requestedMs, keepsMessages }, isThere);
  }

  erasure(userId: string): Erasure | null {
    const row = answer(() => this.#reads.one.get(userId));
    return row && erasureOf(row);
  }

  underWay(): Erasure[] {
    return answer(() => this.#reads.underWay.all().map(erasureOf));
  }

  async erasePortion(userId: string, limit: number): Promise<boolean> {
    // Whether it is there cannot be told: it is asked for again.
    await this.#write({ kind: "portion", userId, limit }, () => false);
    return answer(() => this.#reads.one.get(userId))?.stage === ALL_ERASED;
  }

  untold(userId: string, limit: number): string[] {
    return answer(() =>
      this.#reads.untold.all(userId, Math.max(limit, 0)).map((row) => row.conversationId),
    );
  }

  told(userId: string, conversationIds: readonly string[]): Promise<void> {
    return this.#write({ kind: "told", userId, conversationIds }, () => false);
  }

  finish(erasure: Pick<Erasure, "userId" | "keepsMessages">, doneMs: number): Promise<void> {
    const { userId, keepsMessages } = erasure;
    const isThere = () => this.erasure(userId)?.doneMs === doneMs;
    return this.#write({ kind: "finish", userId, keepsMessages, doneMs }, isThere);
  }

  #write(write: ErasureWrite, isThere: () => boolean): Promise<void> {
    return this.#commits.commit("erasures", () => JSON.stringify(write), isThere);
  }
}

function erasureOf({ stage: _, keepsMessages, ...erasure }: ErasureRow): Erasure {
  return { ...erasure, keepsMessages: keepsMessages === 1 };
}

function prepare(db: Database) {
  return {
    one: db.query<ErasureRow, [userId: string]>(READS.erasure),
    underWay: db.query<ErasureRow, []>(READS.erasuresUnderWay),
    untold: db.query<{ conversationId: string }, [userId: string, limit: number]>(
      READS.erasuresUntold,
    ),
  };
}
