import type { Database } from "bun:sqlite";
import { MOST_RANKED, type SearchPage, type SearchQuery } from "../chat/search.ts";
import { matchText, type SearchTerms, type TextMatch } from "../chat/search-text.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import { READS } from "./sqlite-reads.ts";
import { markIn, markOf, positionOf, rowOf, tokenOf } from "./sqlite-search-tokens.ts";

/** The conversations of a user with no more than these are a part of what the index is asked for. */
const MOST_TOKENS = 128;
/** Those of a user with more, up to so many, are told apart in the index's rows. */
const MOST_MARKS = 4_096;
/** Rows that are asked of the index at a time: few at first, which may be all that a page needs. */
const SMALLEST_PORTION = 64;
const LARGEST_PORTION = 512;
/** Rows of the index, and messages, that one request looks at. */
const MOST_ROWS = 8_192;
const MOST_CANDIDATES = 128;
/** Rows that tell how frequent a word is. */
const PROBED = 64;
/** A word that has no more rows, so far as these tell, is rare. */
const FEW_ROWS = 4_096;
/** A word so many times as frequent as another is looked for in messages, rather than in the index. */
const MUCH_MORE_FREQUENT = 8;
/** Of what it looks at in them. */
const MOST_CHARACTERS = 512 * 1_024;
/** Of the beginnings of words, those of these lengths have an index. */
const BEGINNINGS = [5, 3];
/** Positions follow the server's clock, which may have been set back by so much. */
const CLOCK_SLACK_MS = 24 * 60 * 60 * 1_000;

interface Candidate {
  readonly position: number;
  readonly senderId: string;
  readonly conversationId: string;
  readonly content: string;
  readonly timestampMs: number;
}

interface Scope {
  /** What the index is asked for, in its own language. */
  readonly expression: string;
  /** Rows with other marks are of conversations that the user is not in; null: any may be. */
  readonly marks: ReadonlySet<number> | null;
}

interface Found extends TextMatch {
  readonly position: number;
}

/** Searches a database. Each search sees one commit's state. */
export class SearchReads {
  readonly #statements: ReturnType<typeof prepare>;

  /** The database must be migrated. */
  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** Throws the engine's error, or AppError VALIDATION_FAILED for an `after` that is none of its. */
  search(query: SearchQuery): SearchPage {
    this.#statements.begin.run();
    try {
      return this.#search(query);
    } finally {
      this.#statements.end.run();
    }
  }

  #search(query: SearchQuery): SearchPage {
    const { order, limit } = query;
    const from = positionIn(query.after);
    const scope = this.#scope(query);
    if (scope === null) return { hits: [], next: null };
    if (order === "newest") {
      const { found, next } = this.#find(query, scope, from, limit);
      return { hits: this.#hits(found), next: next === null ? null : String(next) };
    }
    const { found } = this.#find(query, scope, from, MOST_RANKED);
    const best = found.toSorted((a, b) => b.relevance - a.relevance).slice(0, limit);
    return { hits: this.#hits(best), next: null };
  }

  /** The newest ones first, and where the rest begins. */
  #find(
    query: SearchQuery,
    { expression, marks }: Scope,
    from: number,
    limit: number,
  ): { found: Found[]; next: number | null } {
    const [lowest, beyond] = this.#bounds(query);
    const found: Found[] = [];
    let next = Math.min(from, beyond);
    let characters = 0;
    let candidates = 0;
    let portion = marks === null ? SMALLEST_PORTION : LARGEST_PORTION;
    for (let looked = 0; looked < MOST_ROWS && candidates < MOST_CANDIDATES; looked += portion) {
      if (looked > 0) portion = LARGEST_PORTION;
      const rows = this.#rows(expression, next, lowest, portion);
      const wanted = marks === null ? rows : rows.filter((row) => marks.has(markIn(row)));
      for (const candidate of this.#candidatesAt(wanted, query)) {
        if (characters > MOST_CHARACTERS) return { found, next };
        characters += candidate.content.length;
        const match = matchText(query.terms, candidate.content);
        if (match === null) continue;
        if (found.length === limit) return { found, next: found.at(-1)?.position ?? null };
        next = candidate.position;
        found.push({ position: candidate.position, ...match });
      }
      if (rows.length < portion) return { found, next: null };
      candidates += wanted.length;
      next = positionOf(rows.at(-1) ?? 0);
    }
    return { found, next };
  }

  /** Of the index, those of messages below `beyond`, the newest first. */
  #rows(expression: string, beyond: number, lowest: number, limit: number): number[] {
    return this.#statements.rows
      .all(expression, rowOf(beyond - 1, 0), rowOf(lowest - 1, 0), limit)
      .map(({ row }) => row);
  }

  /** Those of the messages that the user is shown and that are asked for, the newest first. */
  #candidatesAt(rows: readonly number[], query: SearchQuery): Candidate[] {
    if (rows.length === 0) return [];
    const { conversationId, senderId, sinceMs, untilMs, userId, nowMs } = query;
    const positions = JSON.stringify(rows.map(positionOf));
    return this.#statements.candidates
      .all(positions, userId, nowMs)
      .filter(
        (candidate) =>
          candidate.conversationId === (conversationId ?? candidate.conversationId) &&
          candidate.senderId === (senderId ?? candidate.senderId) &&
          candidate.timestampMs >= (sinceMs ?? candidate.timestampMs) &&
          (untilMs === null || candidate.timestampMs < untilMs),
      );
  }

  #hits(found: readonly Found[]): SearchPage["hits"] {
    return found.flatMap(({ position, ranges }) => {
      const message = this.#statements.message.get(position);
      return message === null ? [] : [{ message, ranges }];
    });
  }

  /** null: nothing can be found. */
  #scope({ userId, terms, conversationId, senderId }: SearchQuery): Scope | null {
    const parts: string[] = [];
    if (senderId !== null) parts.push(`sender : ${tokenOf(senderId)}`);
    const ids =
      conversationId === null
        ? this.#statements.conversationIds.all(userId, MOST_MARKS + 1).map(({ id }) => id)
        : [conversationId].filter((id) => this.#firstPosition(userId, id) !== null);
    if (ids.length === 0) return null;
    const isFew = ids.length <= MOST_TOKENS;
    if (isFew) parts.push(`conversation : (${ids.map(tokenOf).join(" OR ")})`);
    // Of still more it is found out for each message: the more they are, the more are for the user.
    const marks = isFew || ids.length > MOST_MARKS ? null : new Set(ids.map(markOf));
    const phrases = phraseExpressions(terms);
    parts.push(...(marks === null ? phrases : this.#rarest(phrases)));
    return { expression: parts.join(" AND "), marks };
  }

  /**
   * To join a rare word with a frequent one, the index goes through all that it has of this; few are
   * the messages that are the user's of those with the rare one.
   */
  #rarest(phrases: readonly string[]): readonly string[] {
    if (phrases.length === 1) return phrases;
    const end = this.#end();
    const spans = phrases.map((phrase) => {
      const last = this.#rows(phrase, end, 1, PROBED)[PROBED - 1];
      return last === undefined ? end : end - positionOf(last);
    });
    const widest = Math.max(...spans);
    if ((PROBED * end) / widest > FEW_ROWS) return phrases;
    return phrases.filter((_, at) => (spans[at] ?? 0) * MUCH_MORE_FREQUENT > widest);
  }

  /** Behind the last message. */
  #end(): number {
    return (this.#statements.lastPosition.get()?.position ?? 0) + 1;
  }

  /** From the first position up to before the second, as far as the times tell. */
  #bounds({
    userId,
    conversationId,
    sinceMs,
    untilMs,
  }: SearchQuery): readonly [lowest: number, beyond: number] {
    const end = this.#end();
    const since = sinceMs === null ? 1 : this.#positionOf(sinceMs - CLOCK_SLACK_MS, end);
    const first =
      conversationId === null ? 1 : (this.#firstPosition(userId, conversationId) ?? end);
    const beyond = untilMs === null ? end : this.#positionOf(untilMs + CLOCK_SLACK_MS, end);
    return [Math.max(since, first), beyond];
  }

  /** Of a conversation, of what the user is shown; null: there is nothing. */
  #firstPosition(userId: string, conversationId: string): number | null {
    return this.#statements.firstPosition.get(userId, conversationId)?.position ?? null;
  }

  /** Of the first message that was sent then or later; `end`: there is none. */
  #positionOf(timeMs: number, end: number): number {
    let low = 1;
    let high = end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#statements.positionsFrom.get(middle);
      if (row === null || row.timestampMs >= timeMs) high = middle;
      else low = row.position + 1;
    }
    return Math.min(low, end);
  }
}

/** Of the last word the beginning, where it may go on: what follows is looked at in the messages. */
function phraseExpressions({ phrases, isOpen }: SearchTerms): string[] {
  return phrases.map((phrase, at) => {
    const mayGoOn = isOpen && at === phrases.length - 1;
    const characters = mayGoOn ? [...(phrase.at(-1) ?? "")] : [];
    const length = BEGINNINGS.find((beginning) => beginning <= characters.length);
    if (length === undefined) return `content : "${phrase.join(" ")}"`;
    const beginning = characters.slice(0, length).join("");
    return `content : "${[...phrase.slice(0, -1), beginning].join(" ")}" *`;
  });
}

function positionIn(after: string | null): number {
  if (after === null) return Number.MAX_SAFE_INTEGER;
  const position = Number(after);
  if (/^\d{1,15}$/.test(after) && position >= 1) return position;
  throw new AppError("VALIDATION_FAILED", "cursor: is not one that this server gave");
}

function prepare(db: Database) {
  return {
    begin: db.query<null, []>("BEGIN"),
    end: db.query<null, []>("COMMIT"),
    rows: db.query<
      { row: number },
      [expression: string, first: number, beyond: number, limit: number]
    >(READS.searchRows),
    candidates: db.query<Candidate, [positionsJson: string, userId: string, nowMs: number]>(
      READS.searchCandidates,
    ),
    firstPosition: db.query<{ position: number }, [userId: string, conversationId: string]>(
      READS.firstPosition,
    ),
    message: db.query<StoredMessage, [position: number]>(READS.messageAtPosition),
    conversationIds: db.query<{ id: string }, [userId: string, limit: number]>(
      READS.conversationIds,
    ),
    positionsFrom: db.query<{ position: number; timestampMs: number }, [position: number]>(
      READS.positionsFrom,
    ),
    lastPosition: db.query<{ position: number | null }, []>(READS.lastPosition),
  };
}
