import {
  CommitConflict,
  type MessageWrite,
  type NewConversation,
  type NewMember,
  type WatermarkWrite,
  type WriteBatch,
} from "../chat/chat-writes.ts";
import { MESSAGE_EVENT_TYPES } from "../chat/happening.ts";
import type { RetentionRule } from "../chat/ports.ts";
import {
  type Edited,
  type MemberKey,
  type MessageVersion,
  MOST_REACTIONS,
  MOST_VERSIONS,
  type SentMessage,
  type StoredMember,
  type StoredMessage,
} from "../chat/stored-chats.ts";
import { firstMessages } from "./chat-batch.ts";
import { conflictsOf, type Taken } from "./conflicts.ts";
import { countExpired } from "./expiry.ts";
import type { MemoryAttachmentStore } from "./memory-attachment-store.ts";
import {
  compare,
  firstAbove,
  type MemoryConversation,
  NO_PREFERENCES,
} from "./memory-conversation.ts";
import { type MemoryUser, NO_PROFILE } from "./memory-users.ts";

/** What the store of chats in memory keeps, and how it is changed. */
export class MemoryChatTables {
  readonly conversations = new Map<string, MemoryConversation>();
  readonly conversationsOfUser = new Map<string, MemoryConversation[]>();
  readonly messages = new Map<string, StoredMessage>();
  /** By sender, then by the sender's own id of the message; also what has been removed. */
  readonly sent = new Map<string, Map<string, SentMessage>>();
  readonly users = new Map<string, MemoryUser>();
  /** By message. */
  readonly versions = new Map<string, MessageVersion[]>();
  /** By message, by user; the first first. */
  readonly reactions = new Map<string, Map<string, { emoji: string; reactedMs: number }>>();
  /** Ids of messages, the oldest first. */
  outbox: string[] = [];
  lastMessageId: string | null = null;

  constructor(readonly attachments: MemoryAttachmentStore) {}

  /** All of the batch or nothing of it: throws CommitConflict. */
  write(batch: WriteBatch): void {
    const conflicts = conflictsOf(batch, this.#taken);
    if (conflicts.length > 0) throw new CommitConflict(conflicts);
    for (const conversation of batch.conversations) this.#create(conversation);
    for (const message of batch.messages) this.#append(message);
    for (const write of batch.watermarks) this.#advance(write);
    for (const { userId, name, lastSeenMs } of batch.users) {
      const profile = this.users.get(userId)?.profile ?? NO_PROFILE;
      this.users.set(userId, { name, lastSeenMs, profile });
    }
    for (const member of batch.removedMembers) this.#removeMember(member);
    for (const member of batch.addedMembers) this.#addMember(member);
    this.#change(batch);
    for (const change of batch.messageChanges) this.change(change);
    this.outbox.push(...batch.outbox);
  }

  /** See `PlaceBehind`. */
  overtaken(batch: WriteBatch): Map<string, number> {
    const lastSeqs = new Map<string, number>();
    for (const { id, firstSeq, members } of firstMessages(batch)) {
      const conversation = this.conversations.get(id);
      if (conversation === undefined || conversation.lastSeq < firstSeq) continue;
      const { messages, lastSeq, kind } = conversation;
      const between = messages.slice(firstAbove(messages, firstSeq - 1)).filter(isOfMessages);
      const there = [...conversation.members.keys()].sort();
      const isSame = members === null || (kind === "direct" && Bun.deepEquals(there, members));
      if (isSame && between.length === lastSeq - firstSeq + 1) lastSeqs.set(id, lastSeq);
    }
    return lastSeqs;
  }

  #change({ roles, profiles, preferences }: WriteBatch): void {
    for (const { conversationId, userId, role } of roles) {
      const members = this.conversations.get(conversationId)?.members;
      const member = members?.get(userId);
      if (member !== undefined) members?.set(userId, { ...member, role });
    }
    for (const { conversationId, ...profile } of profiles) {
      const conversation = this.conversations.get(conversationId);
      if (conversation !== undefined) conversation.profile = profile;
    }
    for (const { conversationId, userId, ...change } of preferences) {
      const conversation = this.conversations.get(conversationId);
      if (conversation?.members.has(userId) !== true) continue;
      const { mutedUntilMs, archivedMs, pinnedMs } = {
        ...(conversation.preferences.get(userId) ?? NO_PREFERENCES),
        ...change,
      };
      conversation.preferences.set(userId, { mutedUntilMs, archivedMs, pinnedMs });
    }
  }

  change(change: MessageWrite): void {
    const message = this.messages.get(change.messageId);
    if (message === undefined || message.deletedMs !== null) return;
    const { id, content } = message;
    switch (change.kind) {
      case "edit": {
        const { editedMs, mentions = message.mentions } = change;
        if (content !== change.content) {
          const versions = [...(this.versions.get(id) ?? []), { content, replacedMs: editedMs }];
          this.versions.set(id, versions.slice(-MOST_VERSIONS));
        }
        this.put({ ...message, content: change.content, editedMs, mentions });
        return;
      }
      case "delete":
        this.versions.delete(id);
        this.reactions.delete(id);
        this.put({
          ...{ ...message, content: "", attachments: null, reactions: null },
          ...{ mentions: null, pinnedMs: null },
          deletedMs: change.deletedMs,
        });
        this.attachments.messageGone(id);
        this.#countAnswers(message);
        return;
      case "react": {
        const { userId, emoji, reactedMs } = change;
        const reactions = this.reactions.get(id) ?? new Map();
        this.reactions.set(id, reactions);
        reactions.delete(userId);
        if (emoji !== null) reactions.set(userId, { emoji, reactedMs });
        const pairs = [...reactions]
          .sort(([a, one], [b, other]) => one.reactedMs - other.reactedMs || compare(a, b))
          .map(([reactor, used]) => [used.emoji, reactor]);
        const shown = JSON.stringify(pairs.slice(0, MOST_REACTIONS));
        this.put({ ...message, reactions: reactions.size === 0 ? null : shown });
        return;
      }
      case "pin":
        this.put({ ...message, pinnedMs: change.pinnedMs });
    }
  }

  /** In place of the message as it was. */
  put(message: StoredMessage): void {
    const messages = this.conversations.get(message.conversationId)?.messages ?? [];
    this.messages.set(message.id, message);
    messages[firstAbove(messages, message.seq - 1)] = message;
    this.#tellEdits(message.id, messages);
  }

  /** Events of edits say what the message says now. */
  #tellEdits(messageId: string, messages: StoredMessage[]): void {
    const now = this.messages.get(messageId);
    const editedMs = now?.editedMs ?? Number.POSITIVE_INFINITY;
    const edited: Edited = {
      ...{ content: now?.deletedMs === null ? now.content : null, editedMs },
      expiresMs: now?.expiresMs ?? null,
      mentions: now?.mentions == null ? null : JSON.parse(now.mentions),
    };
    for (const [index, each] of messages.entries()) {
      if (each.event === null || each.type !== "MESSAGE_EDITED") continue;
      if (each.replyTo !== messageId) continue;
      const isLast = editedMs <= each.timestampMs;
      const told = { ...each, edited: isLast ? JSON.stringify(edited) : null };
      messages[index] = told;
      this.messages.set(told.id, told);
    }
  }

  answersTo({ id, conversationId }: StoredMessage): StoredMessage[] {
    const messages = this.conversations.get(conversationId)?.messages ?? [];
    return messages.filter(
      ({ replyTo, event, deletedMs }) => replyTo === id && event === null && deletedMs === null,
    );
  }

  /** The message that it answers has one answer more, or less. */
  #countAnswers({ replyTo }: StoredMessage): void {
    const answered = replyTo === null ? undefined : this.messages.get(replyTo);
    if (answered === undefined) return;
    const replyCount = this.answersTo(answered).length;
    if (replyCount !== answered.replyCount) this.put({ ...answered, replyCount });
  }

  readonly #taken: Taken = {
    hasConversation: (id) => this.conversations.has(id),
    hasId: (id) => this.messages.has(id),
    hasSeq: (conversationId, seq) => {
      const messages = this.conversations.get(conversationId)?.messages ?? [];
      return messages[firstAbove(messages, seq - 1)]?.seq === seq;
    },
    sent: (senderId, clientMessageId) => this.sent.get(senderId)?.get(clientMessageId) ?? null,
    hasAttachments: (ids, senderId) => ids.every((id) => this.attachments.isFree(id, senderId)),
  };

  /** Removes up to `room` messages from the bottom; returns how many. */
  trim(conversation: MemoryConversation, rule: RetentionRule, room: number): number {
    const { messages, lastSeq } = conversation;
    const count = Math.min(countExpired(messages, lastSeq, rule), room);
    conversation.messages = messages.slice(count);
    for (const { id, editedMs } of messages.slice(0, count)) {
      this.messages.delete(id);
      this.versions.delete(id);
      this.reactions.delete(id);
      this.attachments.messageGone(id);
      if (editedMs !== null) this.#tellEdits(id, conversation.messages);
    }
    return count;
  }

  #create({ id, kind, createdMs, members, ...profile }: NewConversation): void {
    if (this.conversations.has(id)) return;
    const conversation: MemoryConversation = {
      ...{ id, kind, createdMs, profile, messages: [] },
      ...{ members: new Map(), preferences: new Map(), lastSeq: 0, lastMessageMs: null },
    };
    this.conversations.set(id, conversation);
    for (const { userId, role } of members) {
      if (conversation.members.has(userId)) continue;
      this.#join(conversation, { userId, joinedSeq: 0, deliveredSeq: 0, readSeq: 0, role });
    }
  }

  #join(conversation: MemoryConversation, member: StoredMember): void {
    const { userId } = member;
    conversation.members.set(userId, member);
    const joined = this.conversationsOfUser.get(userId);
    if (joined === undefined) this.conversationsOfUser.set(userId, [conversation]);
    else joined.push(conversation);
  }

  #addMember(member: NewMember): void {
    const { conversationId, userId, joinedSeq, deliveredSeq, readSeq, role } = member;
    const conversation = this.conversations.get(conversationId);
    if (conversation === undefined) return;
    const known = conversation.members.get(userId);
    if (known === undefined) {
      this.#join(conversation, { userId, joinedSeq, deliveredSeq, readSeq, role });
    } else {
      conversation.members.set(userId, { ...known, joinedSeq, role });
      this.#advance(member);
    }
  }

  #removeMember({ conversationId, userId }: MemberKey): void {
    const conversation = this.conversations.get(conversationId);
    if (conversation?.members.delete(userId) !== true) return;
    conversation.preferences.delete(userId);
    const joined = this.conversationsOfUser.get(userId) ?? [];
    const rest = joined.filter(({ id }) => id !== conversationId);
    this.conversationsOfUser.set(userId, rest);
  }

  #append(message: StoredMessage): void {
    const conversation = this.conversations.get(message.conversationId);
    if (conversation === undefined) return;
    const { messages } = conversation;
    const kept = copyOf(message);
    messages.splice(firstAbove(messages, kept.seq), 0, kept);
    this.messages.set(kept.id, kept);
    this.attachments.bind(kept);
    if (this.lastMessageId === null || kept.id > this.lastMessageId) {
      this.lastMessageId = kept.id;
    }
    if (kept.event === null) this.#countAnswers(kept);
    if (kept.seq > conversation.lastSeq) {
      conversation.lastSeq = kept.seq;
      conversation.lastMessageMs = kept.timestampMs;
    }
    if (kept.clientMessageId === null) return;
    const ofSender = this.sent.get(kept.senderId);
    const sent = identityOf(kept);
    if (ofSender !== undefined) ofSender.set(kept.clientMessageId, sent);
    else this.sent.set(kept.senderId, new Map([[kept.clientMessageId, sent]]));
  }

  #advance({ conversationId, userId, deliveredSeq, readSeq }: WatermarkWrite): void {
    const members = this.conversations.get(conversationId)?.members;
    const member = members?.get(userId);
    if (members === undefined || member === undefined) return;
    members.set(userId, {
      ...member,
      deliveredSeq: Math.max(member.deliveredSeq, deliveredSeq),
      readSeq: Math.max(member.readSeq, readSeq),
    });
  }
}

/** It is a message of a user's, or tells of one. */
function isOfMessages({ event, type }: StoredMessage): boolean {
  return event === null || MESSAGE_EVENT_TYPES.some((each) => each === type);
}

function identityOf(message: StoredMessage): SentMessage {
  const { id, conversationId, seq, senderId, recipientId, clientMessageId } = message;
  return { id, conversationId, seq, senderId, recipientId, clientMessageId };
}

function copyOf(message: StoredMessage): StoredMessage {
  return {
    id: message.id,
    conversationId: message.conversationId,
    seq: message.seq,
    senderId: message.senderId,
    senderName: message.senderName,
    recipientId: message.recipientId,
    clientMessageId: message.clientMessageId,
    type: message.type,
    content: message.content,
    replyTo: message.replyTo,
    timestampMs: message.timestampMs,
    event: message.event,
    mentions: message.mentions,
    expiresMs: message.expiresMs,
    editedMs: null,
    deletedMs: null,
    pinnedMs: null,
    reactions: null,
    replyCount: 0,
    edited: message.edited,
    attachments: message.attachments,
  };
}
