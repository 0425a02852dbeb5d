import type { SearchTerms, TextMatch } from "./search-text.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** What one user looks for, in what they are shown. Times are epoch milliseconds. */
export interface SearchQuery {
  readonly userId: string;
  readonly terms: SearchTerms;
  /** Only in this conversation; null: in all of the user's. */
  readonly conversationId: string | null;
  /** Only of this sender's; null: of anybody's. */
  readonly senderId: string | null;
  /** Only what was sent at this time or later; null: whenever. */
  readonly sinceMs: number | null;
  /** Only what was sent before this time. */
  readonly untilMs: number | null;
  /**
   * `relevance` orders the newest that are found, `MOST_RANKED` at most; it has one page, and no
   * `after`.
   */
  readonly order: "newest" | "relevance";
  /** `next` of the page before; null begins with the newest. */
  readonly after: string | null;
  readonly limit: number;
  /** Only what still says something then. */
  readonly nowMs: number;
}

export const MOST_RANKED = 100;

export interface SearchHit {
  readonly message: StoredMessage;
  /** Of what was found, in the message's content. */
  readonly ranges: TextMatch["ranges"];
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /**
   * Where the next page begins, of meaning to the store alone; null: there is no more. A page may
   * have fewer hits than were asked for, even none, and another one after it: no request looks at
   * any number of messages.
   */
  readonly next: string | null;
}

/**
 * Finds messages by their words: those on disk that are still kept, neither events nor deleted, in
 * conversations whose member the user is, sent after the user joined. What was sent or edited a
 * moment ago may be found a moment later, and later than that while the store is busy writing.
 * Rejects with AppError STORAGE_UNAVAILABLE, and VALIDATION_FAILED for an `after` of another store.
 */
export interface MessageSearch {
  search(query: SearchQuery): Promise<SearchPage>;
}
