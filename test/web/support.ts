import type { Draft } from "../../src/web/conversation.ts";
import { type Event, initialState, reduce, type State } from "../../src/web/state.ts";
import type { Schedule } from "../../src/web/timers.ts";
import type { ChatEvent, ConversationSummary, WireMessage } from "../../src/web/wire.ts";
import type { Attachment } from "../../src/web/wire-files.ts";
import type { FakeClock } from "../support/fake-clock.ts";

export const DM = "dm:alice:bob";

/** What alice sees after the events. */
export function stateAfter(...events: readonly Event[]): State {
  return events.reduce(reduce, initialState("alice"));
}

export function wireMessage(seq: number, changes: Partial<WireMessage> = {}): WireMessage {
  const senderId = changes.senderId ?? "bob";
  return {
    id: `id-${seq}`,
    clientMessageId: `client-${seq}`,
    conversationId: DM,
    seq,
    senderId,
    senderName: senderId,
    recipientId: senderId === "alice" ? "bob" : "alice",
    content: `message ${seq}`,
    status: "SENT",
    timestampMs: Date.UTC(2026, 0, 1, 12) + seq * 1000,
    ...{ replyTo: null, isEdited: false, isDeleted: false, isPinned: false },
    ...{
      reactions: [],
      mentions: [],
      attachments: [],
      expiresMs: null,
      isGone: false,
      event: null,
    },
    ...changes,
  };
}

export function attachment(changes: Partial<Attachment> = {}): Attachment {
  return {
    ...{ id: "file", name: "notes.txt", type: "text/plain", size: 7 },
    ...{ width: null, height: null, hasThumbnail: false },
    ...changes,
  };
}

/** What there is to say of what happened. */
export function happening(event: Partial<ChatEvent> & { readonly type: string }): ChatEvent {
  return {
    ...{ title: null, picture: null, userId: null, role: null, memberCount: null },
    ...{ messageId: null, content: null, emoji: null, messages: null, mentions: [] },
    disappearAfterSeconds: null,
    ...event,
  };
}

export function arrived(seq: number, changes: Partial<WireMessage> = {}): Event {
  return { kind: "message-arrived", message: wireMessage(seq, changes) };
}

export function page(
  messages: readonly WireMessage[],
  which: "newest" | "older" | { readonly afterSeq: number } = "newest",
): Event {
  return { kind: "page-arrived", conversationId: DM, messages, page: which };
}

export function draft(text: string, changes: Partial<Draft> = {}): Draft {
  return {
    ...{ clientMessageId: text, conversationId: DM, recipientId: "bob", content: text },
    ...{ replyTo: null, mentions: [], attachments: [] },
    composedAtMs: Date.UTC(2026, 0, 1, 13),
    ...changes,
  };
}

export function composed(text: string): Event {
  return { kind: "message-composed", draft: draft(text) };
}

export function confirmed(
  clientMessageId: string,
  seq: number,
  status: "SENT" | "DELIVERED" = "SENT",
): Event {
  const timestampMs = Date.UTC(2026, 0, 1, 13);
  const messageId = `id-${clientMessageId}`;
  const confirmation = { messageId, clientMessageId, conversationId: DM, seq, status, timestampMs };
  return { kind: "message-confirmed", confirmation };
}

export function summary(changes: Partial<ConversationSummary> = {}): ConversationSummary {
  return {
    ...{ id: DM, kind: "direct", title: null, memberIds: ["alice", "bob"], memberCount: 2 },
    ...{ picture: null, role: "member", activeMs: 0, readSeq: 0, unread: 0, lastMessage: null },
    ...{ mutedUntilMs: null, isArchived: false, pinnedMs: null },
    ...{ unreadMentions: 0, disappearAfterSeconds: null },
    ...changes,
  };
}

export function listed(changes: Partial<ConversationSummary> = {}): Event {
  return { kind: "conversations-listed", conversations: [summary(changes)] };
}

export const opened: Event = { kind: "conversation-opened", conversationId: DM };

export function contents(state: State): string[] {
  return state.conversations[DM]?.messages.map(({ content }) => content) ?? [];
}

export function statuses(state: State): string[] {
  return state.conversations[DM]?.messages.map(({ status }) => status) ?? [];
}

export function scheduleOn(clock: FakeClock): Schedule {
  return (delayMs, task) => {
    const timer = clock.schedule(delayMs, task);
    return () => timer.cancel();
  };
}

/** A browser's storage: its keys are its properties. */
export class MemoryStorage implements Storage {
  [name: string]: unknown;

  get length(): number {
    return Object.keys(this).length;
  }

  key(index: number): string | null {
    return Object.keys(this)[index] ?? null;
  }

  getItem(key: string): string | null {
    const value = Object.hasOwn(this, key) ? this[key] : null;
    return typeof value === "string" ? value : null;
  }

  setItem(key: string, value: string): void {
    this[key] = value;
  }

  removeItem(key: string): void {
    delete this[key];
  }

  clear(): void {
    for (const key of Object.keys(this)) delete this[key];
  }
}

/** The promises under way have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
