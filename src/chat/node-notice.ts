import type { MovedMarks } from "./moved-marks.ts";
import type { SentMessage, StoredMessage } from "./stored-chats.ts";

/** A message as its node tells the others of it, after its commit. */
export interface MessageNotice {
  readonly conversationId: string;
  readonly seq: number;
  /** See `Conversation.membersDigest`, when it was committed. */
  readonly digest: number;
  /** The message, read when it is wanted; null for what is none. */
  message(): StoredMessage | null;
}

/** Of messages from one `seq` to the other, others were perhaps not told. */
export interface HeadNotice {
  readonly conversationId: string;
  readonly fromSeq: number;
  readonly seq: number;
}

/** Members have come so far, of which others were perhaps not told. */
export interface MarksNotice {
  readonly conversationId: string;
  /** Some of it certainly did not go out. */
  readonly isMissing: boolean;
  /** A mark that has not moved is 0 before and now. */
  readonly marks: readonly MovedMarks[];
  /** Of messages that the same node has taken; null: of none. */
  readonly head: HeadNotice | null;
}

/** What is to be known of a message when DELIVERED is told of it. */
export interface DeliveredMessage {
  readonly messageId: string;
  readonly conversationId: string;
  readonly seq: number;
  /** Of a direct conversation: who has received it. */
  readonly recipientId: string | null;
}

/** Somebody has read a conversation up to there. */
export interface ReadMark {
  readonly conversationId: string;
  readonly seq: number;
  readonly readerId: string;
}

/** Somebody has changed what a conversation is, or who belongs to it. */
export interface ConversationNotice {
  readonly conversationId: string;
  readonly joined: readonly string[];
  readonly left: readonly string[];
  /** It is told again, and the conversation is so now, see `Conversation.digest`; null: it is news. */
  readonly digest: number | null;
}

/**
 * What nodes tell each other of chats, as UTF-8: `2`, a letter for the kind, then of a message
 * `digest seq conversationId` and, on a line of its own, its JSON; of the others JSON: of a
 * confirmation or a receipt the body that the user's connections are sent.
 */
export type NodeNotice =
  | ({ readonly kind: "message" } & MessageNotice)
  | ({ readonly kind: "head" } & HeadNotice)
  | { readonly kind: "received"; readonly messages: readonly SentMessage[] }
  | ({ readonly kind: "conversation" } & ConversationNotice)
  | ({ readonly kind: "marks" } & MarksNotice)
  | {
      readonly kind: "confirmation";
      readonly body: string;
      /** null: it confirms something else. */
      readonly delivered: DeliveredMessage | null;
    }
  | { readonly kind: "receipt"; readonly body: string; readonly read: ReadMark };

const VERSION = "2";
const CONFIRMATION = `${VERSION}c`;
const RECEIPT = `${VERSION}r`;
const MESSAGE = `${VERSION}m`;
const HEAD = `${VERSION}h`;
const RECEIVED = `${VERSION}d`;
const MARKS = `${VERSION}w`;
const CONVERSATION = `${VERSION}x`;

export function encodeMessage(message: StoredMessage, digest: number): Uint8Array {
  const { seq, conversationId } = message;
  return Buffer.from(`${MESSAGE}${digest} ${seq} ${conversationId}\n${JSON.stringify(message)}`);
}

export function encodeHead(notice: HeadNotice): Uint8Array {
  return Buffer.from(HEAD + JSON.stringify(notice));
}

/** Members of a group have received these messages of one sender's. */
export function encodeReceived(messages: readonly SentMessage[]): Uint8Array {
  const told = messages.map(
    ({ id, conversationId, seq, senderId, recipientId, clientMessageId }): SentMessage => ({
      ...{ id, conversationId, seq, senderId, recipientId, clientMessageId },
    }),
  );
  return Buffer.from(RECEIVED + JSON.stringify({ messages: told }));
}

export function encodeMarks(notice: MarksNotice): Uint8Array {
  const { conversationId, isMissing, marks, head } = notice;
  const rows = marks.map(({ userId, before, now }): MarksRow => {
    return [userId, before.deliveredSeq, now.deliveredSeq, before.readSeq, now.readSeq];
  });
  return Buffer.from(MARKS + JSON.stringify({ conversationId, isMissing, marks: rows, head }));
}

export function encodeConversation(notice: ConversationNotice): Uint8Array {
  return Buffer.from(CONVERSATION + JSON.stringify(notice));
}

export function encodeBody(kind: "confirmation" | "receipt", body: string): Uint8Array {
  return Buffer.from((kind === "confirmation" ? CONFIRMATION : RECEIPT) + body);
}

/** null for what is of no node of this version. */
export function decodeNotice(bytes: Uint8Array): NodeNotice | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const rest = text.slice(2);
  switch (text.slice(0, 2)) {
    case MESSAGE:
      return messageNotice(rest);
    case HEAD:
      return parsed(headNotice, rest);
    case RECEIVED:
      return parsed(receivedNotice, rest);
    case CONVERSATION:
      return parsed(conversationNotice, rest);
    case MARKS:
      return parsed(marksNotice, rest);
    case CONFIRMATION:
      return parsed((confirmed) => confirmationNotice(confirmed, rest), rest);
    case RECEIPT:
      return parsed((receipt) => receiptNotice(receipt, rest), rest);
    default:
      return null;
  }
}

function messageNotice(text: string): NodeNotice | null {
  const end = text.indexOf("\n");
  const [digest, seq, conversationId] = text.slice(0, end).split(" ");
  if (end === -1 || !conversationId || !isCount(digest) || !isCount(seq)) return null;
  return {
    ...{ kind: "message", conversationId, seq: Number(seq), digest: Number(digest) },
    message() {
      const message = messageOf(text.slice(end + 1));
      const isSame = message?.conversationId === conversationId && message.seq === Number(seq);
      return isSame ? message : null;
    },
  };
}

function messageOf(json: string): StoredMessage | null {
  try {
    const message: Partial<StoredMessage> | null = JSON.parse(json);
    return isSent(message) && typeof message.content === "string" ? message : null;
  } catch {
    return null;
  }
}

function parsed(
  read: (notice: Record<string, unknown>) => NodeNotice | null,
  text: string,
): NodeNotice | null {
  try {
    return read(JSON.parse(text));
  } catch {
    return null;
  }
}

function headNotice(notice: Record<string, unknown>): NodeNotice | null {
  return isHead(notice) ? { kind: "head", ...notice } : null;
}

function isHead(head: unknown): head is HeadNotice {
  const { conversationId, fromSeq, seq }: Partial<Record<keyof HeadNotice, unknown>> = head ?? {};
  return typeof conversationId === "string" && isSeq(fromSeq) && isSeq(seq);
}

function receivedNotice({ messages }: Record<string, unknown>): NodeNotice | null {
  if (!Array.isArray(messages) || !messages.every(isSent)) return null;
  return { kind: "received", messages };
}

function marksNotice({
  conversationId,
  isMissing,
  marks,
  head,
}: Record<string, unknown>): NodeNotice | null {
  if (head !== null && !isHead(head)) return null;
  if (typeof conversationId !== "string" || typeof isMissing !== "boolean") return null;
  if (!Array.isArray(marks) || !marks.every(isMarksRow)) return null;
  const moved = marks.map(
    ([userId, deliveredBefore, delivered, readBefore, read]): MovedMarks => ({
      userId,
      before: { deliveredSeq: deliveredBefore, readSeq: readBefore },
      now: { deliveredSeq: delivered, readSeq: read },
    }),
  );
  return { kind: "marks", conversationId, isMissing, marks: moved, head };
}

type MarksRow = [userId: string, ...seqs: [number, number, number, number]];

function isMarksRow(row: unknown): row is MarksRow {
  if (!Array.isArray(row) || row.length !== 5) return false;
  const [userId, ...seqs] = row;
  return typeof userId === "string" && seqs.every((seq) => Number.isSafeInteger(seq) && seq >= 0);
}

function confirmationNotice(
  { status, messageId, conversationId, seq, recipientId = null }: Record<string, unknown>,
  body: string,
): NodeNotice | null {
  if (status !== "DELIVERED") return { kind: "confirmation", body, delivered: null };
  if (typeof messageId !== "string" || typeof conversationId !== "string") return null;
  if (!isSeq(seq) || (recipientId !== null && typeof recipientId !== "string")) return null;
  const delivered = { messageId, conversationId, seq, recipientId };
  return { kind: "confirmation", body, delivered };
}

function receiptNotice(
  { conversationId, seq, readerId }: Record<string, unknown>,
  body: string,
): NodeNotice | null {
  const isOne = typeof conversationId === "string" && typeof readerId === "string" && isSeq(seq);
  return isOne ? { kind: "receipt", body, read: { conversationId, seq, readerId } } : null;
}

function isSent<Message extends SentMessage>(message: Partial<Message> | null): message is Message {
  const texts = [message?.id, message?.conversationId, message?.senderId];
  return texts.every((text) => typeof text === "string") && isSeq(message?.seq);
}

function conversationNotice({
  conversationId,
  joined,
  left,
  digest = null,
}: Record<string, unknown>): NodeNotice | null {
  if (typeof conversationId !== "string" || !isIds(joined) || !isIds(left)) return null;
  if (digest !== null && typeof digest !== "number") return null;
  return { kind: "conversation", conversationId, joined, left, digest };
}

function isCount(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

function isSeq(seq: unknown): seq is number {
  return Number.isSafeInteger(seq) && Number(seq) > 0;
}

function isIds(ids: unknown): ids is string[] {
  return Array.isArray(ids) && ids.every((id) => typeof id === "string");
}
