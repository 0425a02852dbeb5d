import { createHash } from "node:crypto";
import { wordsOf } from "../chat/search-text.ts";
import { toPostgres } from "./postgres-text.ts";

/**
 * Of a message's words, in all: PostgreSQL takes no tsvector of 1 MiB. What comes after so many
 * different words, in a message of several hundred pages, is not found.
 */
const MOST_BYTES = 768 * 1024;

/**
 * The words that a content is found by, once each, without their places: where phrases stand is looked
 * at in the content. null: it has none.
 */
export function searchWordsOf(content: string): string[] | null {
  const words = new Set<string>();
  let bytes = 0;
  for (const { text } of wordsOf(content)) {
    if (words.has(text)) continue;
    bytes += Buffer.byteLength(text) + 8;
    if (bytes > MOST_BYTES) break;
    words.add(text);
  }
  return words.size === 0 ? null : [...words];
}

/**
 * In SQL, what is kept for search of a message with these words: they, and one for its conversation
 * and one for its sender, which are like no word of a text.
 */
export function searchVector(words: string): string {
  return `CASE WHEN ${words} IS NOT NULL THEN array_to_tsvector(${words} || ARRAY[
    '#' || left(encode(sha256(convert_to(conversation_id, 'UTF8')), 'hex'), 16),
    '@' || left(encode(sha256(convert_to(sender_id, 'UTF8')), 'hex'), 16)
  ]) END`;
}

export function conversationToken(id: string): string {
  return `#${digest(id)}`;
}

export function senderToken(id: string): string {
  return `@${digest(id)}`;
}

function digest(id: string): string {
  return createHash("sha256").update(toPostgres(id)).digest("hex").slice(0, 16);
}
