import { AppError } from "../errors.ts";
import type {
  ConversationKind,
  ConversationProfile,
  MemberKey,
  Preferences,
  Role,
  SentMessage,
  StoredMember,
  StoredMessage,
  StoredUser,
  Watermarks,
} from "./stored-chats.ts";

export interface NewConversation extends ConversationProfile {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  /** In the order of their joining; one that is named twice joins once. */
  readonly members: readonly { readonly userId: string; readonly role: Role }[];
}

export interface ProfileWrite extends ConversationProfile {
  readonly conversationId: string;
}

export interface RoleWrite extends MemberKey {
  readonly role: Role;
}

/** A change of a message; of one that is not there, or not any more, it is left out. */
export type MessageWrite = { readonly messageId: string } & (
  | {
      readonly kind: "edit";
      /** Where it is another one, the one before is kept as a version. */
      readonly content: string;
      readonly editedMs: number;
      /** As `StoredMessage.mentions`; undefined: they stay. */
      readonly mentions?: string | null | undefined;
    }
  /**
   * Takes away its content, what it said before, its attachments, its reactions, its mentions and its
   * pin; events of these stay.
   */
  | { readonly kind: "delete"; readonly deletedMs: number }
  /** One of a user's; null takes it away. */
  | {
      readonly kind: "react";
      readonly userId: string;
      readonly emoji: string | null;
      readonly reactedMs: number;
    }
  | { readonly kind: "pin"; readonly pinnedMs: number | null }
);

/** What is not named stays as it is. */
export interface PreferencesWrite extends MemberKey, Partial<Preferences> {}

export interface WatermarkWrite extends MemberKey, Watermarks {}

export interface NewMember extends MemberKey, StoredMember {}

/** What one commit writes, in this order of the lists. Conversations precede their messages. */
export interface WriteBatch {
  readonly conversations: readonly NewConversation[];
  readonly messages: readonly StoredMessage[];
  readonly watermarks: readonly WatermarkWrite[];
  readonly users: readonly StoredUser[];
  /** They are no members any more, and nothing of them is kept in the conversation but messages. */
  readonly removedMembers: readonly MemberKey[];
  /** They join behind all other members, also those who have just been removed. */
  readonly addedMembers: readonly NewMember[];
  /** Of members; of others they are left out, as are profiles of unknown conversations. */
  readonly roles: readonly RoleWrite[];
  readonly profiles: readonly ProfileWrite[];
  readonly preferences: readonly PreferencesWrite[];
  /** In their order. */
  readonly messageChanges: readonly MessageWrite[];
  /**
   * Ids of messages of the batch that are in the outbox from now on: users who are not there, or the
   * app's back end, may have to be told of them (see `NoticeStore`).
   */
  readonly outbox: readonly string[];
}

/** A message that a batch must not hold. */
export interface Conflict {
  /** In the batch's list of messages. */
  readonly index: number;
  /** The one that has its `(senderId, clientMessageId)`; null if that is not what is wrong. */
  readonly first: SentMessage | null;
}

/**
 * Nothing of a batch was written, because of these messages alone: their `(conversationId, seq)`,
 * `id` or `(senderId, clientMessageId)` is taken, their conversation is not there, or an attachment
 * of theirs is none that the sender has uploaded and that no message has. Without them the batch may
 * be committed.
 */
export class CommitConflict extends AppError {
  /** @param conflicts at least one; ascending by `index` */
  constructor(
    readonly conflicts: readonly Conflict[],
    cause?: unknown,
  ) {
    super("STORAGE_UNAVAILABLE", "The store has another message in its place; send again", {
      cause,
    });
  }
}

/**
 * Others have written to conversations of a batch since it was made, and its messages can stay in it:
 * given the last `seq` of each by its id, it says what is committed instead, which is the same batch
 * with its messages behind those. What it leaves where it was is refused, as a conflict. It may be
 * asked more than once for one commit.
 */
export type PlaceBehind = (lastSeqs: ReadonlyMap<string, number>) => WriteBatch;
