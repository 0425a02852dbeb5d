import { MOST_COUNTED, type Notice } from "../provider.ts";
import { oneLine } from "./one-line.ts";

/** What an e-mail says, before it has a form. All texts are one line each, and not escaped. */
export interface EmailContent {
  readonly subject: string;
  /** Those that are told of by name, the oldest first. */
  readonly conversations: readonly ConversationContent[];
  /** Of further ones: how much there is in them; null: there are none. */
  readonly others: string | null;
}

export interface ConversationContent {
  readonly title: string;
  readonly count: string;
  /** Who wrote the newest message; null: the title says so. */
  readonly sender: string | null;
  /** How the newest message begins. */
  readonly excerpt: string;
  /** When that was sent. */
  readonly time: string;
  readonly conversationId: string;
}

const LONGEST_NAME = 64;
const LONGEST_EXCERPT = 280;
/** Of conversations that are told of by name. */
const MOST_SHOWN = 20;

const times = new Intl.DateTimeFormat("en-GB", {
  ...({ dateStyle: "long", timeStyle: "short", timeZone: "UTC" } as const),
});

/** @param showContent names and texts are told, where the user wishes so too */
export function emailContent(notices: readonly Notice[], showContent: boolean): EmailContent {
  const shown = notices.filter(({ isPrivate }) => showContent && !isPrivate).slice(-MOST_SHOWN);
  const hidden = notices.filter((notice) => !shown.includes(notice));
  const [only] = notices.length === 1 ? shown : [];
  return {
    subject: only === undefined ? summary(notices) : subjectOf(only),
    conversations: shown.map(conversationContent),
    others: hidden.length === 0 ? null : summary(hidden, shown.length > 0 ? "other " : ""),
  };
}

function conversationContent(notice: Notice): ConversationContent {
  const { newest, conversationId } = notice;
  const isDirect = notice.kind === "direct";
  return {
    title: isDirect ? senderOf(notice) : titleOf(notice),
    count: counted(notice.count),
    sender: isDirect ? null : senderOf(notice),
    excerpt: oneLine(newest.content, LONGEST_EXCERPT) || "(no text)",
    time: `${times.format(newest.timestampMs)} UTC`,
    conversationId,
  };
}

function subjectOf(notice: Notice): string {
  const sender = senderOf(notice);
  if (notice.kind === "direct") return `${newMessages(notice.count)} from ${sender}`;
  const title = titleOf(notice);
  if (notice.newest.mentionsUser) return `${sender} mentioned you in ${title}`;
  const from = notice.count === 1 ? ` from ${sender}` : "";
  return `${newMessages(notice.count)}${from} in ${title}`;
}

/** @param which empty, or `other ` beside those that are told of by name */
function summary(notices: readonly Notice[], which = ""): string {
  const isCapped = notices.some(({ count }) => count >= MOST_COUNTED);
  const total = notices.reduce((sum, { count }) => sum + count, 0);
  const told = newMessages(total, isCapped);
  if (notices.length > 1) return `${told} in ${notices.length} ${which}conversations`;
  return which === "" ? told : `${told} in one ${which}conversation`;
}

function newMessages(count: number, isCapped?: boolean): string {
  return count === 1 ? "New message" : counted(count, isCapped);
}

function counted(count: number, isCapped = count >= MOST_COUNTED): string {
  return `${count}${isCapped ? "+" : ""} new ${count === 1 ? "message" : "messages"}`;
}

function senderOf({ newest }: Notice): string {
  return oneLine(newest.senderName, LONGEST_NAME) || "somebody";
}

function titleOf({ title }: Notice): string {
  return oneLine(title ?? "", LONGEST_NAME) || "a group";
}
