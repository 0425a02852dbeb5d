import { type Actor, SYSTEM } from "../chat/actor.ts";
import type { Conversation } from "../chat/conversation.ts";
import {
  type MessageStatus,
  messageView,
  preferencesView,
  shownName,
  shownSince,
  statusFor,
} from "../chat/events.ts";
import type { Invite } from "../chat/invites.ts";
import type { UserPresence } from "../chat/presence.ts";
import type { ConversationOverview, StoredMessage } from "../chat/stored-chats.ts";
import type { Erasure, KnownUser } from "../chat/user-ports.ts";
import { isoTime } from "../clock.ts";
import type { NoticeTarget } from "../notify/provider.ts";

/** What the API answers, as `schemas.ts` describes it. */

/** Those of the messages that are for the caller: all for the back end, and of each how far it has come. */
export function messagesFor(
  caller: Actor,
  messages: readonly StoredMessage[],
  conversation: Conversation,
) {
  return messages
    .filter(({ seq }) => isFor(caller, conversation, seq))
    .map((message) => {
      const viewerId = caller === SYSTEM ? message.senderId : caller.userId;
      const joinedSeq = conversation.members.get(caller.userId)?.joinedSeq ?? 0;
      const status = statusFor(viewerId, message, conversation);
      return messageView(shownSince(joinedSeq, message), status);
    });
}

export function isFor(caller: Actor, conversation: Conversation, seq: number): boolean {
  return caller === SYSTEM || conversation.isFor(caller.userId, seq);
}

export function conversationView(overview: ConversationOverview, userId: string) {
  const { id, kind, title, picture, createdMs, activeMs, memberCount, memberIds } = overview;
  const { disappearAfterSeconds, unread, unreadMentions } = overview;
  const { lastSeq, role, deliveredSeq, readSeq, lastMessage } = overview;
  return {
    ...{ id, kind, title, picture, createdAt: isoTime(createdMs), activeAt: isoTime(activeMs) },
    ...{ disappearAfterSeconds, memberCount, memberIds, lastSeq, role, deliveredSeq, readSeq },
    ...{ unread, unreadMentions },
    ...preferencesView(overview),
    lastMessage:
      lastMessage &&
      messageView(shownSince(overview.joinedSeq, lastMessage), lastStatusFor(userId, overview)),
  };
}

/** As `statusFor` of messages at hand. */
function lastStatusFor(userId: string, overview: ConversationOverview): MessageStatus {
  const { lastMessage, lastSeq, readSeq, othersDeliveredSeq, othersReadSeq } = overview;
  if (lastMessage?.senderId !== userId) return readSeq >= lastSeq ? "READ" : "DELIVERED";
  if (othersReadSeq !== null && othersReadSeq >= lastSeq) return "READ";
  return othersDeliveredSeq !== null && othersDeliveredSeq >= lastSeq ? "DELIVERED" : "SENT";
}

export function membersView({ members }: Conversation) {
  return {
    members: [...members.values()].map(({ userId, role, deliveredSeq, readSeq }) => ({
      ...{ userId, role, deliveredSeq, readSeq },
    })),
  };
}

export function inviteView({ code, conversationId, creatorId, createdMs, expiresMs }: Invite) {
  return {
    ...{ code, conversationId, creatorId, createdAt: isoTime(createdMs) },
    expiresAt: expiresMs === null ? null : isoTime(expiresMs),
  };
}

export function previewView({ id, profile, members }: Conversation) {
  return { conversationId: id, ...profile, memberCount: members.size };
}

export function presenceView({ userId, name, status, lastSeenMs }: UserPresence) {
  return { userId, name, status, lastSeen: isoTime(lastSeenMs) };
}

export function userView({ userId }: Actor, user: KnownUser) {
  const { lastSeenMs } = user;
  const isTold = userId === SYSTEM.userId || userId === user.userId;
  const lastSeen = lastSeenMs === null ? null : isoTime(lastSeenMs);
  const profile = { userId: user.userId, name: shownName(user), picture: user.picture };
  return { ...profile, ...(isTold && { lastSeen }) };
}

export function erasureView(erasure: Erasure) {
  const { userId, requestedMs, keepsMessages, doneMs, erasedMessages } = erasure;
  return {
    ...{ userId, status: doneMs === null ? "PENDING" : "DONE", erasedMessages },
    messages: keepsMessages ? "keep" : "erase",
    requestedAt: isoTime(requestedMs),
    doneAt: doneMs === null ? null : isoTime(doneMs),
  };
}

/** Without the keys, which are for the server alone. */
export function noticeTargetView({ id, channel, address, createdMs }: NoticeTarget) {
  return { id, channel, address, createdAt: isoTime(createdMs) };
}
