import { AppError } from "../errors.ts";

// [SockJS 0.3.4 §Framing]
export const OPEN_FRAME = "o";
export const HEARTBEAT_FRAME = "h";

/** `code` is one of WebSocket's, or of SockJS's own (3000, 2010). */
export function closeFrame(code: number, reason: string): string {
  return `c${quote([code, reason])}`;
}

/** One message as an array frame. */
export function encodeMessage(text: string): string {
  return `a[${quote(text)}]`;
}

/**
 * What a client sent: an array of strings, or a single one. Nothing at all is ignored. Throws
 * MALFORMED_FRAME for anything else.
 */
export function decodeMessages(text: string): readonly string[] {
  if (text === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError("MALFORMED_FRAME", "The SockJS message is not JSON", { cause });
  }
  const messages: unknown[] = Array.isArray(value) ? value : [value];
  if (messages.every((message) => typeof message === "string")) return messages;
  throw new AppError("MALFORMED_FRAME", "A SockJS message is an array of strings");
}

/** What some browsers change or refuse on the way, though JSON lets it pass [SockJS §Quoting]. */
const UNSAFE_RANGES = [
  ["\u007f", "\u009f"],
  ["\u00ad", "\u00ad"],
  ["\u0300", "\u036f"],
  ["\u0600", "\u0604"],
  ["\u070f", "\u070f"],
  ["\u17b4", "\u17b5"],
  ["\u200c", "\u200f"],
  ["\u2028", "\u202f"],
  ["\u2060", "\u206f"],
  ["\ud800", "\udfff"],
  ["\ufeff", "\ufeff"],
  ["\ufff0", "\uffff"],
] as const;
const UNSAFE = new RegExp(`[${UNSAFE_RANGES.map((range) => range.join("-")).join("")}]`, "g");

function quote(value: unknown): string {
  const json = JSON.stringify(value);
  // ASCII, as nearly always. Counting octets takes half the time of a regular expression.
  if (Buffer.byteLength(json) === json.length && !json.includes("\u007f")) return json;
  return json.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${code}`;
  });
}
