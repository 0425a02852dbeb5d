import type { Delivery, Notice, NoticeChannel, NoticeMessage } from "../../src/notify/provider.ts";

/** A notice of one message from Ann, in a direct conversation, but for what is given. */
export function noticeOf(
  given: Partial<Omit<Notice, "newest">> & { readonly newest?: Partial<NoticeMessage> } = {},
): Notice {
  return {
    key: "0123456789abcdef0123456789abcdef",
    userId: "bob",
    conversationId: "ann:bob",
    kind: "direct",
    title: null,
    count: 1,
    isPrivate: false,
    ...given,
    newest: {
      id: "019b0000-0000-7000-8000-000000000007",
      seq: 7,
      senderId: "ann",
      senderName: "Ann",
      type: "TEXT",
      content: "Hello Bob",
      timestampMs: Date.UTC(2026, 0, 1),
      mentionsUser: false,
      ...given.newest,
    },
  };
}

export function deliveryOf(
  channel: NoticeChannel,
  address: string,
  notice: Notice = noticeOf(),
): Delivery {
  const id = "019b0000-0000-7000-8000-000000000001";
  const createdMs = Date.UTC(2026, 0, 1);
  const target = { id, userId: notice.userId, channel, address, keys: null, createdMs };
  return { target, notices: [notice] };
}
