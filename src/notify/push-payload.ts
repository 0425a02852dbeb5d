import { isoTime } from "../clock.ts";
import type { Notice } from "./provider.ts";

/**
 * What every push service takes is 4,096 bytes [RFC 8030 §7.2]; of these, the head of the encryption
 * takes 86, its tag 16 and its end 1 [RFC 8188 §2].
 */
export const LONGEST_PAYLOAD = 3_993;

const LONGEST_NAME = 512;

/**
 * What a browser is told, as JSON of `LONGEST_PAYLOAD` bytes at most: see docs/push.md. Without names
 * and text where the user or the operator wishes so.
 */
export function pushPayload(notice: Notice, showContent: boolean): string {
  const { key, conversationId, kind, title, count, newest } = notice;
  const timestamp = isoTime(newest.timestampMs);
  const bare = { version: 1, key, conversationId, kind, count, timestamp };
  if (notice.isPrivate || !showContent) return JSON.stringify(bare);
  const { senderId, senderName, type, content, mentionsUser: mentionsYou } = newest;
  const names = { title: title === null ? null : cut(title, LONGEST_NAME), senderId };
  const sender = { senderName: cut(senderName, LONGEST_NAME), type, mentionsYou };
  const told = { ...bare, ...names, ...sender };
  const room = LONGEST_PAYLOAD - Buffer.byteLength(JSON.stringify({ ...told, content: "" }));
  return JSON.stringify({ ...told, content: cut(content, room) });
}

const ELLIPSIS = "…";

/** As much of a text as has room in JSON, in whole code points. */
function cut(text: string, roomBytes: number): string {
  if (jsonBytes(text) <= roomBytes) return text;
  let kept = "";
  let left = roomBytes - jsonBytes(ELLIPSIS);
  for (const point of text) {
    left -= jsonBytes(point);
    if (left < 0) break;
    kept += point;
  }
  return `${kept}${ELLIPSIS}`;
}

/** Without its quotes. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
