import { describe, expect, test } from "bun:test";
import { DeliveryWindow } from "../../src/app/delivery-window.ts";
import type { StoredMessage } from "../../src/chat/ports.ts";

function message(seq: number, conversationId = "c"): StoredMessage {
  return {
    ...{ id: `${conversationId}${seq}`, conversationId, seq, senderId: "a", senderName: "a" },
    ...{ recipientId: "b", clientMessageId: null, type: "TEXT", content: "", replyTo: null },
    timestampMs: 0,
  };
}

const seqs = (messages: readonly StoredMessage[]) => messages.map(({ seq }) => seq);

describe("acknowledgements", () => {
  test("in order count at once", () => {
    const window = new DeliveryWindow();
    expect(seqs(window.acknowledged([message(1)], [message(2)]))).toEqual([1]);
    expect(seqs(window.acknowledged([message(2)], []))).toEqual([2]);
  });

  test("out of order count when the earlier ones have come", () => {
    const window = new DeliveryWindow();
    expect(seqs(window.acknowledged([message(3)], [message(1), message(2)]))).toEqual([]);
    expect(seqs(window.acknowledged([message(1)], [message(2)]))).toEqual([1]);
    expect(seqs(window.acknowledged([message(2)], []))).toEqual([2, 3]);
  });

  test("of one conversation do not wait for another", () => {
    const window = new DeliveryWindow();
    expect(seqs(window.acknowledged([message(5, "d")], [message(1, "c")]))).toEqual([5]);
  });

  test("behind a refused message count no more", () => {
    const window = new DeliveryWindow();
    window.refused([message(2)]);
    expect(seqs(window.acknowledged([message(1), message(3)], []))).toEqual([1]);
    expect(seqs(window.acknowledged([message(4)], []))).toEqual([]);
  });
});
