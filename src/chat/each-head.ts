import type { MaybePromise } from "../maybe-promise.ts";
import type { ConversationRange, FoundHeads } from "./ports.ts";
import type { ConversationHead } from "./stored-chats.ts";

/** Conversations that are looked at, or messages, before others have their turn. */
export const LOOKED_AT_IN_TURN = 16;
/** Conversations of which the store says at once whether they are to be looked at. */
const FOUND_AT_ONCE = 128;

/**
 * Looks at all of a user's conversations that `find` does, one after the other, while the reader is
 * there. However many there are, others have their turns between.
 */
export async function eachHead<Head extends ConversationHead>(
  reader: { readonly isOpen: boolean },
  find: (range: ConversationRange) => MaybePromise<FoundHeads<Head>>,
  look: (head: Head) => Promise<void>,
): Promise<void> {
  let after: string | null = null;
  do {
    const { heads, next }: FoundHeads<Head> = await find({ after, limit: FOUND_AT_ONCE });
    for (const [count, head] of heads.entries()) {
      if (!reader.isOpen) return;
      if (count % LOOKED_AT_IN_TURN === LOOKED_AT_IN_TURN - 1) await nextTurn();
      await look(head);
    }
    if (next !== null) await nextTurn();
    after = next;
  } while (after !== null && reader.isOpen);
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
