import { type Conversation, type Draft, newConversation, unreadCount } from "./conversation.ts";
import {
  changeMessage,
  withConfirmation,
  withDraft,
  withLive,
  withoutMe,
  withoutMessage,
  withPage,
  withReceipt,
  withSummary,
} from "./conversation-changes.ts";
import { peerInDirectId } from "./identity.ts";
import { withoutExpired } from "./message-events.ts";
import type { NotificationState } from "./notifications.ts";
import {
  type People,
  type PresenceList,
  withPresence,
  withPresenceList,
  withProfiles,
  withSenders,
} from "./people.ts";
import { plainText } from "./plain-text.ts";
import type { Upload } from "./uploads.ts";
import type {
  Confirmation,
  ConversationSummary,
  PreferencesChange,
  ReadReceipt,
  TypingEvent,
  UserPresence,
  UserProfile,
  WireMessage,
} from "./wire.ts";

/** connecting: for the first time. offline: the connection was lost, or could not be made. */
export type Link = "connecting" | "online" | "offline";

export interface Notice {
  readonly id: number;
  readonly text: string;
}

/** A message that the user wants to see where it was said. */
export interface Jump {
  /** Another one for each wish. */
  readonly id: number;
  readonly conversationId: string;
  readonly messageId: string;
}

export interface State {
  readonly userId: string;
  readonly link: Link;
  readonly conversations: Readonly<Record<string, Conversation>>;
  readonly people: People;
  readonly openId: string | null;
  /** The last one in the open conversation. */
  readonly jump: Jump | null;
  /** The server's lists go on. */
  readonly hasMore: { readonly active: boolean; readonly archived: boolean };
  /** Files for the message that is being written, by conversation. */
  readonly uploads: Readonly<Record<string, readonly Upload[]>>;
  readonly notices: readonly Notice[];
  /** null: the server tells nobody while they are away, or it is not known yet. */
  readonly notifications: NotificationState | null;
}

export type Event =
  | { readonly kind: "link-changed"; readonly link: Link }
  | {
      readonly kind: "conversations-listed";
      readonly conversations: readonly ConversationSummary[];
    }
  | { readonly kind: "list-read"; readonly isArchived: boolean; readonly hasMore: boolean }
  | { readonly kind: "preferences-changed"; readonly change: PreferencesChange }
  | { readonly kind: "conversation-left"; readonly conversationId: string }
  | {
      readonly kind: "pins-arrived";
      readonly conversationId: string;
      readonly pins: readonly WireMessage[];
    }
  | { readonly kind: "jumped"; readonly jump: Jump }
  | { readonly kind: "conversation-opened"; readonly conversationId: string }
  | { readonly kind: "conversation-closed" }
  | { readonly kind: "older-requested"; readonly conversationId: string }
  | { readonly kind: "older-failed"; readonly conversationId: string }
  | {
      readonly kind: "page-arrived";
      readonly conversationId: string;
      readonly messages: readonly WireMessage[];
      /** after: what follows `afterSeq`. */
      readonly page: "newest" | "older" | { readonly afterSeq: number };
    }
  | { readonly kind: "message-arrived"; readonly message: WireMessage }
  | { readonly kind: "message-composed"; readonly draft: Draft }
  | { readonly kind: "message-confirmed"; readonly confirmation: Confirmation }
  | { readonly kind: "message-failed"; readonly draft: Draft; readonly failure: string }
  | { readonly kind: "message-retried"; readonly draft: Draft }
  | { readonly kind: "message-discarded"; readonly draft: Draft }
  | { readonly kind: "messages-read"; readonly receipt: ReadReceipt }
  | { readonly kind: "read-reported"; readonly conversationId: string; readonly seq: number }
  | { readonly kind: "typing-changed"; readonly typing: TypingEvent }
  | ({ readonly kind: "presence-listed" } & PresenceList)
  | { readonly kind: "presence-changed"; readonly user: UserPresence; readonly atMs: number }
  | {
      readonly kind: "profiles-told";
      readonly profiles: readonly UserProfile[];
      readonly atMs: number;
    }
  | {
      readonly kind: "uploads-changed";
      readonly conversationId: string;
      readonly uploads: readonly Upload[];
    }
  /** Messages disappear. */
  | { readonly kind: "time-passed"; readonly nowMs: number }
  | { readonly kind: "notifications-told"; readonly notifications: NotificationState | null }
  | { readonly kind: "notice-shown"; readonly notice: Notice }
  | { readonly kind: "notice-dismissed"; readonly id: number };

export function initialState(userId: string): State {
  return {
    ...{ userId, link: "connecting", conversations: {}, people: {}, openId: null, jump: null },
    ...{ hasMore: { active: false, archived: false }, uploads: {}, notices: [] },
    notifications: null,
  };
}

/** Pure: what happened in, what is now true out. */
export function reduce(state: State, event: Event): State {
  switch (event.kind) {
    case "link-changed":
      return withLink(state, event.link);
    case "conversations-listed":
      return event.conversations.reduce(withListed, state);
    case "list-read": {
      const which = event.isArchived ? "archived" : "active";
      return { ...state, hasMore: { ...state.hasMore, [which]: event.hasMore } };
    }
    case "preferences-changed":
      return change(state, event.change.conversationId, (found) => ({
        ...found,
        ...event.change.change,
      }));
    case "conversation-left":
      return change(state, event.conversationId, (found) => withoutMe(found, state.userId));
    case "pins-arrived":
      return change(state, event.conversationId, (found) => ({ ...found, pins: event.pins }));
    case "jumped":
      return { ...state, jump: event.jump };
    case "conversation-opened":
      return withOpened(state, event.conversationId);
    case "conversation-closed":
      return { ...state, openId: null };
    case "older-requested":
      return change(state, event.conversationId, (found) => ({ ...found, isLoadingOlder: true }));
    case "older-failed":
      return change(state, event.conversationId, (found) => ({ ...found, isLoadingOlder: false }));
    case "page-arrived":
      return withPageOf(state, event);
    case "message-arrived":
      return withMessage(state, event.message);
    case "message-composed":
      return withComposed(state, event.draft);
    case "message-confirmed":
      return change(state, event.confirmation.conversationId, (found) =>
        withConfirmation(found, event.confirmation, state.userId),
      );
    case "message-failed":
      return changeDraft(state, event.draft, { status: "FAILED", failure: event.failure });
    case "message-retried":
      return changeDraft(state, event.draft, { status: "SENDING", failure: null });
    case "message-discarded":
      return change(state, event.draft.conversationId, (found) =>
        withoutMessage(found, event.draft.clientMessageId, state.userId),
      );
    case "messages-read":
      return change(state, event.receipt.conversationId, (found) =>
        withReceipt(found, event.receipt, state.userId),
      );
    case "read-reported":
      return change(state, event.conversationId, (found) => ({
        ...found,
        readSeq: Math.max(found.readSeq, event.seq),
      }));
    case "typing-changed":
      return withTyping(state, event.typing);
    case "presence-listed":
      return { ...state, people: withPresenceList(state.people, event) };
    case "presence-changed":
      return { ...state, people: withPresence(state.people, event.user, event.atMs) };
    case "profiles-told":
      return { ...state, people: withProfiles(state.people, event.profiles, event.atMs) };
    case "uploads-changed":
      return { ...state, uploads: { ...state.uploads, [event.conversationId]: event.uploads } };
    case "time-passed":
      return withTime(state, event.nowMs);
    case "notifications-told":
      return { ...state, notifications: event.notifications };
    case "notice-shown":
      if (state.notices.some((notice) => notice.text === event.notice.text)) return state;
      return { ...state, notices: [...state.notices, event.notice] };
    case "notice-dismissed":
      return { ...state, notices: state.notices.filter((notice) => notice.id !== event.id) };
  }
}

export function nameOf(state: State, userId: string): string {
  return state.people[userId]?.name ?? plainText(userId);
}

type Change = (conversation: Conversation) => Conversation;

function change(state: State, id: string, changed: Change): State {
  const found = state.conversations[id];
  return found === undefined ? state : put(state, changed(found));
}

function put(state: State, conversation: Conversation): State {
  return {
    ...state,
    conversations: { ...state.conversations, [conversation.id]: conversation },
  };
}

function changeDraft(state: State, draft: Draft, changed: Parameters<typeof changeMessage>[3]) {
  return change(state, draft.conversationId, (found) =>
    changeMessage(found, draft.clientMessageId, state.userId, changed),
  );
}

/** Nobody tells who stops typing while the connection is down. */
function withLink(state: State, link: Link): State {
  if (link === "online") return { ...state, link };
  const silent = Object.values(state.conversations).map(
    (conversation) => [conversation.id, { ...conversation, typing: [] }] as const,
  );
  return { ...state, link, conversations: Object.fromEntries(silent) };
}

function withTime(state: State, nowMs: number): State {
  return Object.values(state.conversations).reduce((next, conversation) => {
    const left = withoutExpired(conversation, nowMs);
    return left === conversation ? next : put(next, left);
  }, state);
}

function withListed(state: State, summary: ConversationSummary): State {
  const { id, kind, memberIds, lastMessage } = summary;
  const known = state.conversations[id] ?? newConversation(id, kind, memberIds);
  const current = withSummary(known, summary, state.userId);
  const page = lastMessage === null ? [] : [lastMessage];
  return withNames(put(state, withPage(current, page, null, state.userId)), page);
}

/** A direct conversation may be opened before its first message makes it. */
function withOpened(state: State, id: string): State {
  const peer = peerInDirectId(id, state.userId);
  const known = state.conversations[id];
  if (known === undefined && peer === null) return state;
  const found = known ?? newConversation(id, "direct", [state.userId, peer ?? ""]);
  const isUnread = unreadCount(found, state.userId) > 0;
  const newFromSeq = isUnread ? found.readSeq + 1 : null;
  return { ...put(state, { ...found, newFromSeq }), openId: id, jump: null };
}

function withPageOf(state: State, event: Event & { readonly kind: "page-arrived" }): State {
  const { conversationId, messages, page } = event;
  const known = state.conversations[conversationId];
  if (known === undefined) return state;
  const afterSeq = typeof page === "object" ? page.afterSeq : null;
  const isLoadingOlder = page === "older" ? false : known.isLoadingOlder;
  const isLoaded = known.isLoaded || page === "newest";
  const isWhole = known.isWhole || (page === "older" && messages.length === 0);
  const merged = withPage({ ...known, isLoaded, isWhole }, messages, afterSeq, state.userId);
  return withNames(put(state, { ...merged, isLoadingOlder }), messages);
}

function withMessage(state: State, message: WireMessage): State {
  const { conversationId, senderId, recipientId } = message;
  const memberIds = recipientId === null ? [senderId] : [senderId, recipientId];
  const found =
    state.conversations[conversationId] ??
    newConversation(conversationId, recipientId === null ? "group" : "direct", memberIds);
  return withNames(put(state, withLive(found, message, state.userId)), [message]);
}

function withComposed(state: State, draft: Draft): State {
  const { conversationId, recipientId } = draft;
  const memberIds = recipientId === null ? [state.userId] : [state.userId, recipientId];
  const found =
    state.conversations[conversationId] ??
    newConversation(conversationId, recipientId === null ? "group" : "direct", memberIds);
  return put(state, withDraft(found, draft, state.userId, nameOf(state, state.userId)));
}

function withTyping(state: State, { conversationId, userId, isTyping }: TypingEvent): State {
  if (userId === state.userId) return state;
  return change(state, conversationId, (found) => {
    const others = found.typing.filter((typist) => typist !== userId);
    return { ...found, typing: isTyping ? [...others, userId] : others };
  });
}

function withNames(state: State, messages: readonly WireMessage[]): State {
  return { ...state, people: withSenders(state.people, messages) };
}
