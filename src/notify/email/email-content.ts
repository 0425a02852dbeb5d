import { isShown, newMessages, noticeText } from "../notice-text.ts";
import type { Notice } from "../provider.ts";

/** What an e-mail says, before it has a form. All texts are one line each, and not escaped. */
export interface EmailContent {
  readonly subject: string;
  /** Those that are told of by name, the oldest first. */
  readonly conversations: readonly ConversationContent[];
  /** How much there is in further ones; null: there are none. */
  readonly others: string | null;
}

export interface ConversationContent {
  /** Who writes, or what the group is called. */
  readonly title: string;
  /** How many messages are new. */
  readonly count: string;
  /** What the newest one says; in a group, with who says it. */
  readonly newest: string;
  /** When that was sent. */
  readonly time: string;
  readonly conversationId: string;
}

const LONGEST = { titleBytes: 120, bodyBytes: 480 };
/** Of conversations that are told of by name. */
const MOST_SHOWN = 20;

/** With the zone: who travels reads by another clock. */
const TIME_FORMAT = {
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
} as const;

/** @param showContent names and texts are told, where the user wishes so too */
export function emailContent(notices: readonly Notice[], showContent: boolean): EmailContent {
  const told = notices.filter((notice) => isShown(notice, { showContent })).slice(-MOST_SHOWN);
  const untold = notices.filter((notice) => !told.includes(notice));
  const only = notices.length === 1 ? told[0] : undefined;
  return {
    subject: only === undefined ? summary(notices) : subjectOf(only),
    conversations: told.map(conversationContent),
    others: untold.length === 0 ? null : summary(untold, told.length > 0 ? "other " : ""),
  };
}

function subjectOf(notice: Notice): string {
  const { title, count } = conversationContent(notice);
  return `${count} ${notice.kind === "direct" ? "from" : "in"} ${title}`;
}

function conversationContent(notice: Notice): ConversationContent {
  const { count, newest, conversationId, timeZone } = notice;
  const times = new Intl.DateTimeFormat("en-GB", { ...TIME_FORMAT, timeZone: timeZone ?? "UTC" });
  // The count has a place of its own.
  const { title, body } = noticeText({ ...notice, count: 1 }, { ...LONGEST, showContent: true });
  return {
    ...{ title, newest: body, conversationId, count: newMessages(count) },
    time: times.format(newest.timestampMs),
  };
}

/** @param which empty, or `other ` beside those that are told of by name */
function summary(notices: readonly Notice[], which = ""): string {
  const count = newMessages(notices.reduce((sum, notice) => sum + notice.count, 0));
  if (notices.length > 1) return `${count} in ${notices.length} ${which}conversations`;
  return which === "" ? count : `${count} in one ${which}conversation`;
}
