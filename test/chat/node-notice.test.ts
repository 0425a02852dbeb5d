import { expect, test } from "bun:test";
import fc from "fast-check";
import { confirmationEvent, readEvent } from "../../src/chat/events.ts";
import {
  decodeNotice,
  encodeBody,
  encodeConversation,
  encodeHead,
  encodeMarks,
  encodeMessage,
  encodeReceived,
} from "../../src/chat/node-notice.ts";
import { ChatNodes } from "../support/chat-nodes.ts";
import { message } from "../support/stored.ts";

test("what one node says another one reads", () => {
  const said = message(7, { content: "Grüße\n2m", mentions: '["bob"]' });
  const notice = decodeNotice(encodeMessage(said, 4_000_000_000));
  if (notice?.kind !== "message") throw new TypeError("no message");
  const { conversationId, seq, digest } = notice;
  expect([conversationId, seq, digest]).toEqual([said.conversationId, 7, 4_000_000_000]);
  expect(notice.message()).toEqual(said);
  const head = { conversationId: "c", fromSeq: 3, seq: 5 };
  expect(decodeNotice(encodeHead(head))).toEqual({ kind: "head", ...head });
  for (const digest of [null, 4_000_000_000]) {
    const change = { conversationId: "c", joined: ["ann"], left: [], digest };
    expect(decodeNotice(encodeConversation(change))).toEqual({ kind: "conversation", ...change });
  }
  const marks = {
    ...{ conversationId: "c", isMissing: true, head },
    marks: [
      {
        userId: "ann",
        before: { deliveredSeq: 3, readSeq: 0 },
        now: { deliveredSeq: 5, readSeq: 0 },
      },
    ],
  };
  expect(decodeNotice(encodeMarks(marks))).toEqual({ kind: "marks", ...marks });
  const sent = confirmationEvent(said, "SENT", 0);
  expect(decodeNotice(encodeBody("confirmation", sent))).toEqual({
    ...{ kind: "confirmation", body: sent, delivered: null },
  });
  const delivered = confirmationEvent({ ...said, recipientId: "ann" }, "DELIVERED", 0);
  expect(decodeNotice(encodeBody("confirmation", delivered))).toEqual({
    ...{ kind: "confirmation", body: delivered },
    delivered: { messageId: said.id, conversationId, seq: 7, recipientId: "ann" },
  });
  const read = readEvent(said, "ann", 0);
  expect(decodeNotice(encodeBody("receipt", read))).toEqual({
    ...{ kind: "receipt", body: read, read: { conversationId, seq: 7, readerId: "ann" } },
  });
  const received = decodeNotice(encodeReceived([said]));
  expect(received).toMatchObject({ kind: "received", messages: [{ id: said.id, seq: 7 }] });
  // What it says is nobody's business there.
  expect(JSON.stringify(received)).not.toContain("Grüße");
});

test("what no node says is told apart, whatever it is, and does no harm", () => {
  const node = new ChatNodes(1).at(0);
  const letters = fc.constantFrom("m", "h", "d", "x", "w", "r", "?");
  const rests = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => `1 2 c\n${json}`),
    fc.constantFrom("1 2 c\nnull", '1 2 c\n{"conversationId":"c","seq":2}', "1 2 c", "1  c\n{}"),
  );
  fc.assert(
    fc.property(letters, rests, fc.option(fc.string()), (letter, rest, userId) => {
      const isRead = node.chat.nodeNotices?.received(userId, Buffer.from(`2${letter}${rest}`));
      expect(isRead).toBe(false);
    }),
  );
  expect(node.chat.nodeNotices?.received(null, Buffer.from("1m1 2 c\n{}"))).toBe(false);
  expect(node.chat.nodeNotices?.received(null, new Uint8Array([255, 0]))).toBe(false);
  expect(node.harness.faults).toEqual([]);
});
