import { expect } from "bun:test";
import type { MessageSearch, SearchQuery } from "../../src/chat/search.ts";
import { parseTerms } from "../../src/chat/search-text.ts";
import { EPOCH_MS } from "./stored.ts";

/** bob looks for the text in all of his conversations, but for what the test cares about. */
export function searchQuery(text: string, fields: Partial<SearchQuery> = {}): SearchQuery {
  return {
    terms: parseTerms(text) ?? expect.unreachable("no words"),
    ...{ userId: "bob", conversationId: null, senderId: null, sinceMs: null, untilMs: null },
    ...{ order: "newest", after: null, limit: 10, nowMs: EPOCH_MS },
    ...fields,
  };
}

export async function idsFound(search: MessageSearch, query: SearchQuery): Promise<string[]> {
  return (await search.search(query)).hits.map(({ message }) => message.id);
}

/** What is found once something is: the index follows the commits. */
export async function idsFoundAtLast(search: MessageSearch, query: SearchQuery): Promise<string[]> {
  for (;;) {
    const ids = await idsFound(search, query);
    if (ids.length > 0) return ids;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
