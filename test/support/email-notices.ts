import type { Delivery, Notice, NoticeTarget } from "../../src/notify/provider.ts";

export const EMAIL_TARGET: NoticeTarget = {
  id: "0193a000-0000-7000-8000-00000000000b",
  userId: "bob",
  channel: "email",
  address: "bob@example.org",
  keys: null,
  createdMs: Date.UTC(2026, 0, 1),
};

/** Of a message that Alice has sent to Bob. */
export function noticeOf(
  change: Partial<Notice> = {},
  newest: Partial<Notice["newest"]> = {},
): Notice {
  return {
    key: "0123456789abcdef0123456789abcdef",
    userId: "bob",
    conversationId: "alice-bob",
    kind: "direct",
    title: null,
    count: 1,
    newest: {
      id: "0193a000-0000-7000-8000-000000000001",
      seq: 1,
      senderId: "alice",
      senderName: "Alice",
      type: "TEXT",
      content: "Are you there?",
      timestampMs: Date.UTC(2026, 0, 2, 3, 4),
      mentionsUser: false,
      ...newest,
    },
    isPrivate: false,
    ...change,
  };
}

export function emailDelivery(
  notices: readonly Notice[] = [noticeOf()],
  target: Partial<NoticeTarget> = {},
): Delivery {
  return { target: { ...EMAIL_TARGET, ...target }, notices };
}
