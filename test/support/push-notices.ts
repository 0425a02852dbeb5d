import type { Notice, NoticeMessage } from "../../src/notify/provider.ts";

export interface NoticeTraits extends Omit<Partial<Notice>, "newest"> {
  readonly newest?: Partial<NoticeMessage>;
}

/** One message of bob's to alice, unless said otherwise. */
export function sampleNotice({ newest = {}, ...traits }: NoticeTraits = {}): Notice {
  return {
    ...{ key: "0123456789abcdef0123456789abcdef", userId: "alice", conversationId: "alice-bob" },
    ...{ kind: "direct", title: null, count: 1, isPrivate: false },
    ...traits,
    newest: {
      ...{ id: "01980000-0000-7000-8000-000000000001", seq: 7, senderId: "bob" },
      ...{ senderName: "Bob Builder", type: "TEXT", content: "Lunch at noon?" },
      ...{ timestampMs: Date.UTC(2026, 0, 1, 11, 30), mentionsUser: false },
      ...newest,
    },
  };
}
