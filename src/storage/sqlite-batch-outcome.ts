import { CommitConflict, type WriteBatch } from "../chat/chat-writes.ts";
import type { MemberKey, StoredConversation, StoredMessage } from "../chat/stored-chats.ts";
import type { AppError } from "../errors.ts";
import { conflictsOf, isFree, type Taken } from "./conflicts.ts";
import type { ChatQueries } from "./sqlite-chat-queries.ts";

/** What a batch is looked for in: the store that it was written to. */
interface Kept {
  messageById(id: string): StoredMessage | null;
  conversation(id: string): StoredConversation | null;
}

/**
 * The database has the batch. Batches are there wholly or not at all, so one message tells, or else
 * another change. A batch without any is safe to write again, and counts as not written.
 */
export function holds(
  { messages, conversations, addedMembers, removedMembers, roles, profiles }: WriteBatch,
  kept: Kept,
): boolean {
  const memberOf = ({ conversationId, userId }: MemberKey) =>
    kept.conversation(conversationId)?.members.find((member) => member.userId === userId);
  const [message] = messages;
  if (message !== undefined) return kept.messageById(message.id) !== null;
  const [added] = addedMembers;
  if (added !== undefined) return memberOf(added)?.joinedSeq === added.joinedSeq;
  const [removed] = removedMembers;
  if (removed !== undefined) return memberOf(removed) === undefined;
  const [role] = roles;
  if (role !== undefined) return memberOf(role)?.role === role.role;
  const [profile] = profiles;
  const [created] = conversations;
  if (profile === undefined) return created !== undefined && kept.conversation(created.id) !== null;
  const there = kept.conversation(profile.conversationId);
  const { title, picture, disappearAfterSeconds } = profile;
  return (
    there?.title === title &&
    there.picture === picture &&
    there.disappearAfterSeconds === disappearAfterSeconds
  );
}

/**
 * Why the batch was refused. The engine names the first constraint that was broken; here are all
 * messages that break one. To be asked in a snapshot.
 */
export function blamed(batch: WriteBatch, refusal: AppError, reads: ChatQueries): AppError {
  const taken: Taken = {
    hasConversation: (id) => reads.conversation.get(id) !== null,
    hasId: (id) => reads.messageById.get(id) !== null,
    hasSeq: (conversationId, seq) => reads.messageBySeq.get(conversationId, seq) !== null,
    sent: (senderId, clientMessageId) => reads.messageByClientId.get(senderId, clientMessageId),
    hasAttachments: (ids, senderId) => {
      const rows = reads.attachments.all(JSON.stringify(ids));
      return rows.length === ids.length && rows.every((row) => isFree(row, senderId));
    },
  };
  const conflicts = conflictsOf(batch, taken);
  return conflicts.length === 0 ? refusal : new CommitConflict(conflicts, refusal.cause);
}
