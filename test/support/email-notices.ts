import type { Delivery, Notice, NoticeTarget } from "../../src/notify/provider.ts";
import { type NoticeTraits, noticeOf } from "./notices.ts";

export const EMAIL_TARGET: NoticeTarget = {
  id: "0193a000-0000-7000-8000-00000000000b",
  userId: "bob",
  channel: "email",
  address: "bob@example.org",
  keys: null,
  createdMs: Date.UTC(2026, 0, 1),
};

/** Of a message that Alice has sent to Bob. */
export function aliceNotice(
  traits: Omit<NoticeTraits, "newest"> = {},
  newest: NoticeTraits["newest"] = {},
): Notice {
  return noticeOf({
    ...{ conversationId: "alice-bob", ...traits },
    newest: {
      ...{ senderId: "alice", senderName: "Alice", content: "Are you there?" },
      ...{ timestampMs: Date.UTC(2026, 0, 2, 3, 4), ...newest },
    },
  });
}

export function emailDelivery(
  notices: readonly Notice[] = [aliceNotice()],
  target: Partial<NoticeTarget> = {},
): Delivery {
  return { target: { ...EMAIL_TARGET, ...target }, notices };
}
