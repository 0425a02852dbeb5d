import { codeInHash } from "./invite-address.ts";

/** The part of the page's address behind which a conversation is open. */
export function hashOfConversation(conversationId: string): string {
  return `#${encodeURIComponent(conversationId)}`;
}

/** The conversation of such a part; null for others. */
export function conversationInHash(hash: string): string | null {
  const encoded = hash.slice(1);
  if (encoded === "" || codeInHash(hash) !== null) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null; // Not an address that this page made.
  }
}
