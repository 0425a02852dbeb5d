import type { Database } from "bun:sqlite";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type {
  AddedAgain,
  DueWebhookEvent,
  WebhookEvent,
  WebhookOutcome,
  WebhookStore,
} from "../notify/webhook-ports.ts";
import type { Commits } from "./sqlite-commits.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";
import type { WebhookWrite } from "./sqlite-webhook-writes.ts";
import { addMessagesAgain, startOf, type ToldMessage } from "./webhook-events.ts";

interface DueRow extends Omit<DueWebhookEvent, "message"> {
  readonly messageId: string | null;
}

/** Events for the app's back end in an SQLite database; read at once, over `reader`. */
export class SqliteWebhookStore implements WebhookStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  add(events: readonly WebhookEvent[]): Promise<void> {
    return this.#write({ kind: "add", events });
  }

  due(nowMs: number, busyLanes: readonly string[], limit: number): DueWebhookEvent[] {
    const busy = JSON.stringify(busyLanes);
    return answer(() =>
      this.#reads.due.all(nowMs, busy, Math.max(limit, 0)).map(({ messageId, ...event }) => ({
        ...event,
        message: messageId === null ? null : this.#reads.message.get(messageId),
      })),
    );
  }

  nextDueMs(busyLanes: readonly string[]): number | null {
    return answer(() => this.#reads.nextDue.get(JSON.stringify(busyLanes))?.dueMs ?? null);
  }

  settle(outcomes: readonly WebhookOutcome[]): Promise<void> {
    return this.#write({ kind: "settle", outcomes }, false);
  }

  waiting(): number {
    return answer(() => this.#reads.waiting.get()?.count ?? 0);
  }

  async addAgain(fromMs: number, after: string | null, limit: number): Promise<AddedAgain> {
    const page = answer(() => this.#reads.messagesBehind.all(startOf(fromMs, after), limit));
    return await addMessagesAgain(fromMs, limit, page, (events) => this.add(events));
  }

  #write(write: WebhookWrite, isSynced = true): Promise<void> {
    return this.#commits.commit(
      "webhooks",
      () => JSON.stringify(write),
      // What was written is not told from what was there before: it counts as not written.
      () => false,
      isSynced,
    );
  }
}

function prepare(db: Database) {
  return {
    due: db.query<DueRow, [nowMs: number, busyLanesJson: string, limit: number]>(READS.webhooksDue),
    message: db.query<StoredMessage, [id: string]>(READS.messageById),
    nextDue: db.query<{ dueMs: number }, [busyLanesJson: string]>(READS.webhooksNextDue),
    waiting: db.query<{ count: number }, []>(READS.webhooksWaiting),
    messagesBehind: db.query<ToldMessage, [id: string, limit: number]>(READS.messagesBehind),
  };
}
