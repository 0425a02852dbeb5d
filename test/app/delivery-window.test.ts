import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DeliveryWindow } from "../../src/app/delivery-window.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";

function message(seq: number, conversationId = "c"): StoredMessage {
  return {
    ...{ id: `${conversationId}${seq}`, conversationId, seq, senderId: "a", senderName: "a" },
    ...{
      recipientId: "b",
      clientMessageId: null,
      type: "TEXT",
      content: "",
      replyTo: null,
      attachments: null,
    },
    timestampMs: 0,
    ...{ event: null, edited: null, editedMs: null, deletedMs: null, pinnedMs: null },
    reactions: null,
    replyCount: 0,
    mentions: null,
    expiresMs: null,
  };
}

const seqs = (messages: readonly StoredMessage[]) => messages.map(({ seq }) => seq);

/** A window whose client was sent the messages. */
function windowOf(...sent: readonly StoredMessage[]): DeliveryWindow {
  const window = new DeliveryWindow();
  for (const each of sent) window.sent(each);
  return window;
}

test("a conversation that was left does not wait for what was sent before, when the user is back", () => {
  const window = windowOf(message(1), message(2), message(1, "d"));
  window.refused([message(2)]);
  window.forget("c");
  window.sent(message(7));
  expect(seqs(window.acknowledged([message(7)]))).toEqual([7]);
  expect(seqs(window.acknowledged([message(1, "d")]))).toEqual([1]);
});

describe("acknowledgements", () => {
  test("in order count at once", () => {
    const window = windowOf(message(1), message(2));
    expect(seqs(window.acknowledged([message(1)]))).toEqual([1]);
    expect(seqs(window.acknowledged([message(2)]))).toEqual([2]);
  });

  test("out of order count when the earlier ones have come", () => {
    const window = windowOf(message(1), message(2), message(3), message(4));
    expect(seqs(window.acknowledged([message(3)]))).toEqual([]);
    expect(seqs(window.acknowledged([message(1)]))).toEqual([1]);
    expect(seqs(window.acknowledged([message(2)]))).toEqual([2, 3]);
    expect(seqs(window.acknowledged([message(4)]))).toEqual([4]);
  });

  test("of several conversations count each by itself", () => {
    const window = windowOf(message(1, "c"), message(5, "d"), message(2, "c"));
    expect(seqs(window.acknowledged([message(5, "d")]))).toEqual([5]);
    expect(seqs(window.acknowledged([message(1, "c"), message(2, "c")]))).toEqual([1, 2]);
  });

  test("need not be of every seq: one's own messages are not sent", () => {
    const window = windowOf(message(1), message(4));
    expect(seqs(window.acknowledged([message(1), message(4)]))).toEqual([1, 4]);
  });

  test("behind a refused message count no more", () => {
    const window = windowOf(message(1), message(2), message(3));
    window.refused([message(2)]);
    expect(seqs(window.acknowledged([message(1), message(3)]))).toEqual([1]);
    window.sent(message(4));
    expect(seqs(window.acknowledged([message(4)]))).toEqual([]);
  });

  test("of a message that was sent again count once", () => {
    const window = windowOf(message(1), message(2), message(1), message(2));
    expect(seqs(window.acknowledged([message(1)]))).toEqual([1]);
    expect(seqs(window.acknowledged([message(1)]))).toEqual([]);
    expect(seqs(window.acknowledged([message(2), message(2)]))).toEqual([2]);
  });

  test("in any order count all in the end, each once and in order", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (acknowledged) => {
        const window = windowOf(...all);
        const counted = acknowledged.flatMap((each) => window.acknowledged([each]));
        for (const conversationId of ["c", "d"]) {
          const own = (messages: readonly StoredMessage[]) =>
            seqs(messages.filter((each) => each.conversationId === conversationId));
          expect(own(counted)).toEqual(own(all));
        }
      }),
    );
  });
});

const all = Array.from({ length: 200 }, (_, index) =>
  message(1 + (index >> 1), index % 2 === 0 ? "c" : "d"),
);
