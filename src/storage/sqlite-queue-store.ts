import type { Database } from "bun:sqlite";
import type { QueueBatch, QueueStore, StoredQueueMessage } from "../broker/queue-store.ts";
import type { Commits } from "./sqlite-commits.ts";
import { pack } from "./sqlite-queue-batch.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

interface MessageRow extends Omit<StoredQueueMessage, "headers"> {
  readonly headersJson: string;
}

/**
 * Queue messages in an SQLite database: commits go to its writer, and are on disk when they resolve;
 * they are read at once, over `reader`. Text that is not well-formed Unicode is kept with U+FFFD in
 * the place of lone surrogates.
 */
export class SqliteQueueStore implements QueueStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  commit(batch: QueueBatch): Promise<void> {
    return this.#commits.commit(
      "queues",
      () => JSON.stringify(pack(batch)),
      () => this.#holds(batch),
    );
  }

  probe(): Promise<void> {
    return this.#commits.probe();
  }

  messages(): StoredQueueMessage[] {
    return answer(() => {
      const messages: StoredQueueMessage[] = [];
      for (const { headersJson, ...row } of this.#reads.messages.iterate()) {
        messages.push({ ...row, headers: JSON.parse(headersJson) });
      }
      return messages;
    });
  }

  /**
   * Batches are there wholly or not at all, so one message tells that was not there before. A batch
   * without one is safe to write again, and counts as not written.
   */
  #holds({ removed, appended }: QueueBatch): boolean {
    const added = appended.find(({ id }) => !removed.includes(id));
    if (added === undefined) return false;
    return answer(() => this.#reads.position.get(added.id)) !== null;
  }
}

function prepare(db: Database) {
  return {
    messages: db.query<MessageRow, []>(READS.queueMessages),
    position: db.query<{ position: number }, [id: string]>(READS.queuePosition),
  };
}
