import type { AppError } from "../errors.ts";
import type {
  MessageWrite,
  NewMember,
  PreferencesWrite,
  ProfileWrite,
  RoleWrite,
  WatermarkWrite,
  WriteBatch,
} from "./chat-writes.ts";
import type { Conversation } from "./conversation.ts";
import { type Member, marksWithOwn } from "./member.ts";
import type { Origin } from "./outlet.ts";
import type {
  MemberKey,
  SentMessage,
  StoredMessage,
  StoredUser,
  Watermarks,
} from "./stored-chats.ts";

/** A message on its way to disk, and what happens when it is there. */
export interface PendingMessage {
  readonly message: StoredMessage;
  readonly conversation: Conversation;
  /** Recipients have it already. */
  readonly isShown: boolean;
  /** Others have written to the conversation before it: it has this `seq` now. Of one not shown. */
  place(seq: number): void;
  /** Why it may not be sent any more, now that it is known what others have written; null: it may. */
  hindrance(): AppError | null;
  committed(): void;
  /** Nothing of it was written. */
  refused(error: AppError): void;
  /** Nothing of it was written, because its sender has sent it before: as this one. */
  repeated(first: SentMessage): void;
}

/** A watermark that moved because of this message. */
export interface PendingMark {
  readonly kind: "delivered" | "read";
  readonly conversation: Conversation;
  readonly member: Member;
  /** The watermark before. */
  readonly fromSeq: number;
  readonly message: StoredMessage;
  /** The connection that moved it, if one is to be told apart. */
  readonly origin: Origin | null;
}

/**
 * What has changed in a conversation, beside its messages, and is on its way to disk. `created`: all
 * of it, with the members that it has when the batch leaves; `none` only waits for what was before it.
 */
export type ConversationChange = { readonly conversation: Conversation } & (
  | { readonly change: "created" | "profile" | "none" }
  | { readonly change: "added" | "removed" | "role"; readonly member: Member }
  /** These are kept in the store alone. */
  | { readonly change: "preferences"; readonly write: PreferencesWrite }
  | { readonly change: "message"; readonly write: MessageWrite }
);

export interface PendingChange {
  readonly what: ConversationChange;
  committed(): void;
  /** Nothing of it was written: makes the conversation what it was. */
  undo(): void;
  /** After `undo`, and that of later changes. */
  refused(error: AppError): void;
}

type ChangeWrites = Pick<
  WriteBatch,
  "removedMembers" | "addedMembers" | "roles" | "profiles" | "preferences" | "messageChanges"
>;

interface OwnMarks {
  readonly conversation: Conversation;
  readonly marks: Watermarks;
}

const NOTHING: WriteBatch = {
  ...{ conversations: [], messages: [], watermarks: [], users: [], removedMembers: [] },
  ...{ addedMembers: [], roles: [], profiles: [], preferences: [], messageChanges: [], outbox: [] },
};

/** Who is a member, or what the conversation is. A direct one that is opened is as others open it. */
function changesConversation({ change, conversation }: ConversationChange): boolean {
  if (change === "created") return conversation.kind === "group";
  return change !== "none" && change !== "preferences" && change !== "message";
}

/** What the next commit writes, as it gathers. */
export class OpenBatch {
  readonly conversations = new Set<Conversation>();
  readonly messages: PendingMessage[] = [];
  readonly members = new Map<Member, Conversation>();
  readonly marks: PendingMark[] = [];
  readonly users = new Map<string, StoredUser>();
  /** In the order of their happening. */
  readonly changes: PendingChange[] = [];
  /** Of what messages and changes say, about. */
  bytes = 0;
  #written: WriteBatch = NOTHING;
  /** Of messages that were placed on their way, where they were. */
  readonly #seqsBefore = new Map<PendingMessage, number>();
  /** Where members are with messages of their own that nobody has been shown, once these are on disk. */
  readonly #own = new Map<Member, OwnMarks>();
  readonly #keepsOutbox: boolean;

  /** @param keepsOutbox its messages go into the outbox too */
  constructor(keepsOutbox: boolean) {
    this.#keepsOutbox = keepsOutbox;
  }

  get isEmpty(): boolean {
    const { messages, changes, members, users } = this;
    return messages.length + changes.length + members.size + users.size === 0;
  }

  /**
   * Before it leaves. Other nodes' messages are known to be where some of these were to stand, which
   * nobody has been shown: these come behind them, if the batch does not change the conversation too.
   */
  placeBehindOthers(): void {
    const lastSeqs = new Map<Conversation, number>();
    for (const { isShown, message, conversation } of this.messages) {
      const { committedSeq } = conversation;
      if (!isShown && message.seq <= committedSeq) lastSeqs.set(conversation, committedSeq);
    }
    this.#placeBehind(lastSeqs);
  }

  /** On its way, see `PlaceBehind`. */
  behind(lastSeqs: ReadonlyMap<string, number>): WriteBatch {
    const known = new Map<Conversation, number>();
    for (const { conversation } of this.messages) {
      const lastSeq = lastSeqs.get(conversation.id);
      if (lastSeq !== undefined) known.set(conversation, lastSeq);
    }
    for (const pending of this.messages) {
      if (this.#seqsBefore.has(pending) || !known.has(pending.conversation)) continue;
      this.#seqsBefore.set(pending, pending.message.seq);
    }
    this.#placeBehind(known);
    // What else there is has left as it was then.
    this.#written = { ...this.#written, ...this.#messageWrites() };
    return this.#written;
  }

  /**
   * It was not committed: what was placed on its way is where it was, since what came meanwhile stands
   * behind that.
   */
  takeBack(): void {
    for (const [pending, seq] of this.#seqsBefore) {
      if (pending.message.seq !== seq) pending.place(seq);
    }
    this.#seqsBefore.clear();
  }

  #placeBehind(lastSeqs: Map<Conversation, number>): void {
    if (lastSeqs.size === 0) return;
    for (const { what } of this.changes) {
      if (changesConversation(what)) lastSeqs.delete(what.conversation);
    }
    for (const { isShown, conversation } of this.messages) {
      if (isShown) lastSeqs.delete(conversation);
    }
    for (const pending of this.messages) {
      const { conversation } = pending;
      const lastSeq = lastSeqs.get(conversation);
      if (lastSeq === undefined) continue;
      const seq = lastSeq + 1;
      lastSeqs.set(conversation, seq);
      if (pending.message.seq !== seq) pending.place(seq);
      conversation.lastSeq = Math.max(conversation.lastSeq, seq);
    }
  }

  /** What it writes, as everything is when it leaves. */
  toWrite(): WriteBatch {
    this.#written = {
      conversations: [...this.conversations].map((conversation) => ({
        id: conversation.id,
        kind: conversation.kind,
        createdMs: conversation.createdMs,
        ...conversation.profile,
        members: [...conversation.members.values()].map(({ userId, role }) => ({ userId, role })),
      })),
      users: [...this.users.values()],
      ...this.#messageWrites(),
      ...this.#changeWrites(),
      outbox: this.#keepsOutbox ? this.messages.map(({ message }) => message.id) : [],
    };
    return this.#written;
  }

  /** With the watermarks, since those of senders go by where their messages are. */
  #messageWrites(): Pick<WriteBatch, "messages" | "watermarks"> {
    this.#reckonOwn();
    const watermarks: WatermarkWrite[] = [];
    for (const [member, conversation] of this.members) {
      const { deliveredSeq, readSeq } = this.#own.get(member)?.marks ?? member;
      const { userId } = member;
      watermarks.push({ conversationId: conversation.id, userId, deliveredSeq, readSeq });
    }
    for (const [member, { conversation, marks }] of this.#own) {
      if (this.members.has(member)) continue;
      watermarks.push({ conversationId: conversation.id, userId: member.userId, ...marks });
    }
    return { messages: this.messages.map(({ message }) => message), watermarks };
  }

  /**
   * Of a user who comes and goes, the last is what holds; who comes again, is removed first. Of roles
   * and profiles, what they are when the batch leaves.
   */
  #changeWrites(): ChangeWrites {
    const removed = new Map<string, MemberKey>();
    const added = new Map<string, NewMember>();
    const roles = new Map<string, RoleWrite>();
    const profiles = new Map<Conversation, ProfileWrite>();
    const preferences: PreferencesWrite[] = [];
    const messageChanges: MessageWrite[] = [];
    for (const { what } of this.changes) {
      const { conversation } = what;
      const conversationId = conversation.id;
      if (what.change === "preferences") preferences.push(what.write);
      if (what.change === "message") messageChanges.push(what.write);
      if (what.change === "profile") {
        profiles.set(conversation, { conversationId, ...conversation.profile });
      }
      if (!("member" in what)) continue;
      const { userId, joinedSeq, deliveredSeq, readSeq, role } = what.member;
      const key = `${userId} ${conversationId}`;
      if (what.change === "removed") {
        added.delete(key);
        roles.delete(key);
        removed.set(key, { conversationId, userId });
      } else if (what.change === "added") {
        added.set(key, { conversationId, userId, joinedSeq, deliveredSeq, readSeq, role });
      } else {
        roles.set(key, { conversationId, userId, role });
      }
    }
    return {
      removedMembers: [...removed.values()],
      addedMembers: [...added.values()],
      roles: [...roles.values()],
      profiles: [...profiles.values()],
      preferences,
      messageChanges,
    };
  }

  #reckonOwn(): void {
    this.#own.clear();
    for (const { isShown, conversation, message } of this.messages) {
      const member = isShown ? undefined : conversation.members.get(message.senderId);
      if (member === undefined) continue;
      const before = this.#own.get(member)?.marks ?? member;
      const marks = marksWithOwn(before, message.seq);
      if (marks !== before) this.#own.set(member, { conversation, marks });
    }
  }

  /** Messages are on disk, and with them the watermarks of their senders. Before `written`. */
  markOwn(): void {
    for (const [member, { marks }] of this.#own) {
      member.deliveredSeq = Math.max(member.deliveredSeq, marks.deliveredSeq);
      member.readSeq = Math.max(member.readSeq, marks.readSeq);
      member.durableDeliveredSeq = Math.max(member.durableDeliveredSeq, marks.deliveredSeq);
    }
  }

  /** The watermarks are on disk as they were when the batch left. */
  written(): void {
    let at = 0;
    for (const member of this.members.keys()) {
      const deliveredSeq = this.#written.watermarks[at]?.deliveredSeq ?? 0;
      member.durableDeliveredSeq = Math.max(member.durableDeliveredSeq, deliveredSeq);
      at += 1;
    }
  }
}
