import {
  type Conversation,
  type Draft,
  type Message,
  type MessageStatus,
  messageKey,
} from "./conversation.ts";
import { expiryOf, lifetimeSentence } from "./lifetimes.ts";
import { withMessageEvent } from "./message-events.ts";
import { plainText } from "./plain-text.ts";
import type { Confirmation, ConversationSummary, ReadReceipt, WireMessage } from "./wire.ts";

export function withDraft(
  conversation: Conversation,
  draft: Draft,
  userId: string,
  userName: string,
): Conversation {
  const { clientMessageId, replyTo, mentions, attachments } = draft;
  const content = plainText(draft.content);
  const key = messageKey(userId, clientMessageId, "");
  if (conversation.messages.some((message) => message.key === key)) return conversation;
  const message: Message = {
    ...{ key, clientMessageId, content, id: null, seq: null, failure: null },
    ...{ senderId: userId, senderName: userName, status: "SENDING", event: null },
    ...{ replyTo, isEdited: false, isDeleted: false, isPinned: false, reactions: [] },
    ...{ mentions, attachments, expiresMs: null, isGone: false },
    timestampMs: draft.composedAtMs,
  };
  return { ...conversation, messages: [...conversation.messages, message], newFromSeq: null };
}

/**
 * A message as it came over the socket. One's own, from another tab, counts as sent only when it is
 * confirmed: it may be shown before it is on disk.
 */
export function withLive(
  conversation: Conversation,
  message: WireMessage,
  userId: string,
): Conversation {
  const status = message.senderId === userId ? "SENDING" : message.status;
  const merged = withNews(conversation, [toMessage(message, status)], userId);
  return { ...merged, typing: merged.typing.filter((typist) => typist !== message.senderId) };
}

/**
 * What the list says of the conversation. It may be older than what has come since: what happened
 * after its last message happens again.
 */
export function withSummary(
  conversation: Conversation,
  { lastMessage, unread, unreadMentions, ...summary }: ConversationSummary,
  userId: string,
): Conversation {
  const listed: Conversation = {
    ...{ ...conversation, ...summary, isMember: true, isListed: true },
    ...{ listedSeq: lastMessage?.seq ?? 0, listedUnread: unread },
    listedMentions: unreadMentions,
  };
  return conversation.messages.reduce(
    (current, message) => withGroupEvent(current, message, userId),
    listed,
  );
}

/** Messages that follow what is at hand; what they tell of happens, unless it has before. */
function withNews(
  conversation: Conversation,
  incoming: readonly Message[],
  userId: string,
): Conversation {
  const known = new Set(conversation.messages.map(({ key }) => key));
  const news = incoming.filter(({ key }) => !known.has(key));
  const merged = merge(conversation, incoming);
  const happened = news.reduce((now, message) => withGroupEvent(now, message, userId), merged);
  return news.reduce(withMessageEvent, happened);
}

/** What the list has told of has happened already. */
function withGroupEvent(
  conversation: Conversation,
  { event, seq, senderId }: Message,
  myId: string,
): Conversation {
  const atSeq = seq ?? 0;
  if (event === null || atSeq <= conversation.listedSeq) return conversation;
  const { memberIds, memberCount } = conversation;
  const { type, title, picture, userId, role } = event;
  const others = memberIds.filter((memberId) => memberId !== userId);
  const isMine = userId === myId;
  const changed = { ...conversation, membersSeq: Math.max(atSeq, conversation.membersSeq) };
  switch (type) {
    case "CONVERSATION_CREATED":
      return { ...changed, title, picture, memberCount: event.memberCount ?? memberCount };
    case "CONVERSATION_CHANGED":
      return { ...conversation, title, picture };
    case "DISAPPEARING_CHANGED":
      return { ...conversation, disappearAfterSeconds: event.disappearAfterSeconds };
    case "MEMBER_ADDED":
    case "MEMBER_JOINED": {
      if (userId === null) return conversation;
      const joined = {
        ...changed,
        memberIds: [...others, userId],
        memberCount: memberCount + 1,
      };
      return isMine ? withReturn(joined, atSeq) : joined;
    }
    case "MEMBER_REMOVED":
    case "MEMBER_LEFT": {
      const parted = { ...changed, memberIds: others, memberCount: memberCount - 1 };
      return isMine ? withoutMe(parted, myId) : parted;
    }
    case "ROLE_CHANGED":
      if (isMine) return { ...changed, role: role ?? conversation.role };
      // Who gives the group away is an admin then.
      return role === "owner" && senderId === myId ? { ...changed, role: "admin" } : changed;
    default:
      return conversation;
  }
}

/** The user is a member again; what was said before is not theirs to see. */
function withReturn(conversation: Conversation, fromSeq: number): Conversation {
  const messages = conversation.messages.filter(({ seq }) => seq === null || seq >= fromSeq);
  return { ...conversation, messages, isMember: true, role: "member" };
}

/** The user has left, or was removed: what they have seen stays, and nothing follows. */
export function withoutMe(conversation: Conversation, userId: string): Conversation {
  const memberIds = conversation.memberIds.filter((memberId) => memberId !== userId);
  return { ...conversation, memberIds, isMember: false, role: "member", typing: [], pins: [] };
}

/**
 * A page of the history: everything there is above `afterSeq`, as far as the page goes. What was
 * shown in that range and is not on the page was lost in a crash before it was kept; whoever sent
 * it sends it again.
 */
export function withPage(
  conversation: Conversation,
  page: readonly WireMessage[],
  afterSeq: number | null,
  userId: string,
): Conversation {
  const last = page.at(-1);
  if (last === undefined) return conversation;
  const fromSeq = afterSeq ?? (page[0]?.seq ?? 1) - 1;
  const kept = new Set(page.map(keyOf));
  const messages = conversation.messages.filter(
    ({ seq, key }) => seq === null || seq <= fromSeq || seq > last.seq || kept.has(key),
  );
  const stored = page.map((message) => toMessage(message, message.status));
  const durableSeq = Math.max(conversation.durableSeq, last.seq);
  const current = { ...conversation, messages, durableSeq };
  // Of another page the events are older than what is at hand.
  return afterSeq === null ? merge(current, stored) : withNews(current, stored, userId);
}

export function withConfirmation(
  conversation: Conversation,
  confirmation: Confirmation,
  userId: string,
): Conversation {
  const { clientMessageId, messageId, seq, status, timestampMs } = confirmation;
  const key = messageKey(userId, clientMessageId, messageId);
  const found = conversation.messages.find((message) => message.key === key);
  const durableSeq = Math.max(conversation.durableSeq, seq);
  if (found === undefined) return { ...conversation, durableSeq };
  const confirmed: Message = {
    ...found,
    id: messageId,
    seq,
    status: laterStatus(found.status, status),
    timestampMs: found.seq === null ? timestampMs : found.timestampMs,
    failure: null,
    expiresMs: found.seq === null ? expiryOf(conversation, seq, timestampMs) : found.expiresMs,
  };
  return merge({ ...conversation, durableSeq }, [confirmed]);
}

/** READ is a watermark: all of the user's messages up to it are read, once everybody has come so far. */
export function withReceipt(
  conversation: Conversation,
  receipt: ReadReceipt,
  userId: string,
): Conversation {
  const { readerId } = receipt;
  const seq = Math.max(receipt.seq, conversation.readers[readerId] ?? 0);
  const readers = { ...conversation.readers, [readerId]: seq };
  const others = conversation.memberIds.filter((memberId) => memberId !== userId);
  const isAll = conversation.memberCount === conversation.memberIds.length;
  const lowest = Math.min(...others.map((memberId) => readers[memberId] ?? 0), seq);
  const readByAll = isAll ? lowest : 0; // Of the others nothing is known here.
  const messages = conversation.messages.map((message) => {
    const isRead = message.senderId === userId && message.seq !== null && message.seq <= readByAll;
    return isRead && message.status !== "READ" ? { ...message, status: "READ" as const } : message;
  });
  return { ...conversation, readers, messages };
}

export function changeMessage(
  conversation: Conversation,
  clientMessageId: string,
  senderId: string,
  change: Partial<Message>,
): Conversation {
  const key = messageKey(senderId, clientMessageId, "");
  const messages = conversation.messages.map((message) =>
    message.key === key ? { ...message, ...change } : message,
  );
  return { ...conversation, messages };
}

export function withoutMessage(
  conversation: Conversation,
  clientMessageId: string,
  senderId: string,
): Conversation {
  const key = messageKey(senderId, clientMessageId, "");
  return {
    ...conversation,
    messages: conversation.messages.filter((message) => message.key !== key),
  };
}

const STATUS_RANK: Readonly<Record<MessageStatus, number>> = {
  FAILED: 0,
  SENDING: 1,
  SENT: 2,
  DELIVERED: 3,
  READ: 4,
};

function laterStatus(one: MessageStatus, other: MessageStatus): MessageStatus {
  return STATUS_RANK[one] >= STATUS_RANK[other] ? one : other;
}

function toMessage(message: WireMessage, status: MessageStatus): Message {
  const { id, clientMessageId, seq, senderId, senderName, timestampMs } = message;
  const content =
    message.event?.type === "DISAPPEARING_CHANGED" ? lifetimeSentence(message) : message.content;
  const key = keyOf(message);
  return {
    ...{ key, id, clientMessageId, seq, senderId, senderName, content, timestampMs },
    ...{ replyTo: message.replyTo, event: message.event, isEdited: message.isEdited },
    ...{ isDeleted: message.isDeleted, isPinned: message.isPinned },
    ...{ mentions: message.mentions, expiresMs: message.expiresMs, isGone: message.isGone },
    ...{ attachments: message.attachments, reactions: message.reactions, status, failure: null },
  };
}

function keyOf({ senderId, clientMessageId, id }: WireMessage): string {
  return messageKey(senderId, clientMessageId, id);
}

/** A `seq` names one message: after a crash it may be used anew, and the later word counts. */
function merge(conversation: Conversation, incoming: readonly Message[]): Conversation {
  const newKeyOf = new Map(incoming.map(({ seq, key }) => [seq, key]));
  const byKey = new Map<string, Message>();
  for (const message of conversation.messages) {
    const isReplaced =
      message.seq !== null && (newKeyOf.get(message.seq) ?? message.key) !== message.key;
    if (!isReplaced) byKey.set(message.key, message);
  }
  for (const message of incoming) {
    const known = byKey.get(message.key);
    const status = laterStatus(message.status, known?.status ?? "FAILED");
    byKey.set(message.key, { ...message, status });
  }
  const messages = [...byKey.values()].sort(bySeq);
  const merged = { ...conversation, messages };
  return conversation.isLoaded ? merged : newestRun(merged);
}

function bySeq(one: Message, other: Message): number {
  if (one.seq === other.seq) return 0; // The sort is stable: unnumbered ones keep their order.
  if (one.seq === null) return 1;
  if (other.seq === null) return -1;
  return one.seq - other.seq;
}

/** Nobody looks at a conversation that is not open: what comes before a gap is not worth mending. */
function newestRun(conversation: Conversation): Conversation {
  const { messages } = conversation;
  let start = messages.length - 1;
  for (; start > 0; start -= 1) {
    const seq = messages[start]?.seq ?? null;
    const before = messages[start - 1]?.seq ?? null;
    if (seq !== null && before !== null && seq > before + 1) break;
  }
  return start <= 0 ? conversation : { ...conversation, messages: messages.slice(start) };
}
