import type { ChatApplication } from "../app/chat-application.ts";
import { DormantSubscriptions } from "../app/dormant-subscriptions.ts";
import { PresenceAudience } from "../app/presence-audience.ts";
import { StompOutlet } from "../app/stomp-outlet.ts";
import { UserChannels } from "../app/user-channels.ts";
import { UserEvents } from "../app/user-events.ts";
import { UserSessions } from "../app/user-sessions.ts";
import { tokenRevoked } from "../auth/revocations.ts";
import { Blocks } from "../chat/blocks.ts";
import { Chat } from "../chat/chat.ts";
import type { ChatStore } from "../chat/ports.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import { ascendingUuids, type NewId, newCode } from "../ids.ts";
import { TurnEnd } from "../turn-end.ts";
import type { AttachmentService } from "./attachments.ts";
import { chatSettings } from "./chat-options.ts";
import type { Foundation } from "./foundation.ts";
import type { Metrics } from "./metrics.ts";
import { type NotificationService, needsOutbox } from "./notifications.ts";
import type { TopicsAndQueues } from "./topics-and-queues.ts";

/** What is built upon chat, and what chat turns to once the server runs. */
export interface AboveChat {
  readonly application: ChatApplication;
  /** null: the server has no files of messages. */
  readonly files: AttachmentService | null;
  readonly notifications: NotificationService;
}

export interface ChatServiceOptions {
  readonly store: ChatStore;
  readonly messaging: TopicsAndQueues;
  readonly metrics: Metrics;
  /** Of events, and of messages on topics. */
  readonly newEventId: NewId;
  readonly above: AboveChat;
  readonly onStoreChange: (error: AppError | null) => void;
}

/** Chat, and what tells the users who are connected of it. */
export interface ChatService {
  readonly chat: Chat;
  readonly sessions: UserSessions;
  readonly dormant: DormantSubscriptions;
  readonly blocks: Blocks;
  readonly audience: PresenceAudience;
  readonly userEvents: UserEvents;
  /** To the nodes with the same chats; null: there are none. */
  readonly channels: UserChannels | null;
}

export function openChatService(
  foundation: Foundation,
  { store, messaging, metrics, newEventId, above, onStoreChange }: ChatServiceOptions,
): ChatService {
  const { settings, storage, clock, log, tracing } = foundation;
  const { lastMessageId, blocked, underWay } = foundation;
  const { broker, nodes, isChatShared } = messaging;
  const { limits } = settings;
  const departed = (userId: string, message: StoredMessage) =>
    above.application.departed(userId, message);
  const turnEnd = new TurnEnd();
  const sessions = new UserSessions(turnEnd, departed);
  const dormant = new DormantSubscriptions();
  const memberships = {
    joined: (userId: string, conversationId: string) =>
      above.application.joined(userId, conversationId),
    left: (userId: string, conversationId: string) =>
      above.application.left(userId, conversationId),
    returned: (userId: string) => above.application.returned(userId),
  };
  const outlet = new StompOutlet(broker, sessions, newEventId, memberships, (userId, body) => {
    audience.publish(userId, body);
    above.notifications.presenceChanged(userId, body);
  });
  const blocks = new Blocks(storage.blocks, limits.blocks, blocked);
  const channels =
    nodes === null || !isChatShared
      ? null
      : new UserChannels({ channels: nodes, clock, userIds: () => sessions.userIds() });
  const chat = new Chat({
    ...chatSettings(settings),
    nodes: channels,
    ...{ store, outlet, clock, newId: ascendingUuids(lastMessageId), blocks },
    commits: {
      commitIntervalMs: settings.delivery.commitIntervalMs,
      atTurnEnd: (task) => turnEnd.conclude(task),
      keepsOutbox: needsOutbox(foundation),
    },
    ...{ invites: storage.invites, attachments: storage.attachments },
    newCode,
    ...{ users: storage.users, erasures: storage.erasures, underWay, log },
    lockOut: (userId) => above.application.lockOut(userId),
    expel: (userId) => above.application.disconnect(userId, tokenRevoked()),
    endUploads: async (userId) => await above.files?.files.uploads.endOf(userId),
    onStoreChange,
    onCommit: (messages, seconds) => {
      metrics.committed(messages, seconds);
      tracing?.committed(messages, seconds);
      userEvents.committed();
      if (messages > 0) above.notifications.committed();
    },
    onTold: () => userEvents.committed(),
    onFault: (err) => {
      // Health says so as well; what was under way is tried again.
      if (err instanceof AppError && err.code === "STORAGE_UNAVAILABLE") {
        log.warn({ err }, "The store is not available");
      } else log.error({ err }, "Internal error");
    },
  });
  const userEvents = new UserEvents({
    ...{ broker, chat, sessions, departed, sendBufferBytes: limits.sendBufferBytes, log },
  });
  const audience = new PresenceAudience({
    ...{ broker, sessions, blocks, visibility: chat.visibility, newId: newEventId, clock },
    onFault: (err) => log.warn({ err }, "Presence could not be told"),
  });
  return { chat, sessions, dormant, blocks, audience, userEvents, channels };
}
