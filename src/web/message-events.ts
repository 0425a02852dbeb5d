import type { Conversation, Message } from "./conversation.ts";
import type { Reaction, WireMessage } from "./wire.ts";

/** What a message says when it is deleted. */
const NOTHING_LEFT = {
  ...{ content: "", attachments: [], reactions: [], mentions: [] },
  ...{ isDeleted: true, isPinned: false },
} as const;

/** What an event tells of a message happens to it. */
export function withMessageEvent(
  conversation: Conversation,
  { event, senderId }: Message,
): Conversation {
  if (event === null) return conversation;
  const { type, messageId, content, mentions, emoji } = event;
  const change = (changed: (message: Message) => Partial<Message>): Conversation => ({
    ...conversation,
    messages: conversation.messages.map((message) =>
      message.id !== messageId || message.isDeleted ? message : { ...message, ...changed(message) },
    ),
  });
  switch (type) {
    case "MESSAGE_EDITED":
      return content === null
        ? conversation
        : change(() => ({ content, mentions, isEdited: true }));
    case "MESSAGE_DELETED":
      return change(() => NOTHING_LEFT);
    case "MESSAGE_PINNED":
      return change(() => ({ isPinned: true }));
    case "MESSAGE_UNPINNED":
      return change(() => ({ isPinned: false }));
    case "MESSAGE_REACTION":
      return change(({ reactions }) => ({ reactions: withReaction(reactions, senderId, emoji) }));
    case "USER_ERASED":
      return withoutUser(conversation, event.userId, event.messages === "erased");
    default:
      return conversation;
  }
}

/** Of a user who is no more nothing is left of how they reacted, and mostly of what they said. */
function withoutUser(
  conversation: Conversation,
  userId: string | null,
  isErased: boolean,
): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) => {
      if (message.event !== null || userId === null) return message;
      if (isErased && message.senderId === userId) {
        return { ...message, ...NOTHING_LEFT };
      }
      return { ...message, reactions: withReaction(message.reactions, userId, null) };
    }),
  };
}

/** Of each user the last one counts; null takes it back. */
function withReaction(
  reactions: readonly Reaction[],
  userId: string,
  emoji: string | null,
): Reaction[] {
  const others = reactions
    .map((reaction) => ({
      ...reaction,
      userIds: reaction.userIds.filter((reactor) => reactor !== userId),
    }))
    .filter(({ userIds }) => userIds.length > 0);
  if (emoji === null) return others;
  const alike = others.find((reaction) => reaction.emoji === emoji);
  if (alike === undefined) return [...others, { emoji, userIds: [userId] }];
  return others.map((reaction) =>
    reaction === alike ? { emoji, userIds: [...alike.userIds, userId] } : reaction,
  );
}

/** Messages whose time is over are gone; nothing else tells of it. */
export function withoutExpired(conversation: Conversation, nowMs: number): Conversation {
  const isOver = ({ expiresMs }: Pick<Message, "expiresMs">) =>
    expiresMs !== null && expiresMs <= nowMs;
  const { messages, pins } = conversation;
  if (![...pins, ...messages].some((message) => isOver(message) && !message.isGone)) {
    return conversation;
  }
  return {
    ...conversation,
    messages: messages.map((message) =>
      isOver(message) ? { ...message, ...NOTHING_LEFT, isGone: true } : message,
    ),
    pins: pins.filter((pin) => !isOver(pin)),
  };
}

type Mortal = Pick<Message, "expiresMs" | "isGone">;

const nextExpiries = new WeakMap<readonly Mortal[], number | null>();

/** When the next of the messages disappears; null: none will. */
export function nextExpiryMs(conversations: readonly Conversation[]): number | null {
  return earliest(
    conversations.flatMap(({ messages, pins }) => [expiryIn(messages), expiryIn(pins)]),
  );
}

/** Looked for once in each list. */
function expiryIn(messages: readonly Mortal[]): number | null {
  const known = nextExpiries.get(messages);
  if (known !== undefined) return known;
  const next = earliest(messages.map(({ expiresMs, isGone }) => (isGone ? null : expiresMs)));
  nextExpiries.set(messages, next);
  return next;
}

function earliest(times: readonly (number | null)[]): number | null {
  return times.reduce(
    (first, each) => (first === null || (each !== null && each < first) ? each : first),
    null,
  );
}

const PIN_EVENTS = new Set(["MESSAGE_PINNED", "MESSAGE_UNPINNED"]);
const CONTENT_EVENTS = new Set(["MESSAGE_EDITED", "MESSAGE_DELETED"]);

/** The list of the pinned messages changes, or what it shows. */
export function changesPins(pins: readonly WireMessage[], { event }: WireMessage): boolean {
  if (event === null) return false;
  if (PIN_EVENTS.has(event.type)) return true;
  return CONTENT_EVENTS.has(event.type) && pins.some(({ id }) => id === event.messageId);
}
