import { idsOf } from "../chat/attachments.ts";
import type {
  MessageWrite,
  NewMember,
  PlaceBehind,
  PreferencesWrite,
  ProfileWrite,
  WriteBatch,
} from "../chat/chat-writes.ts";
import type { MemberKey, StoredMessage } from "../chat/stored-chats.ts";
import { firstMessages, lastUnsaid, memberKey, newestOfEach } from "./chat-batch.ts";
import { CHAT_WRITES } from "./postgres-chat-statements.ts";
import type { Query } from "./postgres-database.ts";
import { MESSAGE_ERASURE } from "./postgres-message-erasure.ts";
import { searchWordsOf } from "./postgres-search-words.ts";
import { toPostgresJson } from "./postgres-text.ts";

/** Messages of the batch break what the database holds to, though by no constraint of its own. */
export class BatchRefused extends Error {
  override readonly name = "BatchRefused";
}

/** Who was overtaken by more has been away for long, and learns of it in another way. */
const MOST_BETWEEN = 1_000;

/**
 * Sends what the batch writes, one statement behind the other, in the transaction of `query`; of
 * messages, what follows the locks when these are there, since others may have written until then.
 * Rejects with the engine's error or BatchRefused; the transaction is the caller's to end.
 */
export async function writeChats(
  query: Query,
  batch: WriteBatch,
  placeBehind: PlaceBehind | undefined,
): Promise<void> {
  const created = inOrder(query, [[CHAT_WRITES.createConversations, batch.conversations]]);
  const locked = lock(query, batch);
  if (batch.messages.length === 0 || placeBehind === undefined) {
    await Promise.all([...created, locked, ...writeLocked(query, batch)]);
    return;
  }
  const [conversations] = await Promise.all([locked, ...created]);
  const lastSeqs = await overtaken(query, batch, conversations);
  const written = lastSeqs.size === 0 ? batch : placeBehind(lastSeqs);
  await Promise.all(writeLocked(query, written));
}

/** Statements, each with the rows that it is given; those without rows are left out. */
function inOrder(
  query: Query,
  statements: readonly (readonly [sql: string, rows: readonly unknown[]])[],
): Promise<unknown>[] {
  const given = statements.filter(([, rows]) => rows.length > 0);
  return given.map(([sql, rows]) => query(sql, [toPostgresJson(rows)]));
}

function writeLocked(query: Query, batch: WriteBatch): Promise<unknown>[] {
  const { watermarks, users, removedMembers, addedMembers, roles, profiles, preferences } = batch;
  const chat = ({ conversationId }: ProfileWrite) => conversationId;
  return [
    append(query, batch.messages),
    ...inOrder(query, [
      [CHAT_WRITES.setNewest, [...newestOfEach(batch.messages)].map(headOf)],
      [CHAT_WRITES.advance, watermarks],
      [CHAT_WRITES.putUsers, lastOfEach(users, ({ userId }) => userId)],
      [CHAT_WRITES.removeMembers, removedMembers],
      [CHAT_WRITES.addMembers, joinedOnce(addedMembers)],
      [CHAT_WRITES.markSent, [...lastUnsaid(batch)].map(headOf)],
      [CHAT_WRITES.setRoles, lastOfEach(roles, keyOf)],
      [CHAT_WRITES.setProfiles, lastOfEach(profiles, chat)],
      [CHAT_WRITES.setPreferences, mergedPreferences(preferences)],
      ...roundsOf(batch.messageChanges).flatMap(changesOf),
      [CHAT_WRITES.keepInOutbox, batch.outbox],
    ]),
  ];
}

/** Of the conversations that it locks, the last seqs. Throws BatchRefused where a message's is not there. */
async function lock(query: Query, batch: WriteBatch): Promise<Map<string, number>> {
  const { conversations, messages, messageChanges } = batch;
  const touched = [
    ...[...messages, ...batch.watermarks, ...batch.removedMembers, ...batch.addedMembers],
    ...[...batch.roles, ...batch.profiles, ...batch.preferences],
  ];
  const ids = new Set([
    ...conversations.map(({ id }) => id),
    ...touched.map(({ conversationId }) => conversationId),
  ]);
  if (ids.size === 0 && messageChanges.length === 0) return new Map();
  const changed = new Set(messageChanges.map(({ messageId }) => messageId));
  const locked = await query<{ id: string; lastSeq: number }>(CHAT_WRITES.lock, [
    toPostgresJson([...ids]),
    toPostgresJson([...changed]),
  ]);
  const there = new Map(locked.map(({ id, lastSeq }) => [id, lastSeq]));
  const isNowhere = ({ conversationId }: StoredMessage) => {
    return !there.has(conversationId.toWellFormed());
  };
  if (messages.some(isNowhere)) throw new BatchRefused("a message's conversation is not there");
  return there;
}

/** See `PlaceBehind`. `there`: the last seqs. */
async function overtaken(
  query: Query,
  batch: WriteBatch,
  there: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  const firsts = firstMessages(batch).map((first) => ({
    ...first,
    lastSeq: there.get(first.id) ?? 0,
  }));
  const late = firsts.filter(({ firstSeq, lastSeq }) => {
    return lastSeq >= firstSeq && lastSeq - firstSeq < MOST_BETWEEN;
  });
  if (late.length === 0) return new Map();
  const found = await query<{ id: string }>(CHAT_WRITES.undisturbed, [toPostgresJson(late)]);
  const undisturbed = new Set(found.map(({ id }) => id));
  const placed = late.filter(({ id }) => undisturbed.has(id));
  return new Map(placed.map(({ id, lastSeq }) => [id, lastSeq]));
}

/** Throws BatchRefused where an attachment is not free, or a message was removed that had the client's id. */
async function append(query: Query, messages: readonly StoredMessage[]): Promise<void> {
  if (messages.length === 0) return;
  const appended = query(CHAT_WRITES.appendMessages, [toPostgresJson(messages.map(rowOf))]);
  const identified = messages.filter(({ clientMessageId }) => clientMessageId !== null);
  const sent = identified.map(({ senderId, clientMessageId }) => ({ senderId, clientMessageId }));
  const removed =
    sent.length > 0
      ? query(CHAT_WRITES.removedBefore, [toPostgresJson(sent)])
      : Promise.resolve([]);
  const bound = messages.flatMap((message) =>
    idsOf(message).map((attachmentId) => ({
      ...{ messageId: message.id, attachmentId, uploaderId: message.senderId },
    })),
  );
  const binding =
    bound.length > 0
      ? query(CHAT_WRITES.bindAttachments, [toPostgresJson(bound)])
      : Promise.resolve([]);
  const [, before, free] = await Promise.all([appended, removed, binding]);
  if (before.length > 0) throw new BatchRefused("a message was sent before, and has been removed");
  if (free.length < bound.length) throw new BatchRefused("an attachment is not free");
}

/** Only what is kept as it is given: the rest is told by what becomes of the message. */
function rowOf(message: StoredMessage): object {
  const { id, conversationId, seq, senderId, timestampMs, clientMessageId, senderName } = message;
  const { recipientId, type, replyTo, content, event, expiresMs, mentions, attachments } = message;
  const mentioned = mentionedIn(mentions);
  const words = event === null ? searchWordsOf(content) : null;
  return {
    ...{ id, conversationId, seq, senderId, timestampMs, clientMessageId, senderName },
    ...{ recipientId, type, replyTo, content, event, expiresMs, mentions, mentioned },
    ...{ attachments, words },
  };
}

function mentionedIn(mentions: string | null): unknown {
  return mentions === null ? null : JSON.parse(mentions);
}

function headOf({ conversationId, senderId, seq, timestampMs }: StoredMessage): object {
  return { conversationId, senderId, seq, timestampMs };
}

function keyOf({ conversationId, userId }: MemberKey): string {
  return memberKey(conversationId, userId);
}

/** Those that come later replace those before them. */
function lastOfEach<Row>(rows: readonly Row[], key: (row: Row) => string): Row[] {
  return [...new Map(rows.map((row) => [key(row).toWellFormed(), row])).values()];
}

/** Who is added twice joins in the place of the first time, as the last time says. */
function joinedOnce(members: readonly NewMember[]): NewMember[] {
  const joined = new Map<string, NewMember>();
  for (const member of members) {
    const key = keyOf(member).toWellFormed();
    const before = joined.get(key);
    joined.set(key, {
      ...member,
      deliveredSeq: Math.max(member.deliveredSeq, before?.deliveredSeq ?? 0),
      readSeq: Math.max(member.readSeq, before?.readSeq ?? 0),
    });
  }
  return [...joined.values()];
}

function mergedPreferences(writes: readonly PreferencesWrite[]): object[] {
  const merged = new Map<string, PreferencesWrite>();
  for (const write of writes) {
    const { conversationId, userId, ...change } = write;
    const key = keyOf(write).toWellFormed();
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    const before = merged.get(key) ?? { conversationId, userId };
    merged.set(key, { ...before, ...Object.fromEntries(given) });
  }
  return [...merged.values()].map((write) => ({ ...write, names: Object.keys(write) }));
}

/**
 * Changes of messages in as few rounds as their order allows: in a round no message is changed twice,
 * but for the reactions of different users.
 */
function roundsOf(changes: readonly MessageWrite[]): MessageWrite[][] {
  const rounds: MessageWrite[][] = [];
  /** By message, and by message and user, the first round that is free. */
  const free = new Map<string, number>();
  /** By message, the first round after all that there is of it. */
  const after = new Map<string, number>();
  for (const change of changes) {
    const { messageId } = change;
    const isReaction = change.kind === "react";
    const own = isReaction ? JSON.stringify([messageId, change.userId]) : messageId;
    const round = isReaction
      ? Math.max(free.get(own) ?? 0, free.get(messageId) ?? 0)
      : (after.get(messageId) ?? 0);
    free.set(own, round + 1);
    after.set(messageId, Math.max(after.get(messageId) ?? 0, round + 1));
    rounds[round] ??= [];
    rounds[round].push(change);
  }
  return rounds;
}

/** Of a round. */
function changesOf(round: readonly MessageWrite[]): [sql: string, rows: readonly unknown[]][] {
  const edits = round.filter((change) => change.kind === "edit");
  const contents = edits.map((edit) => ({
    ...edit,
    words: searchWordsOf(edit.content),
    isNaming: edit.mentions !== undefined,
    mentioned: mentionedIn(edit.mentions ?? null),
  }));
  const deletions = round.filter((change) => change.kind === "delete");
  const reactions = round.filter((change) => change.kind === "react");
  return [
    [CHAT_WRITES.keepVersions, edits],
    [CHAT_WRITES.edit, contents],
    [CHAT_WRITES.forgetOldVersions, edits],
    ...MESSAGE_ERASURE.map((sql): [string, readonly unknown[]] => [sql, deletions]),
    [CHAT_WRITES.react, reactions.filter(({ emoji }) => emoji !== null)],
    [CHAT_WRITES.unreact, reactions.filter(({ emoji }) => emoji === null)],
    [CHAT_WRITES.pin, round.filter((change) => change.kind === "pin")],
  ];
}
