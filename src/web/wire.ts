/** The server's JSON bodies, checked before anything believes them. Each reader throws MalformedBody. */

export type DeliveryStatus = "SENT" | "DELIVERED" | "READ";
export type PresenceStatus = "ONLINE" | "AWAY" | "OFFLINE";
export type ConversationKind = "direct" | "group";

export interface WireMessage {
  readonly id: string;
  readonly clientMessageId: string | null;
  readonly conversationId: string;
  readonly seq: number;
  readonly senderId: string;
  readonly senderName: string;
  readonly recipientId: string | null;
  readonly content: string;
  readonly status: DeliveryStatus;
  readonly timestampMs: number;
  readonly isEdited: boolean;
  /** It has no content any more. */
  readonly isDeleted: boolean;
  readonly reactions: readonly Reaction[];
  /** null: somebody says something. */
  readonly event: ChatEvent | null;
}

/** The users who reacted with it, the first first. */
export interface Reaction {
  readonly emoji: string;
  readonly userIds: readonly string[];
}

/** What happened in a conversation; what `type` says nothing of is null. */
export interface ChatEvent {
  readonly type: string;
  readonly title: string | null;
  /** Who came or went. */
  readonly userId: string | null;
  readonly memberCount: number | null;
  /** What it happened to. */
  readonly messageId: string | null;
  /** What the message says now. */
  readonly content: string | null;
  /** null: a reaction is taken back. */
  readonly emoji: string | null;
  /** What became of those of a user who is no more: `erased`, or `kept`. */
  readonly messages: string | null;
}

export interface Confirmation {
  readonly messageId: string;
  readonly clientMessageId: string | null;
  readonly conversationId: string;
  readonly seq: number;
  readonly status: "SENT" | "DELIVERED";
  readonly timestampMs: number;
}

export interface ReadReceipt {
  readonly conversationId: string;
  readonly seq: number;
  readonly readerId: string;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly destination: string;
  readonly clientMessageId: string | null;
  /** Of a server that stops: when to come back. */
  readonly retryAfterMs: number | null;
}

export interface TypingEvent {
  readonly conversationId: string;
  readonly userId: string;
  readonly isTyping: boolean;
}

export interface UserPresence {
  readonly userId: string;
  /** null: the event names the user by id alone. */
  readonly name: string | null;
  readonly status: PresenceStatus;
  readonly lastSeenMs: number;
}

export interface ConversationSummary {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly title: string | null;
  /** Of a large group, some of them. */
  readonly memberIds: readonly string[];
  readonly memberCount: number;
  readonly readSeq: number;
  readonly lastMessage: WireMessage | null;
}

export class MalformedBody extends Error {
  override readonly name = "MalformedBody";
}

export function readMessage(value: unknown): WireMessage {
  const body = new Fields(value);
  return {
    id: body.text("id"),
    clientMessageId: body.optionalText("clientMessageId"),
    conversationId: body.text("conversationId"),
    seq: body.number("seq"),
    senderId: body.text("senderId"),
    senderName: body.text("senderName"),
    recipientId: body.optionalText("recipientId"),
    content: body.text("content"),
    status: body.oneOf("status", ["SENT", "DELIVERED", "READ"]),
    timestampMs: body.time("timestamp"),
    isEdited: body.field("editedAt") !== null,
    isDeleted: body.field("deletedAt") !== null,
    reactions: body.field("reactions") === null ? [] : body.list("reactions").map(readReaction),
    event: readEvent(body.text("type"), body.field("event")),
  };
}

function readReaction(value: unknown): Reaction {
  const body = new Fields(value);
  return { emoji: body.text("emoji"), userIds: body.list("userIds").map(readId) };
}

function readEvent(type: string, value: unknown): ChatEvent | null {
  if (value === null) return null;
  const body = new Fields(value);
  return {
    type,
    title: body.optionalText("title"),
    userId: body.optionalText("userId"),
    memberCount: body.optionalNumber("memberCount"),
    messageId: body.optionalText("messageId"),
    content: body.optionalText("content"),
    emoji: body.optionalText("emoji"),
    messages: body.optionalText("messages"),
  };
}

export function readConfirmation(value: unknown): Confirmation {
  const body = new Fields(value);
  return {
    messageId: body.text("messageId"),
    clientMessageId: body.optionalText("clientMessageId"),
    conversationId: body.text("conversationId"),
    seq: body.number("seq"),
    status: body.oneOf("status", ["SENT", "DELIVERED"]),
    timestampMs: body.time("timestamp"),
  };
}

export function readReceipt(value: unknown): ReadReceipt {
  const body = new Fields(value);
  return {
    conversationId: body.text("conversationId"),
    seq: body.number("seq"),
    readerId: body.text("readerId"),
  };
}

export function readProblem(value: unknown): Problem {
  const body = new Fields(value);
  return {
    code: body.text("code"),
    message: body.text("message"),
    destination: body.text("destination"),
    clientMessageId: body.optionalText("clientMessageId"),
    retryAfterMs: body.optionalNumber("retryAfterMs"),
  };
}

export function readTyping(value: unknown): TypingEvent {
  const body = new Fields(value);
  return {
    conversationId: body.text("conversationId"),
    userId: body.text("userId"),
    isTyping: body.flag("isTyping"),
  };
}

export function readPresence(value: unknown): UserPresence {
  const body = new Fields(value);
  return {
    userId: body.text("userId"),
    name: body.optionalText("name"),
    status: body.oneOf("status", ["ONLINE", "AWAY", "OFFLINE"]),
    lastSeenMs: body.time("lastSeen"),
  };
}

export function readConversation(value: unknown): ConversationSummary {
  const body = new Fields(value);
  const lastMessage = body.field("lastMessage");
  return {
    id: body.text("id"),
    kind: body.oneOf("kind", ["direct", "group"]),
    title: body.optionalText("title"),
    memberIds: body.list("memberIds").map(readId),
    memberCount: body.number("memberCount"),
    readSeq: body.number("readSeq"),
    lastMessage: lastMessage === null ? null : readMessage(lastMessage),
  };
}

/** The named list of a page, each element read by `read`. */
export function readList<Item>(
  value: unknown,
  name: string,
  read: (item: unknown) => Item,
): Item[] {
  return new Fields(value).list(name).map(read);
}

function readId(value: unknown): string {
  if (typeof value !== "string") throw new MalformedBody("An id is not a string");
  return value;
}

class Fields {
  readonly #object: object;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null) {
      throw new MalformedBody("The body is not an object");
    }
    this.#object = value;
  }

  /** null for what is not there. */
  field(name: string): unknown {
    const value: unknown = Reflect.get(this.#object, name);
    return value ?? null;
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.#wrong(name);
  }

  optionalText(name: string): string | null {
    const value = this.field(name);
    return value === null || typeof value === "string" ? value : this.#wrong(name);
  }

  number(name: string): number {
    return this.optionalNumber(name) ?? this.#wrong(name);
  }

  optionalNumber(name: string): number | null {
    const value = this.field(name);
    return value === null || typeof value === "number" ? value : this.#wrong(name);
  }

  flag(name: string): boolean {
    const value = this.field(name);
    return typeof value === "boolean" ? value : this.#wrong(name);
  }

  /** ISO 8601, as milliseconds since the epoch. */
  time(name: string): number {
    const epochMs = Date.parse(this.text(name));
    return Number.isNaN(epochMs) ? this.#wrong(name) : epochMs;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const text = this.text(name);
    return values.find((value) => value === text) ?? this.#wrong(name);
  }

  list(name: string): readonly unknown[] {
    const value = this.field(name);
    return Array.isArray(value) ? value : this.#wrong(name);
  }

  #wrong(name: string): never {
    throw new MalformedBody(`The body's ${name} is missing or of another form`);
  }
}
