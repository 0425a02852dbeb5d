import { MOST_COUNTED, type Notice, type NoticeMessage } from "./provider.ts";

/** What a user reads of a notice: each is one line of plain text. */
export interface NoticeText {
  readonly title: string;
  /** Empty where the title says all. */
  readonly body: string;
}

export interface NoticeTextOptions {
  /** False: neither what messages say nor who sent them; the same as a private notice. */
  readonly showContent: boolean;
  /** In UTF-8. */
  readonly titleBytes: number;
  readonly bodyBytes: number;
}

/** Of which conversation, how many messages, and what the newest of them says. */
export function noticeText(notice: Notice, options: NoticeTextOptions): NoticeText {
  const { titleBytes, bodyBytes } = options;
  if (!isShown(notice, options)) return { title: newMessages(notice.count), body: "" };
  const suffix = notice.count > 1 ? ` (${countOf(notice.count)} new)` : "";
  return {
    title: cutText(titleOf(notice), titleBytes - Buffer.byteLength(suffix)) + suffix,
    body: cutText(bodyOf(notice), bodyBytes),
  };
}

/** Whether a notice tells what messages say, and who sent them. */
export function isShown(
  { isPrivate }: Pick<Notice, "isPrivate">,
  { showContent }: Pick<NoticeTextOptions, "showContent">,
): boolean {
  return showContent && !isPrivate;
}

/** `New message`, or how many. */
export function newMessages(count: number): string {
  return count > 1 ? `${countOf(count)} new messages` : "New message";
}

function countOf(count: number): string {
  return count < MOST_COUNTED ? String(count) : `${MOST_COUNTED - 1}+`;
}

function titleOf({ kind, title, newest }: Notice): string {
  return kind === "direct" ? senderOf(newest) : oneLine(title ?? "") || "Group";
}

function bodyOf({ kind, newest }: Notice): string {
  const said = newest.type === "TEXT" ? oneLine(newest.content) : "";
  const sender = senderOf(newest);
  if (kind === "direct") return said || `Sent ${somethingOf(newest)}`;
  if (said === "") return `${sender} sent ${somethingOf(newest)}`;
  return newest.mentionsUser ? `${sender} mentioned you: ${said}` : `${sender}: ${said}`;
}

function senderOf({ senderName, senderId }: NoticeMessage): string {
  return oneLine(senderName) || senderId;
}

/** The types that applications are known to use. */
const THINGS: Readonly<Record<string, string>> = {
  ...{ IMAGE: "a picture", PHOTO: "a picture", PICTURE: "a picture", GIF: "a GIF" },
  ...{ VIDEO: "a video", AUDIO: "an audio message", VOICE: "a voice message" },
  ...{ FILE: "a file", DOCUMENT: "a document", LOCATION: "a location", CONTACT: "a contact" },
  ...{ STICKER: "a sticker", POLL: "a poll" },
};

/** What an application keeps in a content that is no text, such as a URL, is nothing to be read. */
function somethingOf({ type, content }: NoticeMessage): string {
  const thing = THINGS[type.toUpperCase()];
  if (thing !== undefined) return thing;
  // A message without content has attachments.
  return content.trim() === "" ? "an attachment" : "a message";
}

/**
 * Without line ends and other control characters, and with single spaces; without those, too, that
 * turn around what stands beside them.
 */
function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Bidi_Control}/gu, "")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

const ELLIPSIS = "…";
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * The text, or as many of its first characters, as users see them, as fit with an ellipsis. A
 * character of many code points, such as a family of emoji, is not taken apart.
 */
export function cutText(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let leftBytes = maxBytes - Buffer.byteLength(ELLIPSIS);
  let cut = "";
  // A UTF-16 unit takes a byte at least: what stands behind has no place anyway.
  for (const { segment } of graphemes.segment(text.slice(0, maxBytes))) {
    leftBytes -= Buffer.byteLength(segment);
    if (leftBytes < 0) break;
    cut += segment;
  }
  return cut.trimEnd() + ELLIPSIS;
}
