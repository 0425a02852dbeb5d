import type { Database } from "bun:sqlite";
import { wordsOf } from "../chat/search-text.ts";
import { markOf, rowOf, tokenOf } from "./sqlite-search-tokens.ts";

interface MessageRow {
  readonly position: number;
  readonly id: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly content: string;
  /** It is a message that has words: no event, not deleted. */
  readonly isSearchable: 0 | 1;
}

/** So few that a commit which comes meanwhile hardly notices. */
const PORTION_MESSAGES = 64;
const PORTION_CHARACTERS = 128 * 1024;
/** Pages of the index that are written by one step of its tidying: as many as portions make. */
const PORTION_PAGES = 48;

const COLUMNS = `
  messages.rowid AS position, id, conversation_id AS conversationId, sender_id AS senderId, content,
  event IS NULL AND deleted_ms IS NULL AS isSearchable`;

/**
 * Keeps the words of messages, a portion at a time, after the messages: their commits do not wait
 * for it. The triggers of the schema take away what is changed or removed. Transactions are the
 * caller's.
 */
export class SearchWrites {
  readonly #statements: ReturnType<typeof prepare>;

  /** The database must be migrated. */
  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** Once, when the database is opened: where rowids are no longer what they were, it begins anew. */
  open(): void {
    const { progress, idAt, forgetAll, forgetPending, setProgress } = this.#statements;
    const { upto, messageId } = progress.get() ?? { upto: 0, messageId: null };
    if (upto === 0 || idAt.get(upto)?.id === messageId) return;
    forgetAll.run();
    forgetPending.run();
    setProgress.run(0, null);
  }

  /** Does a portion; returns whether there is more. Throws the engine's error. */
  apply(): boolean {
    const isAdding = this.#addChanged() || this.#addNew();
    // Each time: what is left for later is done by the engine at once, while commits wait.
    const isTidying = this.#tidy();
    return isAdding || isTidying;
  }

  #addChanged(): boolean {
    const rows = portionOf(this.#statements.changed.iterate(PORTION_MESSAGES));
    this.#add(rows);
    for (const { position } of rows) this.#statements.settle.run(position);
    return rows.length > 0;
  }

  #addNew(): boolean {
    const { progress, newer, setProgress } = this.#statements;
    const portion = portionOf(newer.iterate(progress.get()?.upto ?? 0, PORTION_MESSAGES));
    this.#add(portion);
    const last = portion.at(-1);
    if (last !== undefined) setProgress.run(last.position, last.id);
    return last !== undefined;
  }

  /** The newest first: rows that do not ascend would be a part of the index each. */
  #add(ascending: readonly MessageRow[]): void {
    for (const row of ascending.toReversed()) this.#addOne(row);
  }

  #addOne({ position, conversationId, senderId, content, isSearchable }: MessageRow): void {
    if (isSearchable === 0) return;
    const words = wordsOf(content).map(({ text }) => text);
    if (words.length === 0) return;
    const tokens = [tokenOf(conversationId), tokenOf(senderId)] as const;
    this.#statements.add.run(rowOf(position, markOf(conversationId)), words.join(" "), ...tokens);
  }

  /** Joins parts of the index, of which every portion makes one. */
  #tidy(): boolean {
    const { tidy, changes } = this.#statements;
    const before = changes.get()?.total ?? 0;
    tidy.run();
    // One change is the command itself.
    return (changes.get()?.total ?? 0) - before >= 2;
  }
}

/** At least one, where there is one. */
function portionOf(rows: Iterable<MessageRow>): readonly MessageRow[] {
  const portion: MessageRow[] = [];
  let characters = 0;
  for (const row of rows) {
    portion.push(row);
    characters += row.content.length;
    if (characters > PORTION_CHARACTERS) break;
  }
  return portion;
}

function prepare(db: Database) {
  return {
    progress: db.query<{ upto: number; messageId: string | null }, []>(
      "SELECT upto, message_id AS messageId FROM search_progress",
    ),
    setProgress: db.query<null, [upto: number, messageId: string | null]>(
      "UPDATE search_progress SET upto = ?, message_id = ?",
    ),
    idAt: db.query<{ id: string }, [position: number]>("SELECT id FROM messages WHERE rowid = ?"),
    newer: db.query<MessageRow, [upto: number, limit: number]>(
      `SELECT ${COLUMNS} FROM messages WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    ),
    changed: db.query<MessageRow, [limit: number]>(
      `SELECT ${COLUMNS} FROM search_pending CROSS JOIN messages
         ON messages.rowid = search_pending.position
       ORDER BY position LIMIT ?`,
    ),
    settle: db.query<null, [position: number]>("DELETE FROM search_pending WHERE position = ?"),
    add: db.query<null, [row: number, content: string, conversation: string, sender: string]>(
      "INSERT INTO search (rowid, content, conversation, sender) VALUES (?, ?, ?, ?)",
    ),
    tidy: db.query<null, []>(
      `INSERT INTO search (search, rank) VALUES ('merge', ${PORTION_PAGES})`,
    ),
    changes: db.query<{ total: number }, []>("SELECT total_changes() AS total"),
    forgetAll: db.query<null, []>("INSERT INTO search (search) VALUES ('delete-all')"),
    forgetPending: db.query<null, []>("DELETE FROM search_pending"),
  };
}
