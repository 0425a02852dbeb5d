import {
  type MessageSearch,
  MOST_RANKED,
  type SearchHit,
  type SearchPage,
  type SearchQuery,
} from "../chat/search.ts";
import { matchText } from "../chat/search-text.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import type { MemoryChatStore } from "./memory-chat-store.ts";

interface RankedHit extends SearchHit {
  readonly relevance: number;
}

/** Looks at every message of a MemoryChatStore. */
export class MemoryMessageSearch implements MessageSearch {
  readonly #chat: MemoryChatStore;

  constructor(chat: MemoryChatStore) {
    this.#chat = chat;
  }

  async search(query: SearchQuery): Promise<SearchPage> {
    const { order, limit } = query;
    const messages = this.#chat.newestMessages();
    if (order === "newest") {
      const found = this.#find(messages.slice(startOf(messages, query.after)), query, limit + 1);
      const hits = found.slice(0, limit).map(hitOf);
      return { hits, next: found.length > limit ? (hits.at(-1)?.message.id ?? null) : null };
    }
    const found = this.#find(messages, query, MOST_RANKED);
    const best = found.toSorted((a, b) => b.relevance - a.relevance);
    return { hits: best.slice(0, limit).map(hitOf), next: null };
  }

  #find(messages: readonly StoredMessage[], query: SearchQuery, limit: number): RankedHit[] {
    const found: RankedHit[] = [];
    for (const message of messages) {
      if (found.length === limit) break;
      if (!this.#isAskedFor(message, query)) continue;
      const match = matchText(query.terms, message.content);
      if (match !== null) found.push({ message, ...match });
    }
    return found;
  }

  #isAskedFor(message: StoredMessage, query: SearchQuery): boolean {
    const { conversationId, senderId, timestampMs, seq, event, deletedMs } = message;
    const { expiresMs } = message;
    const members = this.#chat.conversation(conversationId)?.members ?? [];
    const member = members.find(({ userId }) => userId === query.userId);
    return (
      member !== undefined &&
      seq > member.joinedSeq &&
      event === null &&
      deletedMs === null &&
      (expiresMs === null || expiresMs > query.nowMs) &&
      (query.conversationId ?? conversationId) === conversationId &&
      (query.senderId ?? senderId) === senderId &&
      timestampMs >= (query.sinceMs ?? timestampMs) &&
      (query.untilMs === null || timestampMs < query.untilMs)
    );
  }
}

function hitOf({ message, ranges }: RankedHit): SearchHit {
  return { message, ranges };
}

/** Where a page begins that follows the message with the id `after`. */
function startOf(messages: readonly StoredMessage[], after: string | null): number {
  if (after === null) return 0;
  const at = messages.findIndex(({ id }) => id === after);
  if (at !== -1) return at + 1;
  throw new AppError("VALIDATION_FAILED", "cursor: is not one that this server gave");
}
