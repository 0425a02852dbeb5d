import type { Attachment } from "../../src/chat/attachments.ts";
import type {
  NewConversation,
  NewMember,
  WatermarkWrite,
  WriteBatch,
} from "../../src/chat/chat-writes.ts";
import type { ListQuery } from "../../src/chat/ports.ts";
import type { SentMessage, StoredMessage } from "../../src/chat/stored-chats.ts";

/** 2024-11-23T00:00:00.000Z */
export const EPOCH_MS = 1_732_320_000_000;

/** A message of alice to bob in `chat`, complete but for what the test cares about. */
export function message(seq: number, fields: Partial<StoredMessage> = {}): StoredMessage {
  const conversationId = fields.conversationId ?? "chat";
  return {
    id: `${conversationId}#${seq}`,
    conversationId,
    seq,
    senderId: "alice",
    senderName: "Alice",
    recipientId: "bob",
    clientMessageId: null,
    type: "TEXT",
    content: `message ${seq}`,
    replyTo: null,
    timestampMs: EPOCH_MS + seq,
    event: null,
    editedMs: null,
    deletedMs: null,
    pinnedMs: null,
    reactions: null,
    replyCount: 0,
    edited: null,
    mentions: null,
    expiresMs: null,
    attachments: null,
    ...fields,
  };
}

/** A file of alice's that is in no message, for which there is time. */
export function attachment(id: string, fields: Partial<Attachment> = {}): Attachment {
  return {
    ...{ id, uploaderId: "alice", messageId: null, name: `${id}.png`, type: "image/png", size: 3 },
    ...{ width: null, height: null, hasThumbnail: false, createdMs: EPOCH_MS },
    removeMs: EPOCH_MS + 86_400_000,
    ...fields,
  };
}

/** What is kept of the message for good. */
export function identity(kept: StoredMessage): SentMessage {
  const { id, conversationId, seq, senderId, recipientId, clientMessageId } = kept;
  return { id, conversationId, seq, senderId, recipientId, clientMessageId };
}

export function conversation(
  id = "chat",
  memberIds: readonly string[] = ["alice", "bob"],
): NewConversation {
  const kind = memberIds.length === 2 ? "direct" : "group";
  const members = memberIds.map((userId) => ({ userId, role: "member" as const }));
  const profile = { title: null, picture: null, disappearAfterSeconds: null };
  return { id, kind, createdMs: EPOCH_MS, ...profile, members };
}

/** The top of the user's list, of what is not archived. */
export function listOf(userId: string, limit = 10): ListQuery {
  return { userId, archived: false, after: null, limit };
}

export function watermark(
  userId: string,
  deliveredSeq: number,
  readSeq = 0,
  conversationId = "chat",
): WatermarkWrite {
  return { conversationId, userId, deliveredSeq, readSeq };
}

/** Of `chat`: who has nothing before that seq to see. */
export function joining(userId: string, joinedSeq: number): NewMember {
  const watermarks = { deliveredSeq: joinedSeq, readSeq: joinedSeq };
  return { conversationId: "chat", userId, joinedSeq, ...watermarks, role: "member" };
}

export function batch(parts: Partial<WriteBatch>): WriteBatch {
  return {
    ...{ conversations: [], messages: [], watermarks: [], users: [] },
    ...{ removedMembers: [], addedMembers: [], roles: [], profiles: [], preferences: [] },
    messageChanges: [],
    outbox: [],
    ...parts,
  };
}

/** `count` messages of `chat`, counted from `from`. */
export function messages(count: number, from = 1): StoredMessage[] {
  return Array.from({ length: count }, (_, index) => message(from + index));
}
