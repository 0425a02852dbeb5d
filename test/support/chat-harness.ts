import { SYSTEM } from "../../src/chat/actor.ts";
import { Blocks } from "../../src/chat/blocks.ts";
import { Chat, type ChatOptions } from "../../src/chat/chat.ts";
import type { NewMessage } from "../../src/chat/new-message.ts";
import type { Origin, Outlet } from "../../src/chat/outlet.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { AppError } from "../../src/errors.ts";
import { newCode } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { MemoryAttachmentStore } from "../../src/storage/memory-attachment-store.ts";
import { MemoryBlockStore } from "../../src/storage/memory-block-store.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { MemoryErasureStore } from "../../src/storage/memory-erasure-store.ts";
import { MemoryInviteStore } from "../../src/storage/memory-invite-store.ts";
import { MemoryUserStore } from "../../src/storage/memory-users.ts";
import { FakeClock } from "./fake-clock.ts";

/** What chat told, in the order of the telling. */
export interface Told {
  readonly kind:
    | "message"
    | "confirmation"
    | "receipt"
    | "typing"
    | "profile"
    | "presence"
    | "watch"
    | "joined"
    | "left"
    | "returned";
  readonly to: string;
  readonly body: Record<string, unknown>;
  readonly except?: Origin | null;
}

export class RecordingOutlet implements Outlet {
  readonly told: Told[] = [];
  readonly watched: { userId: string; message: StoredMessage }[] = [];

  message(userId: string, _message: StoredMessage, body: string, except: Origin | null): void {
    this.told.push({ kind: "message", to: userId, body: JSON.parse(body), except });
  }
  sent(userId: string, body: string): void {
    this.confirmation(userId, body);
  }
  confirmation(userId: string, body: string): void {
    this.told.push({ kind: "confirmation", to: userId, body: JSON.parse(body) });
  }
  receipt(userId: string, body: string, except: Origin | null): void {
    this.told.push({ kind: "receipt", to: userId, body: JSON.parse(body), except });
  }
  typing(conversationId: string, body: string): void {
    this.told.push({ kind: "typing", to: conversationId, body: JSON.parse(body) });
  }
  profile(userIds: Iterable<string>, body: string): void {
    for (const to of userIds) this.told.push({ kind: "profile", to, body: JSON.parse(body) });
  }
  presence(_userId: string, body: string): void {
    this.told.push({ kind: "presence", to: "*", body: JSON.parse(body) });
  }
  watchDeparture(userId: string, message: StoredMessage): void {
    this.watched.push({ userId, message });
  }
  left(userId: string, conversationId: string): void {
    this.told.push({ kind: "left", to: userId, body: { conversationId } });
  }
  returned(userId: string, conversationId: string): void {
    this.told.push({ kind: "returned", to: userId, body: { conversationId } });
  }
  joined(userId: string, conversationId: string): void {
    this.told.push({ kind: "joined", to: userId, body: { conversationId } });
  }

  of(kind: Told["kind"]): Told[] {
    return this.told.filter((told) => told.kind === kind);
  }

  /** Bodies of one kind to one user, and forgets nothing. */
  bodies(kind: Told["kind"], to: string): Record<string, unknown>[] {
    return this.of(kind)
      .filter((told) => told.to === to)
      .map((told) => told.body);
  }
}

export interface Harness {
  readonly chat: Chat;
  readonly outlet: RecordingOutlet;
  readonly clock: FakeClock;
  readonly faults: unknown[];
  /** The code of the error from which on commits failed, or "works". */
  readonly storeChanges: string[];
  /** Sends and returns what `settled` was told: empty until it is. */
  send(from: string, message: Partial<NewMessage>, origin?: Origin): (AppError | null)[];
}

export function chatHarness(store: ChatStore, options: Partial<ChatOptions> = {}): Harness {
  const outlet = new RecordingOutlet();
  const clock = new FakeClock();
  const faults: unknown[] = [];
  const storeChanges: string[] = [];
  // Users are kept beside the chats, where these are in memory.
  const memory = store instanceof MemoryChatStore ? store : new MemoryChatStore();
  const invites = new MemoryInviteStore();
  const chat = new Chat({
    store,
    outlet,
    nodes: null,
    clock,
    newId: () => Bun.randomUUIDv7(),
    commits: { commitIntervalMs: 0, atTurnEnd: (task) => task(), keepsOutbox: false },
    delivery: "fast",
    echo: "others",
    openDirect: true,
    tellsEvents: false,
    editWithinMs: 0,
    deleteWithinMs: 0,
    openProfiles: true,
    contentBytes: 128 * 1_024,
    invites,
    users: new MemoryUserStore(memory),
    erasures: new MemoryErasureStore(memory, invites),
    underWay: [],
    lockOut: async () => {},
    expel: () => {},
    endUploads: async () => {},
    log: silentLog,
    attachments: new MemoryAttachmentStore(),
    newCode,
    recentMessages: 1_000,
    cachedMembers: 250_000,
    uncommittedMessages: 1_000,
    uncommittedBytes: 1_000_000,
    typingExpiryMs: 6_000,
    graceMs: 5_000,
    messagesPerSecond: 0,
    messagesBurst: 100,
    conversationMembers: 1_024,
    typingPerSecond: 0,
    typingBurst: 1,
    presenceVisibleTo: "everyone",
    blocks: new Blocks(new MemoryBlockStore(), 1_000, []),
    onStoreChange: (error) => storeChanges.push(error?.code ?? "works"),
    onCommit: () => {},
    onTold: () => {},
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  return {
    ...{ chat, outlet, clock, faults, storeChanges },
    send(from, message, origin) {
      const outcomes: (AppError | null)[] = [];
      const complete = { ...textMessage, ...message };
      const taken = chat.messages.send(
        { userId: from, name: from },
        complete,
        origin ?? null,
        (error) => outcomes.push(error),
      );
      if (taken instanceof Promise) taken.catch((error: AppError) => outcomes.push(error));
      return outcomes;
    },
  };
}

/** A group of nobody's, made by the app's back end. */
export function createGroup(chat: Chat, id: string | null, memberIds: readonly string[]) {
  const profile = { title: null, picture: null, disappearAfterSeconds: null, ownerId: null };
  return chat.membership.create(SYSTEM, { id, memberIds, ...profile });
}

const textMessage: NewMessage = {
  conversationId: "c1",
  recipientId: null,
  clientMessageId: null,
  type: "TEXT",
  content: "hello",
  replyTo: null,
  mentions: null,
  disappearAfterSeconds: null,
  attachments: null,
};
