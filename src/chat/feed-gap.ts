/** What is between the position of a feed's reader and the last message that the store has. */
import { lowestIdAt, timeOf } from "../ids.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import { eachHead } from "./each-head.ts";
import type { FeedReader } from "./message-feed.ts";
import { lastOfOthers, lastUpTo, MissedMessages, seqAt } from "./missed-messages.ts";
import type { ConversationRange } from "./ports.ts";
import type { ReplayOptions } from "./replay.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** Whose feed it is, and who reads it. */
export interface FeedOwner {
  readonly options: Pick<ReplayOptions, "store" | "journal">;
  readonly userId: string;
  readonly reader: FeedReader;
}

/** Up to that id, what the user has received on no device. */
export async function unreceived(owner: FeedOwner, uptoId: string): Promise<MissedMessages> {
  const { options, userId, reader } = owner;
  const { store, journal } = options;
  const missed = new MissedMessages(store, uptoId);
  let received: ReadonlyMap<string, number> = new Map();
  const look = (range: ConversationRange) => {
    received = journal.uncommittedDeliveries(userId);
    return store.unreceived(userId, range);
  };
  await eachHead(reader, look, async ({ conversationId, deliveredSeq }) => {
    const afterSeq = Math.max(deliveredSeq, received.get(conversationId) ?? 0);
    await missed.add(conversationId, afterSeq);
  });
  return missed;
}

/** What is above the reader's position, up to that id. */
export async function above(
  { options, userId, reader }: FeedOwner,
  position: string,
  uptoId: string,
): Promise<MissedMessages> {
  const { store } = options;
  const missed = new MissedMessages(store, uptoId);
  const look = (range: ConversationRange) => store.conversationsAfter(userId, position, range);
  await eachHead(reader, look, async (head) => {
    await missed.add(head.conversationId, await seqAt(store, head, position));
  });
  return missed;
}

/** Of what the user has received on no device, so far as is known, the reader has what its position says. */
export async function acknowledge(
  { options, userId, reader }: FeedOwner,
  position: string,
): Promise<void> {
  const { store } = options;
  const look = (range: ConversationRange) => store.unreceived(userId, range);
  await eachHead(reader, look, async (head) => {
    const message = await lastOfOthers(store, userId, head, await seqAt(store, head, position));
    if (message !== null) reader.has(message);
  });
}

/**
 * The highest id of the user's messages up to that one; `fromId` if none is above it.
 *
 * @param isShown the message is for the user
 */
export async function newestUpTo(
  { options, userId, reader }: FeedOwner,
  fromId: string,
  uptoId: string,
  isShown: (message: StoredMessage) => MaybePromise<boolean>,
): Promise<string> {
  const { store } = options;
  let highest = fromId;
  const look = (range: ConversationRange) => store.conversationsAfter(userId, highest, range);
  await eachHead(reader, look, async (head) => {
    let id = head.messageId;
    if (id !== null && id > uptoId) {
      const last = await lastUpTo(store, head, uptoId); // It goes on meanwhile.
      id = last === null || !(await isShown(last)) ? null : last.id;
    }
    if (id !== null && id > highest) highest = id;
  });
  return highest;
}

/**
 * So long before the position messages of other nodes may have been committed after it. The reader is
 * given what is there once more.
 */
const LOOSE_MS = 5_000;

/** Where a reader begins with that position, if other nodes write to the store too. */
export function looseBefore(position: string): string {
  return lowestIdAt(timeOf(position) - LOOSE_MS);
}
