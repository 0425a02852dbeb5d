import type { MaybePromise } from "../maybe-promise.ts";
import type { ConversationKind, Preferences, StoredMember, StoredMessage } from "./stored-chats.ts";

/** How a user shows themselves to others; null where nobody has said. */
export interface UserProfile {
  readonly name: string | null;
  /** Of a picture, a URL. */
  readonly picture: string | null;
}

/** A user of whom the store knows: by their connecting, or since somebody gave them a profile. */
export interface KnownUser extends UserProfile {
  readonly userId: string;
  /** As last authenticated, and when they were last there; null: they never were. */
  readonly authenticatedName: string | null;
  readonly lastSeenMs: number | null;
}

/** See `UserStore.sharing`: conversations of a user. */
export const SURELY_SHARED = 256;
export const MOST_LOOKED_AT = 16_384;

/** Where users' profiles are kept. Reads and writes fail with STORAGE_UNAVAILABLE. */
export interface UserStore {
  /** What is not named stays as it is. Resolves when it is durable; rejects when it was not written. */
  putProfile(userId: string, change: Partial<UserProfile>): Promise<void>;
  /** The name of the user's profile; null: none. */
  nameOf(userId: string): MaybePromise<string | null>;
  /** Those of the ids that are known, in no particular order. */
  known(userIds: readonly string[]): MaybePromise<KnownUser[]>;
  /** All that are known, ascending by id, behind that one; null begins with the first. */
  list(after: string | null, limit: number): MaybePromise<KnownUser[]>;
  /**
   * Those of the ids who share a conversation with the user, in no particular order. Of two users the
   * conversations of the one who is in fewer are gone through, so that what it takes does not grow with
   * the other's. Where both are in more than `SURELY_SHARED`, it goes through so many of one's, and of
   * all such ids together through `MOST_LOOKED_AT` more; what they share behind these is not found.
   */
  sharing(userId: string, otherIds: readonly string[]): MaybePromise<string[]>;
}

/** A member's part in a conversation, with all that is kept of it. */
export interface StoredMembership extends Omit<StoredMember, "userId">, Preferences {
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly title: string | null;
}

export interface MessagePage {
  readonly messages: readonly StoredMessage[];
  /** Where the next page goes on, of meaning to the store alone; null: there is none. */
  readonly next: string | null;
}

export interface StoredReaction {
  readonly messageId: string;
  readonly conversationId: string;
  readonly emoji: string;
  readonly reactedMs: number;
}

/**
 * What is kept of one user, a page at a time: null begins with the first one, and each page is one
 * commit's state. What is there throughout is on one of the pages, once. Reads fail with
 * STORAGE_UNAVAILABLE.
 */
export interface UserDataStore {
  /** Ascending by conversation id, behind that one. */
  membershipsOf(
    userId: string,
    after: string | null,
    limit: number,
  ): MaybePromise<StoredMembership[]>;
  /** What they have sent, wherever, and what they did that is told as events. */
  messagesOf(userId: string, from: string | null, limit: number): MaybePromise<MessagePage>;
  /** Ascending by message id, behind that one. */
  reactionsOf(userId: string, after: string | null, limit: number): MaybePromise<StoredReaction[]>;
}

/** The removal of a user, from when it was asked for. Times are epoch milliseconds. */
export interface Erasure {
  readonly userId: string;
  readonly requestedMs: number;
  /** What they said stays, without their name. */
  readonly keepsMessages: boolean;
  /** null: it is under way. */
  readonly doneMs: number | null;
  /** So far. */
  readonly erasedMessages: number;
}

/**
 * Where it is kept whom to erase, and how far that has come. Each write is one short transaction,
 * wholly done or not at all; they resolve when they are durable and reject with STORAGE_UNAVAILABLE.
 */
export interface ErasureStore {
  /**
   * A no-op where that user's is under way, unless it keeps messages and this one does not: then it
   * begins anew, as one that is done does.
   */
  begin(erasure: Pick<Erasure, "userId" | "requestedMs" | "keepsMessages">): Promise<void>;
  erasure(userId: string): MaybePromise<Erasure | null>;
  /** Those under way, the first asked for first. */
  underWay(): MaybePromise<Erasure[]>;
  /**
   * Goes on with one that is under way, and looks at `limit` rows at most: preferences are forgotten;
   * messages lose their content, or with `keepsMessages` the sender's name alone; reactions, links
   * into groups, the sender's own ids of messages and files that are in no message go. True when
   * nothing of it is left to do. What is sent after the begin may be left out.
   */
  erasePortion(userId: string, limit: number): Promise<boolean>;
  /** Conversations whose members are to be told, so far. */
  untold(userId: string, limit: number): MaybePromise<string[]>;
  told(userId: string, conversationIds: readonly string[]): Promise<void>;
  /**
   * The profile, and when they were last there, go; the erasure is done, unless it has begun anew
   * since, as one that does not keep messages.
   */
  finish(erasure: Pick<Erasure, "userId" | "keepsMessages">, doneMs: number): Promise<void>;
}
