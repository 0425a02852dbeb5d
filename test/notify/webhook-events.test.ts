import { describe, expect, test } from "bun:test";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { DeadLetter } from "../../src/notify/ports.ts";
import { deliveryFailed, presenceChanged, webhookBody } from "../../src/notify/webhook-events.ts";
import type { DueWebhookEvent } from "../../src/notify/webhook-ports.ts";
import { EPOCH_MS, message } from "../support/stored.ts";

const LATER_MS = EPOCH_MS + 10_000;

const bodyOf = (about: StoredMessage | null, nowMs = LATER_MS) => {
  const event: DueWebhookEvent = {
    ...{ id: "chat#1", type: "message.created", lane: "chat", createdMs: EPOCH_MS + 1 },
    ...{ data: null, position: 1, attempts: 0, message: about },
  };
  return JSON.parse(webhookBody(event, nowMs));
};

describe("an event of a message", () => {
  test("tells the message as the API gives it", () => {
    expect(bodyOf(message(1, { clientMessageId: "c1", mentions: '["bob"]' }))).toEqual({
      type: "message.created",
      timestamp: "2024-11-23T00:00:00.001Z",
      data: {
        ...{ id: "chat#1", clientMessageId: "c1", conversationId: "chat", seq: 1 },
        ...{ senderId: "alice", senderName: "Alice", recipientId: "bob", content: "message 1" },
        ...{ type: "TEXT", status: "SENT", timestamp: "2024-11-23T00:00:00.001Z" },
        mentions: ["bob"],
      },
    });
  });

  test("tells what happened in the conversation", () => {
    const joined = message(1, { type: "MEMBER_JOINED", event: '{"userId":"carol"}' });
    expect(bodyOf(joined).data).toMatchObject({
      ...{ type: "MEMBER_JOINED", event: { userId: "carol" } },
    });
  });

  test("says nothing of what was deleted, or has disappeared", () => {
    const deleted = message(1, { content: "", deletedMs: EPOCH_MS + 5 });
    expect(bodyOf(deleted).data).toMatchObject({
      content: "",
      deletedAt: "2024-11-23T00:00:00.005Z",
    });
    const disappearing = message(1, { expiresMs: LATER_MS });
    expect(bodyOf(disappearing, LATER_MS - 1).data).toMatchObject({ content: "message 1" });
    expect(bodyOf(disappearing).data).toMatchObject({
      ...{ content: "", deletedAt: "2024-11-23T00:00:10.000Z" },
    });
  });

  test("says of what is not kept any more that it was removed", () => {
    expect(bodyOf(null).data).toEqual({ id: "chat#1", conversationId: "chat", removed: true });
  });
});

test("an event of a user's presence tells what others are told", () => {
  const told = '{"userId":"alice","status":"AWAY","lastSeen":"2024-11-23T00:00:00.000Z"}';
  const event = presenceChanged("e1", "alice", told, EPOCH_MS);
  const due = { ...event, position: 1, attempts: 0, message: null };
  expect(event.lane).toBe("user:alice");
  expect(webhookBody(due, LATER_MS)).toBe(
    `{"type":"presence.changed","timestamp":"2024-11-23T00:00:00.000Z","data":${told}}`,
  );
});

describe("an event of a dead letter", () => {
  const letter: DeadLetter = {
    ...({ id: "l1", channel: "email" } as const),
    ...{ userId: "alice", targetId: "t1", seq: 3 },
    ...{ conversationId: "chat", eventId: null, eventType: null },
    ...{ attempts: 5, reason: "550 no such mailbox", diedMs: EPOCH_MS },
  };

  test("tells who could not be reached, by which way, and why", () => {
    const event = deliveryFailed(letter);
    expect(event).toMatchObject({ id: "l1", type: "delivery.failed", lane: "user:alice" });
    const due = { ...event, position: 1, attempts: 0, message: null } as DueWebhookEvent;
    expect(JSON.parse(webhookBody(due, LATER_MS))).toEqual({
      ...{ type: "delivery.failed", timestamp: "2024-11-23T00:00:00.000Z" },
      data: {
        ...{ letterId: "l1", channel: "email", userId: "alice", conversationId: "chat" },
        ...{ attempts: 5, reason: "550 no such mailbox" },
      },
    });
  });

  test("is none where the letter is one of these events itself", () => {
    const own = { ...letter, channel: "webhook", userId: null, eventId: "e1" } as const;
    expect(deliveryFailed(own)).toBeNull();
  });
});
