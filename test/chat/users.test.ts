import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { MemoryUserStore } from "../../src/storage/memory-users.ts";
import { chatHarness, createGroup, type Harness } from "../support/chat-harness.ts";
import { settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

const alice = { userId: "alice", name: "Alice" };
const bob = { userId: "bob", name: "Bob" };
const eve = { userId: "eve", name: "Eve" };

/** Alice and bob share a group; eve is alone. */
async function setUp(): Promise<Harness> {
  const harness = chatHarness(new MemoryChatStore());
  await createGroup(harness.chat, "team", ["alice", "bob"]);
  return harness;
}

const profiles = ({ outlet }: Harness, to: string) => outlet.bodies("profile", to);

describe("a profile", () => {
  test("is its user's to change, and the back end's", async () => {
    const { chat } = await setUp();
    const changed = await chat.users.change(alice, "alice", { name: "Ally" });
    expect(changed).toMatchObject({ userId: "alice", name: "Ally", picture: null });
    const picture = "https://pics.example/a";
    expect(await chat.users.change(SYSTEM, "alice", { picture })).toMatchObject({
      ...{ name: "Ally", picture },
    });
    const change = () => chat.users.change(bob, "alice", { name: "Mine" });
    expect(await refusalOf(change)).toBe("NOT_PERMITTED");
  });

  test("is the back end's alone to change where profiles are not open", async () => {
    const { chat } = chatHarness(new MemoryChatStore(), { openProfiles: false });
    const change = () => chat.users.change(alice, "alice", { name: "Ally" });
    expect(await refusalOf(change)).toBe("NOT_PERMITTED");
    expect(await chat.users.change(SYSTEM, "alice", { name: "Ally" })).toMatchObject({
      name: "Ally",
    });
  });

  test("is seen by who shares a conversation with the user and is not blocked by them", async () => {
    const { chat } = await setUp();
    for (const userId of ["alice", "bob", "eve"]) {
      await chat.users.change(SYSTEM, userId, { name: `Dear ${userId}` });
    }
    const seenBy = async (viewer: { userId: string; name: string }) =>
      (await chat.users.known(viewer, ["alice", "bob", "eve"])).map(({ userId }) => userId);
    expect(await seenBy(alice)).toEqual(["alice", "bob"]);
    expect(await seenBy(eve)).toEqual(["eve"]);
    expect(await seenBy(SYSTEM)).toEqual(["alice", "bob", "eve"]);
    await chat.blocks.block("alice", "bob");
    expect(await seenBy(bob)).toEqual(["bob"]);
    expect(await seenBy(alice)).toEqual(["alice", "bob"]);
  });

  test("is the caller's own, also of who has none and was never there", async () => {
    const { chat } = await setUp();
    expect(await chat.users.known(eve, ["eve", "nobody"])).toEqual([
      {
        ...{ userId: "eve", name: null, picture: null },
        ...{ authenticatedName: "Eve", lastSeenMs: null },
      },
    ]);
    expect(await chat.users.known(SYSTEM, ["eve"])).toEqual([]);
  });

  test("that changes is told to the user and their contacts, and nobody else", async () => {
    const harness = await setUp();
    await harness.chat.users.change(alice, "alice", { name: "Ally" });
    await settled();
    const told = { userId: "alice", name: "Ally", picture: null };
    for (const to of ["alice", "bob"]) expect(profiles(harness, to)).toMatchObject([told]);
    expect(profiles(harness, "eve")).toEqual([]);
  });

  test("that is set as it is already is told to nobody", async () => {
    const harness = await setUp();
    await harness.chat.users.change(alice, "alice", { name: null, picture: null });
    await settled();
    expect(profiles(harness, "alice")).toEqual([]);
  });

  test("is not told to who is blocked by the user", async () => {
    const harness = await setUp();
    await harness.chat.blocks.block("alice", "bob");
    await harness.chat.users.change(alice, "alice", { name: "Ally" });
    await settled();
    expect(profiles(harness, "alice")).toHaveLength(1);
    expect(profiles(harness, "bob")).toEqual([]);
  });

  test("that changes again and again is told once a while, as it is in the end", async () => {
    const harness = await setUp();
    const { chat, clock } = harness;
    for (const name of ["A", "B", "C"]) await chat.users.change(alice, "alice", { name });
    await settled();
    const names = () => profiles(harness, "bob").map(({ name }) => name);
    expect(names()).toHaveLength(1);
    clock.advance(1_000);
    await settled();
    expect(names()).toHaveLength(2);
    expect(names().at(-1)).toBe("C");
    clock.advance(5_000);
    await settled();
    expect(names()).toHaveLength(2);
    chat.users.stop();
  });
});

describe("the name of a profile", () => {
  test("is that of the messages of who is there, from its change on", async () => {
    const { chat, send, outlet } = await setUp();
    chat.presence.connected("alice", "alice");
    send("alice", { conversationId: "team", content: "one" });
    await chat.users.change(alice, "alice", { name: "Ally" });
    send("alice", { conversationId: "team", content: "two" });
    await chat.users.change(alice, "alice", { name: null });
    send("alice", { conversationId: "team", content: "three" });
    await settled();
    const names = outlet.bodies("message", "bob").map(({ senderName }) => senderName);
    expect(names).toEqual(["alice", "Ally", "alice"]);
  });

  test("is known of who connects, and shown beside their presence", async () => {
    const { chat, send, outlet } = await setUp();
    await chat.users.change(SYSTEM, "alice", { name: "Ally" });
    chat.presence.connected("alice", "Alice");
    send("alice", { conversationId: "team" });
    expect(outlet.bodies("message", "bob")).toMatchObject([{ senderName: "Ally" }]);
    expect(await chat.presence.of(["alice"])).toMatchObject([{ name: "Ally", status: "ONLINE" }]);
    expect(chat.presence.online(10, () => true)).toMatchObject([{ name: "Ally" }]);
  });

  test("is looked up for who acts without being there", async () => {
    const { chat } = await setUp();
    expect(await chat.users.named(alice)).toEqual(alice);
    await chat.users.change(alice, "alice", { name: "Ally" });
    expect(await chat.users.named(alice)).toEqual({ ...alice, name: "Ally" });
    chat.presence.connected("bob", "Bob");
    await chat.users.change(bob, "bob", { name: "Bobby" });
    expect(await chat.users.named(bob)).toEqual({ ...bob, name: "Bobby" });
  });

  test("is in the sentences that tell of what the user does", async () => {
    const harness = chatHarness(new MemoryChatStore(), { tellsEvents: true });
    const { chat, outlet } = harness;
    await createGroup(chat, "team", ["alice", "bob"]);
    chat.presence.connected("alice", "Alice");
    await chat.users.change(alice, "alice", { name: "Ally" });
    await chat.membership.leave(alice, "team");
    const left = outlet.bodies("message", "bob").at(-1);
    expect(left).toMatchObject({ senderName: "Ally", content: "Ally left" });
  });
});

test("a name that is set while the one before it is looked up holds", async () => {
  const store = new MemoryChatStore();
  const before = Promise.withResolvers<string | null>();
  const users = Object.assign(new MemoryUserStore(store), { nameOf: () => before.promise });
  const { chat } = chatHarness(store, { users });
  chat.presence.connected("alice", "alice");
  await chat.users.change(SYSTEM, "alice", { name: "Alice A." });
  before.resolve("Alice");
  await settled();
  expect(chat.presence.nameOf({ userId: "alice", name: "alice" })).toBe("Alice A.");
});
