import type { Notice, NoticeMessage } from "../../src/notify/provider.ts";

/** Of a notice and its newest message, what a test cares about. */
export interface NoticeTraits extends Omit<Partial<Notice>, "newest"> {
  readonly newest?: Partial<NoticeMessage>;
}

/** A notice to Bob of one message from Ann, in a direct conversation, but for what is given. */
export function noticeOf({ newest = {}, ...traits }: NoticeTraits = {}): Notice {
  return {
    ...{ key: "0123456789abcdef0123456789abcdef", userId: "bob", conversationId: "ann:bob" },
    ...{ kind: "direct", title: null, count: 1, isPrivate: false },
    timeZone: null,
    ...traits,
    newest: {
      ...{ id: "019b0000-0000-7000-8000-000000000007", seq: 7, senderId: "ann", senderName: "Ann" },
      ...{ type: "TEXT", content: "Hello Bob", timestampMs: Date.UTC(2026, 0, 1) },
      ...{ mentionsUser: false, ...newest },
    },
  };
}
