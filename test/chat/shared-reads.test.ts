import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import { AppError } from "../../src/errors.ts";
import { createGroup } from "../support/chat-harness.ts";
import { type ChatNode, ChatNodes } from "../support/chat-nodes.ts";

const USERS = Array.from({ length: 12 }, (_, index) => `user-${index}`);
const CONVERSATIONS = 8;

/** What the node has asked its store since then, by the names of the reads. */
function countReads({ held: { store } }: ChatNode) {
  const counts = new Map<keyof ChatStore, number>();
  const count = (name: "history" | "conversation" | "conversationsAfter" | "slowest") => {
    const read: (...args: never[]) => unknown = store[name];
    Object.assign(store, {
      [name]: (...args: never[]) => {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        return read(...args);
      },
    });
  };
  for (const name of ["history", "conversation", "conversationsAfter", "slowest"] as const) {
    count(name);
  }
  return {
    /** And forgets them. */
    take() {
      const taken = Object.fromEntries(counts);
      counts.clear();
      return taken;
    },
  };
}

/** All that is set off by it is done, however many turns it takes. */
async function restFor(nodes: ChatNodes): Promise<void> {
  for (let round = 0; round < 20; round += 1) await nodes.settle();
}

async function connectAll(nodes: ChatNodes): Promise<void> {
  await Promise.all(USERS.map((userId) => nodes.at(1).connect(userId)));
  await restFor(nodes);
}

describe.each([
  ["somebody has just written", 0],
  ["nobody has written for a while", 1_200_000],
])("when all come to another node, where %s", (_when, ageMs) => {
  test("it looks once for each of them, and reads each conversation that is new to it once", async () => {
    const nodes = new ChatNodes(2);
    for (const userId of USERS) {
      for (let index = 0; index < CONVERSATIONS; index += 1) {
        const conversationId = `${userId}-${index}`;
        const message = { conversationId, recipientId: `${conversationId}-peer`, content: "hi" };
        nodes.at(0).harness.send(userId, message);
      }
    }
    await nodes.quiet();
    nodes.clock.advance(ageMs);
    await nodes.quiet();
    const reads = countReads(nodes.at(1));
    await connectAll(nodes);
    const fresh = ageMs === 0 ? USERS.length * CONVERSATIONS : undefined;
    expect(reads.take()).toEqual({
      ...{ conversationsAfter: USERS.length },
      ...(fresh !== undefined && { history: fresh, conversation: fresh }),
    });
    // Their other devices.
    await connectAll(nodes);
    expect(reads.take()).toEqual({ conversationsAfter: USERS.length });
  });
});

test("a node that is back reads each conversation once, however many of its members are there", async () => {
  const nodes = new ChatNodes(2);
  for (let index = 0; index < CONVERSATIONS; index += 1) {
    await createGroup(nodes.at(0).chat, `g${index}`, USERS);
    nodes.at(0).harness.send("user-0", { conversationId: `g${index}`, content: "hi" });
  }
  await nodes.quiet();
  await connectAll(nodes);
  for (const { userId, got } of nodes.at(1).devices) {
    for (const message of got) await nodes.at(1).chat.receipts.delivered(userId, message);
  }
  await restFor(nodes);
  const reads = countReads(nodes.at(1));
  nodes.at(1).cutOff();
  nodes.clock.advance(1_000);
  nodes.at(1).heal();
  await restFor(nodes);
  expect(reads.take()).toEqual({
    ...{ conversationsAfter: USERS.length, conversation: CONVERSATIONS, history: CONVERSATIONS },
  });
  expect(nodes.faults()).toEqual([]);
});

test("a node that is back while its store fails knows who is a member as soon as it works", async () => {
  const nodes = new ChatNodes(2);
  await createGroup(nodes.at(0).chat, "g", ["alice", "bob"]);
  await nodes.quiet();
  const { held, chat } = nodes.at(1);
  await chat.conversations.find("g");
  nodes.at(1).cutOff();
  await nodes.at(0).chat.membership.add(SYSTEM, "g", "cid");
  const { conversation } = held.store;
  held.store.conversation = () => {
    throw new AppError("STORAGE_UNAVAILABLE", "it fails");
  };
  nodes.at(1).heal();
  await nodes.settle();
  const hasCid = () => chat.conversations.peek("g")?.members.has("cid");
  expect(hasCid()).toBe(false);
  held.store.conversation = conversation;
  nodes.clock.advance(1_000);
  await nodes.settle();
  expect(hasCid()).toBe(true);
});
