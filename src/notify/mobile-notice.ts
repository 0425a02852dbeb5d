import { createHash } from "node:crypto";
import { isShown, type NoticeText, noticeText } from "./notice-text.ts";
import type { Delivery, Notice } from "./provider.ts";

/**
 * Google and Apple take 4,096 bytes. JSON doubles a byte at most, and ids have up to 384: with these
 * there is room for all of them.
 */
const LIMITS = { titleBytes: 200, bodyBytes: 900 };

export function mobileText(notice: Notice, showContent: boolean): NoticeText {
  return noticeText(notice, { showContent, ...LIMITS });
}

/** What an app on a phone gets beside the text, to open the conversation; FCM takes strings only. */
export function mobileData(notice: Notice, showContent: boolean): Record<string, string> {
  const { key, conversationId, kind, count, newest } = notice;
  return {
    ...{ key, conversationId, kind, count: String(count) },
    ...{ messageId: newest.id, seq: String(newest.seq) },
    ...(isShown(notice, { showContent }) && { senderId: newest.senderId }),
  };
}

/**
 * By which a notice takes the place of an earlier one of its conversation. Ids may be longer than the
 * 64 bytes that APNs takes, and in any script, which headers are not.
 */
export function collapseId(conversationId: string): string {
  return createHash("sha256").update(conversationId).digest("base64url");
}

/** Of a provider that does not gather. */
export function soleNotice({ notices: [notice] }: Delivery): Notice {
  if (notice === undefined) throw new TypeError("there is nothing to deliver");
  return notice;
}
