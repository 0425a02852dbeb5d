import {
  type MessageSearch,
  MOST_RANKED,
  type SearchPage,
  type SearchQuery,
} from "../chat/search.ts";
import { matchText, type SearchTerms, type TextMatch } from "../chat/search-text.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import type { Parameter, PostgresDatabase } from "./postgres-database.ts";
import { anyGiven } from "./postgres-given.ts";
import { MESSAGE, messageOf } from "./postgres-message-columns.ts";
import { conversationToken, senderToken } from "./postgres-search-words.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { answered } from "./postgres-writes.ts";

/** The conversations of a user with no more than these are a part of what the index is asked for. */
const MOST_TOKENS = 512;
/** Messages that are asked for at a time: few at first, which may be all that a page needs. */
const SMALLEST_PORTION = 64;
const LARGEST_PORTION = 512;
/** Messages that one request looks at. */
const MOST_CANDIDATES = 4_096;
/** Of what it looks at in them, at a time and in all: characters. */
const MOST_CHARACTERS = 512 * 1_024;

interface Candidate {
  readonly position: number;
  readonly id: string;
  /** null: one of those before it ends what may be looked at in this portion. */
  readonly content: string | null;
}

interface Found extends TextMatch {
  readonly position: number;
  readonly id: string;
}

export const SEARCH_READS = {
  conversationIds: "SELECT conversation_id AS id FROM members WHERE user_id = $1 LIMIT $2::bigint",

  isMember: "SELECT 1 AS one FROM members WHERE user_id = $1 AND conversation_id = $2",

  /**
   * $1: what the index is asked for; $2: the user; $3: below this position; $4: how many; then what
   * else is asked for. The words are looked up first, by themselves: who goes through the messages
   * from the newest on, as limits invite to, may go through all of them for a rare word. Contents come as far as `$9` characters of all together, and the first one.
   */
  candidates: `
    WITH matching AS MATERIALIZED (
      SELECT messages.position, messages.id
      FROM messages
      JOIN members
        ON members.conversation_id = messages.conversation_id AND members.user_id = $2
      WHERE messages.words @@ $1::text::tsquery
        AND messages.position < $3::bigint
        AND messages.seq > members.joined_seq
        AND (messages.expires_ms IS NULL OR messages.expires_ms > $5::bigint)
        AND ($6::text IS NULL OR messages.conversation_id = $6::text)
        AND ($7::text IS NULL OR messages.sender_id = $7::text)
        AND messages.timestamp_ms >= $8::bigint
        AND messages.timestamp_ms < $10::bigint
    )
    SELECT position::float8 AS position, id,
           CASE WHEN characters_before <= $9::bigint THEN content END AS content
    FROM (
      SELECT newest.position, newest.id, messages.content,
             sum(octet_length(messages.content)) OVER (ORDER BY newest.position DESC)
               - octet_length(messages.content) AS characters_before
      FROM (SELECT * FROM matching ORDER BY matching.position DESC LIMIT $4::bigint) AS newest
      JOIN messages ON messages.position = newest.position
    ) AS measured
    ORDER BY measured.position DESC`,

  messages: `SELECT ${MESSAGE} FROM messages WHERE id = ${anyGiven("$1")}`,
} as const;

/**
 * Finds messages by the words that their commits keep with them: what is committed is found at once.
 * The index knows which words are in a message, and matchText where they stand.
 */
export class PostgresSearch implements MessageSearch {
  readonly #db: PostgresDatabase;

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  async search(query: SearchQuery): Promise<SearchPage> {
    const { order, limit } = query;
    const from = positionIn(query.after);
    const expression = await this.#expression(query);
    if (expression === null) return { hits: [], next: null };
    if (order === "newest") {
      const { found, next } = await this.#find(query, expression, from, limit);
      return { hits: await this.#hits(found), next: next === null ? null : String(next) };
    }
    const { found } = await this.#find(query, expression, from, MOST_RANKED);
    const best = found.toSorted((a, b) => b.relevance - a.relevance).slice(0, limit);
    return { hits: await this.#hits(best), next: null };
  }

  /** The newest ones first, and where the rest begins. */
  async #find(
    query: SearchQuery,
    expression: string,
    from: number,
    limit: number,
  ): Promise<{ found: Found[]; next: number | null }> {
    const found: Found[] = [];
    let next = from;
    let characters = 0;
    let portion = SMALLEST_PORTION;
    for (let looked = 0; looked < MOST_CANDIDATES; looked += portion) {
      portion = looked === 0 ? SMALLEST_PORTION : LARGEST_PORTION;
      const candidates = await this.#candidates(query, expression, next, portion);
      for (const { id, position, content } of candidates) {
        if (content === null || characters > MOST_CHARACTERS) return { found, next };
        characters += content.length;
        const match = matchText(query.terms, content);
        if (match !== null && found.length === limit) {
          return { found, next: found.at(-1)?.position ?? null };
        }
        next = position;
        if (match !== null) found.push({ id, position, ...match });
      }
      if (candidates.length < portion) return { found, next: null };
    }
    return { found, next };
  }

  #candidates(
    query: SearchQuery,
    expression: string,
    below: number,
    portion: number,
  ): Promise<Candidate[]> {
    const { userId, nowMs, conversationId, senderId, sinceMs, untilMs } = query;
    return this.#read<Candidate>(SEARCH_READS.candidates, [
      ...[expression, userId, below, portion, nowMs, conversationId, senderId],
      ...[sinceMs ?? Number.MIN_SAFE_INTEGER, MOST_CHARACTERS],
      untilMs ?? Number.MAX_SAFE_INTEGER,
    ]);
  }

  async #hits(found: readonly Found[]): Promise<SearchPage["hits"]> {
    if (found.length === 0) return [];
    const ids = toPostgresJson(found.map(({ id }) => id));
    const messages = await this.#read<StoredMessage>(SEARCH_READS.messages, [ids]);
    const byId = new Map(messages.map((message) => [message.id, messageOf(message)]));
    return found.flatMap(({ id, ranges }) => {
      const message = byId.get(id);
      return message === undefined ? [] : [{ message, ranges }];
    });
  }

  /** What the index is asked for, in its own language; null: nothing can be found. */
  async #expression(query: SearchQuery): Promise<string | null> {
    const { userId, terms, conversationId, senderId } = query;
    const parts = termsIn(terms);
    if (senderId !== null) parts.push(quoted(senderToken(senderId)));
    const ids =
      conversationId === null
        ? await this.#read<{ id: string }>(SEARCH_READS.conversationIds, [userId, MOST_TOKENS + 1])
        : (await this.#read(SEARCH_READS.isMember, [userId, conversationId])).map(() => ({
            id: conversationId,
          }));
    if (ids.length === 0) return null;
    // Of more conversations it is found out for each message: the more they are, the more are for the user.
    if (ids.length <= MOST_TOKENS) {
      parts.push(`(${ids.map(({ id }) => quoted(conversationToken(id))).join(" | ")})`);
    }
    return parts.join(" & ");
  }

  #read<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    return answered(this.#db.read<Row>(sql, parameters));
  }
}

/** Every word once; the last one as a beginning, where it may go on. */
function termsIn({ phrases, isOpen }: SearchTerms): string[] {
  const words = phrases.flat();
  const last = words.length - 1;
  return [...new Set(words.map((word, at) => quoted(word) + (isOpen && at === last ? ":*" : "")))];
}

function quoted(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function positionIn(after: string | null): number {
  if (after === null) return Number.MAX_SAFE_INTEGER;
  const position = Number(after);
  if (/^\d{1,15}$/.test(after) && position >= 1) return position;
  throw new AppError("VALIDATION_FAILED", "cursor: is not one that this server gave");
}
