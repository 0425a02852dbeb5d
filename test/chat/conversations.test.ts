import { expect, test } from "bun:test";
import { Conversations } from "../../src/chat/conversations.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";

const NO_PROFILE = { title: null, picture: null, disappearAfterSeconds: null };

function opened(conversations: Conversations, id: string, members = ["alice", "bob"]) {
  const kind = members.length === 2 ? "direct" : "group";
  const input = { id, kind, createdMs: 0, ...NO_PROFILE } as const;
  return conversations.open(input, members, null);
}

test("however many conversations there were, those in memory are bounded", () => {
  const conversations = new Conversations(new MemoryChatStore(), 1_000);
  for (let n = 0; n < 5_000; n += 1) opened(conversations, `c${n}`);
  expect(conversations.size).toBeLessThanOrEqual(200);
  expect(conversations.peek("c4999")).toBeDefined();
});

test("groups count by their members", () => {
  const conversations = new Conversations(new MemoryChatStore(), 1_000);
  const members = Array.from({ length: 97 }, (_, n) => `u${n}`);
  for (let n = 0; n < 500; n += 1) opened(conversations, `c${n}`, members);
  expect(conversations.size).toBeLessThanOrEqual(10);
});

test("conversations in which something is always on its way to disk keep only themselves", () => {
  const conversations = new Conversations(new MemoryChatStore(), 1_000);
  const busy = Array.from({ length: 50 }, (_, n) => opened(conversations, `busy ${n}`));
  for (const conversation of busy) conversation.uncommitted = 1;
  for (let n = 0; n < 5_000; n += 1) opened(conversations, `c${n}`);
  expect(busy.every((each) => conversations.peek(each.id) === each)).toBe(true);
  expect(conversations.size).toBeLessThanOrEqual(50 + 200);
});

test("when the store writes again, those that had piled up are let go", () => {
  const conversations = new Conversations(new MemoryChatStore(), 1_000);
  const waiting = Array.from({ length: 5_000 }, (_, n) => {
    const conversation = opened(conversations, `w${n}`);
    conversation.uncommitted = 1;
    return conversation;
  });
  for (let n = 0; n < 500; n += 1) opened(conversations, `c${n}`);
  expect(waiting.every((each) => conversations.peek(each.id) === each)).toBe(true);
  for (const conversation of waiting) conversation.uncommitted = 0;
  for (let n = 0; n < 1_000; n += 1) opened(conversations, `d${n}`);
  expect(conversations.size).toBeLessThanOrEqual(200);
});

test("of a member who has left and come again elsewhere, it is known what the store says", () => {
  const group = opened(new Conversations(new MemoryChatStore(), 1_000), "g", ["alice"]);
  group.lastSeq = 7;
  group.join("bob");
  const stored = {
    ...({ id: "g", kind: "group", createdMs: 0, lastSeq: 7, ...NO_PROFILE } as const),
    members: ["alice", "bob"].map((userId) => ({
      ...{ userId, joinedSeq: 0, deliveredSeq: 3, readSeq: 2, role: "member" as const },
    })),
  };
  group.relearn(stored);
  expect(group.members.get("bob")).toMatchObject(stored.members[1] ?? {});
  expect(group.isDeliveredToAllBut("alice", 4)).toBe(false);
});
