import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { StoredConversation, StoredMessage } from "../../src/chat/stored-chats.ts";
import { AppError } from "../../src/errors.ts";
import { createGroup } from "../support/chat-harness.ts";
import { type ChatNode, ChatNodes } from "../support/chat-nodes.ts";
import { settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

const GROUP = "g";

/** Bob is connected to the second of three nodes, which has the group of Alice and Bob in memory. */
async function setUp(tellsEvents = false) {
  const nodes = new ChatNodes(3, true, { tellsEvents });
  await createGroup(nodes.at(0).chat, GROUP, ["alice", "bob"]);
  await nodes.quiet();
  const bob = await nodes.at(1).connect("bob");
  await nodes.at(1).chat.conversations.find(GROUP);
  return { nodes, one: nodes.at(0), other: nodes.at(1), bob };
}

function membersOn({ chat }: ChatNode): string[] {
  return [...(chat.conversations.peek(GROUP)?.members.keys() ?? [])];
}

/** Reads of the conversation by this node. */
function readsBy({ held: { store } }: ChatNode): { count: number } {
  const reads = { count: 0 };
  const read = store.conversation.bind(store);
  store.conversation = (id) => {
    reads.count += 1;
    return read(id);
  };
  return reads;
}

describe.each([
  ["of which members are told", true],
  ["of which members are not told", false],
])("a change %s, by a node that is cut off, is known elsewhere when that is back:", (_, isTold) => {
  test("who came and who went", async () => {
    const { nodes, one, other, bob } = await setUp(isTold);
    one.cutOff();
    await one.chat.membership.remove(SYSTEM, GROUP, "bob");
    await one.chat.membership.add(SYSTEM, GROUP, "cid");
    await nodes.quiet();
    expect(membersOn(other)).toEqual(["alice", "cid"]);
    expect(other.harness.outlet.of("left").map(({ to }) => to)).toEqual(["bob"]);
    const types = bob.got.map(({ type }) => type).filter((type) => type !== "CONVERSATION_CREATED");
    expect(types).toEqual(isTold ? ["MEMBER_REMOVED"] : []);
    const [refused] = await said(other, "bob");
    expect(refused?.code).toBe("CONVERSATION_NOT_FOUND");
  });

  test("what the group is, and who may do what", async () => {
    const { nodes, one, other } = await setUp(isTold);
    one.cutOff();
    await one.chat.profiles.change(SYSTEM, GROUP, { title: "New" });
    await one.chat.roles.set(SYSTEM, GROUP, "bob", "admin");
    await nodes.quiet();
    const known = other.chat.conversations.peek(GROUP);
    expect([known?.profile.title, known?.members.get("bob")?.role]).toEqual(["New", "admin"]);
  });
});

async function said(node: ChatNode, from: string) {
  const outcome = node.harness.send(from, { conversationId: GROUP, content: "still here" });
  await settled();
  return outcome;
}

test("what has become of a change since is told, where it is told again", async () => {
  const { nodes, one, other } = await setUp();
  one.cutOff();
  await one.chat.membership.remove(SYSTEM, GROUP, "bob");
  await nodes.at(2).chat.membership.add(SYSTEM, GROUP, "bob");
  await nodes.quiet();
  for (const node of [one, other]) expect(membersOn(node)).toEqual(["alice", "bob"]);
  expect(other.harness.outlet.of("left")).toEqual([]);
});

test("of a change that they know others read nothing, when it is told again", async () => {
  const { nodes, one, other } = await setUp();
  await one.chat.membership.add(SYSTEM, GROUP, "cid");
  await nodes.settle();
  const reads = readsBy(other);
  await nodes.quiet();
  expect(reads.count).toBe(0);
  expect(membersOn(other)).toEqual(["alice", "bob", "cid"]);
});

test("what cannot be told again, since the store is away, is told later", async () => {
  const { nodes, one, other } = await setUp();
  one.cutOff();
  await one.chat.membership.remove(SYSTEM, GROUP, "bob");
  const { store } = one.held;
  const read = store.conversation.bind(store);
  store.conversation = () => {
    throw new AppError("STORAGE_UNAVAILABLE", "away");
  };
  one.heal();
  await nodes.quiet();
  expect(membersOn(other)).toEqual(["alice", "bob"]);
  store.conversation = read;
  await nodes.quiet();
  expect(membersOn(other)).toEqual(["alice"]);
});

test("a change is known where it is told while the conversation is read", async () => {
  const { nodes, one } = await setUp();
  const third = nodes.at(2);
  const { store } = third.held;
  const read = store.conversation.bind(store);
  const late = Promise.withResolvers<void>();
  store.conversation = async (id): Promise<StoredConversation | null> => {
    store.conversation = read;
    const early = await read(id);
    await late.promise;
    return early;
  };
  const found = third.chat.conversations.find(GROUP);
  await settled();
  await one.chat.membership.remove(SYSTEM, GROUP, "bob");
  while (one.arrive(third));
  const fresh = third.chat.conversations.findFresh(GROUP);
  late.resolve();
  await found;
  expect([...((await fresh)?.members.keys() ?? [])]).toEqual(["alice"]);
  await settled();
  expect(membersOn(third)).toEqual(["alice"]);
});

describe("what another node has deleted", () => {
  async function saidHello() {
    const { nodes, one, other, bob } = await setUp(true);
    const outcome = one.harness.send("alice", { conversationId: GROUP, content: "hello" });
    await nodes.quiet();
    expect(outcome).toEqual([null]);
    const id = bob.got.at(-1)?.id ?? "";
    const alice = { userId: "alice", name: "Alice" };
    const inGroup = ({ conversationId }: StoredMessage) => conversationId === GROUP;
    const types = () =>
      bob.got
        .filter(inGroup)
        .map(({ type }) => type)
        .slice(-2);
    return { nodes, one, other, id, alice, types };
  }

  test("is not edited any more, though its message was read before", async () => {
    const { nodes, one, other, id, alice, types } = await saidHello();
    const { store } = other.held;
    const read = store.conversation.bind(store);
    const late = Promise.withResolvers<void>();
    store.conversation = async (asked) => {
      await late.promise;
      return await read(asked);
    };
    const edited = refusalOf(() => other.chat.messageChanges.edit(alice, id, "hello again"));
    await settled();
    await one.chat.messageChanges.delete(alice, id);
    late.resolve();
    expect(await edited).toBe("MESSAGE_NOT_FOUND");
    await nodes.quiet();
    expect(types()).toEqual(["TEXT", "MESSAGE_DELETED"]);
  });

  test.each([
    ["heard of that meanwhile", true],
    ["did not hear of that", false],
  ])("is not edited any more, where the edit was on its way and its node %s", async (_, hears) => {
    const { nodes, one, other, id, alice, types } = await saidHello();
    other.held.isHolding = true;
    other.harness.send("bob", { conversationId: "c", recipientId: "alice", content: "waits" });
    await settled();
    const edited = refusalOf(() => other.chat.messageChanges.edit(alice, id, "hello again"));
    await settled();
    await one.chat.messageChanges.delete(alice, id);
    if (hears) while (one.arrive(other));
    await settled();
    other.held.isHolding = false;
    await nodes.quiet();
    expect(await edited).toBe("MESSAGE_NOT_FOUND");
    expect(types()).toEqual(["TEXT", "MESSAGE_DELETED"]);
    expect(nodes.faults()).toEqual([]);
  });
});
