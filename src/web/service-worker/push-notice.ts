import { plainText } from "../plain-text.ts";

/** What the system shows for one push message. */
export interface PushNotice {
  /** Says the same as every other with this key; null: it says nothing of itself. */
  readonly key: string | null;
  /** null: it leads to no conversation. */
  readonly conversationId: string | null;
  readonly title: string;
  readonly body: string;
  /** Of the newest message; null: of now. */
  readonly timestampMs: number | null;
}

/** The form of payloads that this worker reads: one of a later server is told of without content. */
const VERSION = 1;
const LONGEST_NAME = 60;
const LONGEST_BODY = 240;

/**
 * What is shown for a payload. A browser takes the permission from a page that receives and shows
 * nothing (`userVisibleOnly`), so whatever cannot be read is still a notice, of a message at least.
 *
 * @param payload the text of the push message; null: it has none
 */
export function noticeOf(payload: string | null): PushNotice {
  const fields = objectIn(payload);
  const conversationId = idOf(fields, "conversationId");
  if (fields === null || fields.version !== VERSION || conversationId === null) {
    return {
      ...{ key: null, conversationId: null, timestampMs: null },
      ...{ title: newMessages(1), body: "" },
    };
  }
  return {
    ...{ key: idOf(fields, "key"), conversationId, timestampMs: timeOf(fields, "timestamp") },
    ...wording(fields),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function wording(fields: Fields): Pick<PushNotice, "title" | "body"> {
  const count = countOf(fields);
  const sender = textOf(fields, "senderName") ?? textOf(fields, "senderId");
  // The user wishes, or the server is set, not to let push services carry what is said.
  if (sender === null) return { title: newMessages(count), body: "" };
  const said = cut(textOf(fields, "content") ?? newMessages(1), LONGEST_BODY);
  const isGroup = fields.kind === "group";
  const name = cut((isGroup && textOf(fields, "title")) || sender, LONGEST_NAME);
  const mention = fields.mentionsYou === true ? " mentions you" : "";
  return {
    title: count > 1 ? `${name} (${newMessages(count)})` : name,
    body: isGroup ? `${cut(sender, LONGEST_NAME)}${mention}: ${said}` : said,
  };
}

function newMessages(count: number): string {
  return count === 1 ? "New message" : `${count} new messages`;
}

function objectIn(payload: string | null): Fields | null {
  try {
    const value: unknown = JSON.parse(payload ?? "");
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null; // Of another sender than this page's server, or cut.
  }
}

function idOf(fields: Fields | null, name: string): string | null {
  const value = fields?.[name];
  return typeof value === "string" && value !== "" ? value : null;
}

/** As it may be shown. */
function textOf(fields: Fields, name: string): string | null {
  return plainText(idOf(fields, name) ?? "").trim() || null;
}

function countOf({ count }: Fields): number {
  return typeof count === "number" && Number.isSafeInteger(count) && count > 1 ? count : 1;
}

/** ISO 8601, as milliseconds since the epoch. */
function timeOf(fields: Fields, name: string): number | null {
  const epochMs = Date.parse(idOf(fields, name) ?? "");
  return Number.isNaN(epochMs) ? null : epochMs;
}

/** By whole characters, of which some are several code points. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const graphemes = new Intl.Segmenter().segment(text);
  let kept = "";
  for (const { segment } of graphemes) {
    if (kept.length + segment.length >= most) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}
