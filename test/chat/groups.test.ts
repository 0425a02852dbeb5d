import { describe, expect, test } from "bun:test";
import { type Actor, SYSTEM } from "../../src/chat/actor.ts";
import type { Role } from "../../src/chat/stored-chats.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch } from "../support/stored.ts";

const NO_PROFILE = { title: null, picture: null, disappearAfterSeconds: null };
const NO_MORE = { mentions: null, disappearAfterSeconds: null };

const user = (userId: string): Actor => ({ userId, name: userId.toUpperCase() });

/** A group that alice made with bob and carol, on disk, whose events are told. */
async function group(options: Parameters<typeof chatHarness>[1] = {}) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, { tellsEvents: true, ...options });
  const { chat, outlet } = harness;
  await chat.membership.create(user("alice"), {
    ...{ id: "g1", memberIds: ["bob", "carol"], title: "The team", picture: null, ownerId: null },
    disappearAfterSeconds: null,
  });
  const eventsOf = (userId: string) =>
    outlet.bodies("message", userId).map(({ type, senderId, event }) => ({
      ...{ type, senderId, event },
    }));
  const rolesOf = async () =>
    Object.fromEntries(
      (await held.inner.conversation("g1"))?.members.map(({ userId, role }) => [userId, role]) ??
        [],
    );
  const setRole = (actor: Actor, userId: string, role: Role) =>
    chat.roles.set(actor, "g1", userId, role);
  return { ...harness, held, eventsOf, rolesOf, setRole };
}

describe("a group that a user makes", () => {
  test("is theirs, and its members are told of it, by its first message", async () => {
    const { outlet, rolesOf } = await group();
    expect(await rolesOf()).toEqual({ alice: "owner", bob: "member", carol: "member" });
    for (const userId of ["alice", "bob", "carol"]) {
      expect(outlet.bodies("message", userId)).toEqual([
        {
          id: expect.any(String),
          conversationId: "g1",
          seq: 1,
          senderId: "alice",
          senderName: "ALICE",
          content: "ALICE created The team",
          type: "CONVERSATION_CREATED",
          event: { title: "The team", picture: null, memberCount: 3 },
          status: "SENT",
          timestamp: expect.any(String),
        },
      ]);
    }
    expect(outlet.of("confirmation")).toEqual([]);
  });

  test("has nobody in it who is blocked by them, or blocks them", async () => {
    const { chat } = await group();
    await chat.blocks.block("dave", "alice");
    const created = { id: "g2", ownerId: null, ...NO_PROFILE };
    const create = (actor: Actor) =>
      chat.membership.create(actor, { ...created, memberIds: ["dave"] });
    expect(await refusalOf(() => create(user("alice")))).toBe("BLOCKED");
    expect(await refusalOf(() => chat.membership.add(user("alice"), "g1", "dave"))).toBe("BLOCKED");
    expect(await create(user("erin"))).toMatchObject({ memberIds: ["erin", "dave"] });
  });
});

describe("members", () => {
  test("are told who comes and goes when it is on disk, the one who goes too", async () => {
    const { chat, held, eventsOf } = await group();
    held.isHolding = true;
    const added = chat.membership.add(user("alice"), "g1", "dave");
    expect(eventsOf("bob")).toHaveLength(1);
    await held.release();
    await added;
    const removed = chat.membership.remove(user("alice"), "g1", "carol");
    await held.release();
    await removed;
    const left = chat.membership.leave(user("bob"), "g1");
    await held.release();
    await left;
    const dave = { type: "MEMBER_ADDED", senderId: "alice", event: { userId: "dave" } };
    const carol = { type: "MEMBER_REMOVED", senderId: "alice", event: { userId: "carol" } };
    const bob = { type: "MEMBER_LEFT", senderId: "bob", event: { userId: "bob" } };
    expect(eventsOf("alice").slice(1)).toEqual([dave, carol, bob]);
    expect(eventsOf("dave")).toEqual([dave, carol, bob]);
    expect(eventsOf("carol").slice(1)).toEqual([dave, carol]);
    expect(eventsOf("bob").slice(1)).toEqual([dave, carol, bob]);
  });

  test("hear of what comes after a change only behind it", async () => {
    const { chat, held, outlet, send } = await group();
    held.isHolding = true;
    const added = chat.membership.add(user("alice"), "g1", "dave");
    send("alice", { conversationId: "g1", content: "welcome" });
    const contentsOf = (userId: string) =>
      outlet.bodies("message", userId).map(({ seq, content }) => [seq, content]);
    expect(contentsOf("dave")).toEqual([]);
    await held.release();
    await held.release();
    await added;
    expect(contentsOf("dave")).toEqual([
      [2, "ALICE added dave"],
      [3, "welcome"],
    ]);
  });

  test("are told nothing of what could not be written, and no seq is lost by it", async () => {
    const { chat, held, eventsOf, rolesOf, send, outlet } = await group();
    held.isFailing = true;
    const changes = [
      () => chat.membership.add(user("alice"), "g1", "dave"),
      () => chat.membership.leave(user("alice"), "g1"),
      () => chat.profiles.change(user("alice"), "g1", { title: "Other" }),
      () => chat.roles.set(user("alice"), "g1", "bob", "owner"),
    ];
    for (const change of changes) expect(await refusalOf(change)).toBe("STORAGE_UNAVAILABLE");
    held.isFailing = false;
    const conversation = await chat.conversations.findFor("alice", "g1");
    expect(conversation.profile.title).toBe("The team");
    const roles = [...conversation.members.values()].map(({ role }) => role);
    expect(roles.sort()).toEqual(["member", "member", "owner"]);
    expect(eventsOf("bob")).toHaveLength(1);
    send("alice", { conversationId: "g1", content: "still here" });
    await settled();
    expect(outlet.bodies("message", "bob").at(-1)).toMatchObject({ seq: 2 });
    expect(await rolesOf()).toEqual({ alice: "owner", bob: "member", carol: "member" });
  });

  test("hear nothing of it where events are not told", async () => {
    const { chat, eventsOf, send, outlet } = await group({ tellsEvents: false });
    await chat.membership.add(user("alice"), "g1", "dave");
    await chat.profiles.change(user("alice"), "g1", { title: "Other" });
    expect(eventsOf("bob")).toEqual([]);
    send("alice", { conversationId: "g1" });
    expect(outlet.bodies("message", "dave")).toMatchObject([{ seq: 1 }]);
  });

  test("do not count events as unread, and may read them", async () => {
    const { chat, held, outlet } = await group();
    await chat.profiles.change(user("alice"), "g1", { title: "Other" });
    expect(await held.inner.conversationOf("bob", "g1")).toMatchObject({ lastSeq: 2, unread: 0 });
    const { id } = outlet.bodies("message", "bob").at(-1) ?? {};
    await chat.receipts.read("bob", String(id), null);
    await settled();
    expect(await held.inner.conversationOf("bob", "g1")).toMatchObject({ readSeq: 2 });
  });
});

describe("who may do what", () => {
  const done = "not refused";
  const outcomes = async (actor: Actor, { chat }: Awaited<ReturnType<typeof group>>) => {
    const refusal = (change: () => Promise<unknown>) => refusalOf(change);
    return {
      add: await refusal(() => chat.membership.add(actor, "g1", "dave")),
      rename: await refusal(() => chat.profiles.change(actor, "g1", { title: "Other" })),
      removeMember: await refusal(() => chat.membership.remove(actor, "g1", "carol")),
      removeOwner: await refusal(() => chat.membership.remove(actor, "g1", "alice")),
      promote: await refusal(() => chat.roles.set(actor, "g1", "dave", "admin")),
      invite: await refusal(() => chat.invites.create(actor, "g1", null)),
    };
  };

  test("a member looks after nothing", async () => {
    expect(await outcomes(user("bob"), await group())).toEqual({
      ...{ add: "NOT_PERMITTED", rename: "NOT_PERMITTED", removeMember: "NOT_PERMITTED" },
      ...{ removeOwner: "NOT_PERMITTED", promote: "NOT_PERMITTED", invite: "NOT_PERMITTED" },
    });
  });

  test("an admin looks after members, and gives no roles", async () => {
    const made = await group();
    await made.setRole(user("alice"), "bob", "admin");
    expect(await outcomes(user("bob"), made)).toEqual({
      ...{ add: done, rename: done, removeMember: done },
      ...{ removeOwner: "NOT_PERMITTED", promote: "NOT_PERMITTED", invite: done },
    });
  });

  test("the back end may do everything", async () => {
    expect(await outcomes(SYSTEM, await group())).toEqual({
      ...{ add: done, rename: done, removeMember: done },
      ...{ removeOwner: done, promote: done, invite: done },
    });
  });

  test("a stranger is told that there is nothing", async () => {
    const codes = Object.values(await outcomes(user("mallory"), await group()));
    expect(new Set(codes)).toEqual(new Set(["CONVERSATION_NOT_FOUND"]));
  });

  test("in a direct conversation there is nothing to look after", async () => {
    const { chat, send } = await group();
    send("alice", { conversationId: "d1", recipientId: "bob" });
    await settled();
    const change = () => chat.profiles.change(user("alice"), "d1", { title: "Ours" });
    expect(await refusalOf(change)).toBe("VALIDATION_FAILED");
    const left = () => chat.membership.leave(user("alice"), "d1");
    expect(await refusalOf(left)).toBe("VALIDATION_FAILED");
    const role = () => chat.roles.set(SYSTEM, "d1", "bob", "admin");
    expect(await refusalOf(role)).toBe("VALIDATION_FAILED");
  });
});

describe("a group's owner", () => {
  test("may hand it on, and is an admin then", async () => {
    const { setRole, rolesOf, eventsOf } = await group();
    await setRole(user("alice"), "bob", "owner");
    expect(await rolesOf()).toEqual({ alice: "admin", bob: "owner", carol: "member" });
    expect(eventsOf("carol").slice(1)).toEqual([
      { type: "ROLE_CHANGED", senderId: "alice", event: { userId: "alice", role: "admin" } },
      { type: "ROLE_CHANGED", senderId: "alice", event: { userId: "bob", role: "owner" } },
    ]);
    expect(await refusalOf(() => setRole(user("alice"), "carol", "admin"))).toBe("NOT_PERMITTED");
  });

  test("who leaves is followed by the admin who joined first, or the member", async () => {
    const { chat, setRole, rolesOf, eventsOf } = await group();
    await setRole(user("alice"), "carol", "admin");
    await chat.membership.leave(user("alice"), "g1");
    expect(await rolesOf()).toEqual({ bob: "member", carol: "owner" });
    expect(eventsOf("bob").at(-1)).toEqual({
      ...{ type: "ROLE_CHANGED", senderId: "/system", event: { userId: "carol", role: "owner" } },
    });
    await chat.membership.leave(user("carol"), "g1");
    expect(await rolesOf()).toEqual({ bob: "owner" });
    await chat.membership.leave(user("bob"), "g1");
    expect(await rolesOf()).toEqual({});
  });

  test("cannot give it up without another, nor to who is no member", async () => {
    const { setRole, rolesOf, held } = await group();
    const outcome = (userId: string, role: Role) =>
      refusalOf(() => setRole(user("alice"), userId, role));
    expect(await outcome("alice", "member")).toBe("VALIDATION_FAILED");
    expect(await outcome("mallory", "admin")).toBe("VALIDATION_FAILED");
    const batches = held.batches.length;
    expect(await outcome("alice", "owner")).toBe("not refused");
    expect(held.batches).toHaveLength(batches);
    expect(await rolesOf()).toEqual({ alice: "owner", bob: "member", carol: "member" });
  });
});

test("a group that all have left is whose who comes back over a link", async () => {
  const { chat, rolesOf } = await group();
  const { code } = await chat.invites.create(user("alice"), "g1", null);
  for (const userId of ["alice", "bob", "carol"]) await chat.membership.leave(user(userId), "g1");
  await chat.invites.join(user("bob"), code);
  await chat.invites.join(user("dave"), code);
  expect(await rolesOf()).toEqual({ bob: "owner", dave: "member" });
});

test("a removal that is undone leaves the order of joining as it was", async () => {
  const { chat, held } = await group();
  held.isFailing = true;
  await refusalOf(() => chat.membership.remove(user("alice"), "g1", "bob"));
  const { members } = await chat.conversations.findFor("alice", "g1");
  expect([...members.keys()]).toEqual(["alice", "bob", "carol"]);
});

test("a change comes behind what others have written, and is told there", async () => {
  const { chat, held, rolesOf, setRole } = await group();
  const [first] = await held.inner.history({ conversationId: "g1", limit: 1 });
  if (first === undefined) throw new Error("nothing was stored");
  // The store has what this server does not know of: the next seq is taken.
  await held.inner.commit(batch({ messages: [{ ...first, id: "foreign", seq: 2 }] }));
  await setRole(user("alice"), "bob", "admin");
  expect(await rolesOf()).toMatchObject({ bob: "admin" });
  expect((await chat.conversations.findFor("bob", "g1")).members.get("bob")?.role).toBe("admin");
  const told = await held.inner.history({ conversationId: "g1", limit: 10 });
  expect(told.map(({ seq, type }) => [seq, type])).toEqual([
    [1, "CONVERSATION_CREATED"],
    [2, "CONVERSATION_CREATED"],
    [3, "ROLE_CHANGED"],
  ]);
});

test("a change that others have taken away the right to is refused", async () => {
  const { chat, held, rolesOf, setRole } = await group();
  const [first] = await held.inner.history({ conversationId: "g1", limit: 1 });
  if (first === undefined) throw new Error("nothing was stored");
  const roles = [{ conversationId: "g1", userId: "alice", role: "member" as const }];
  const messages = [{ ...first, id: "foreign", seq: 2 }];
  await held.inner.commit(batch({ messages, roles }));
  const outcome = await refusalOf(() => setRole(user("alice"), "bob", "admin"));
  expect(outcome).toBe("NOT_PERMITTED");
  expect(await rolesOf()).toMatchObject({ alice: "member", bob: "member" });
  expect((await chat.conversations.findFor("bob", "g1")).members.get("bob")?.role).toBe("member");
});

test("in a direct conversation the peer hears of reading, whoever spoke last", async () => {
  const { chat, send, outlet } = await group();
  send("alice", { conversationId: "d1", recipientId: "bob" });
  await settled();
  const direct = await chat.conversations.findFor("alice", "d1");
  const spoken = { conversationId: "d1", recipientId: null, clientMessageId: null };
  const notice = {
    ...spoken,
    type: "TEXT",
    content: "from the back end",
    replyTo: null,
    ...NO_MORE,
    attachments: null,
  };
  const { promise, resolve } = Promise.withResolvers<string>();
  chat.messages.send(SYSTEM, notice, null, (_, kept) => resolve(kept?.id ?? ""));
  await chat.receipts.read("bob", await promise, null);
  await settled();
  expect(direct.members.get("bob")?.readSeq).toBe(2);
  expect(outlet.bodies("receipt", "alice")).toMatchObject([{ seq: 1, readerId: "bob" }]);
});

describe("a profile", () => {
  test("changes by what is named; the same again is no event", async () => {
    const { chat, held, eventsOf } = await group();
    const picture = "https://example.com/1.png";
    await chat.profiles.change(user("alice"), "g1", { picture });
    expect(await held.inner.conversation("g1")).toMatchObject({ title: "The team", picture });
    await chat.profiles.change(user("alice"), "g1", { picture });
    await chat.profiles.change(user("alice"), "g1", { title: null });
    expect(eventsOf("bob").slice(1)).toEqual([
      { type: "CONVERSATION_CHANGED", senderId: "alice", event: { title: "The team", picture } },
      { type: "CONVERSATION_CHANGED", senderId: "alice", event: { title: null, picture } },
    ]);
  });
});

describe("preferences", () => {
  test("are the member's own, and told to their connections alone", async () => {
    const { chat, held, outlet } = await group();
    await chat.preferences.set("bob", "g1", { mutedUntilMs: 1_732_320_000_000, pinnedMs: null });
    expect(await held.inner.conversationOf("bob", "g1")).toMatchObject({
      mutedUntilMs: 1_732_320_000_000,
    });
    expect(await held.inner.conversationOf("alice", "g1")).toMatchObject({ mutedUntilMs: null });
    expect(outlet.of("confirmation").map(({ to }) => to)).toEqual(["bob"]);
    expect(outlet.bodies("confirmation", "bob")).toEqual([
      {
        ...{ conversationId: "g1", status: "PREFERENCES" },
        ...{ mutedUntil: "2024-11-23T00:00:00.000Z", pinnedAt: null },
        timestamp: expect.any(String),
      },
    ]);
    const foreign = () => chat.preferences.set("mallory", "g1", { archivedMs: 1 });
    expect(await refusalOf(foreign)).toBe("CONVERSATION_NOT_FOUND");
  });
});

describe("a link", () => {
  test("lets whoever has it join, once", async () => {
    const { chat, eventsOf, rolesOf } = await group();
    const { code } = await chat.invites.create(user("alice"), "g1", null);
    expect((await chat.invites.preview(code)).profile.title).toBe("The team");
    expect(await chat.invites.join(user("dave"), code)).toBe("g1");
    expect(await chat.invites.join(user("dave"), code)).toBe("g1");
    expect(eventsOf("bob").slice(1)).toEqual([
      { type: "MEMBER_JOINED", senderId: "dave", event: { userId: "dave" } },
    ]);
    expect(await rolesOf()).toMatchObject({ dave: "member" });
  });

  test("holds until it expires, or is revoked", async () => {
    const { chat, clock } = await group();
    const alice = user("alice");
    const brief = await chat.invites.create(alice, "g1", clock.now() + 1_000);
    const lasting = await chat.invites.create(alice, "g1", null);
    const join = (code: string) => refusalOf(() => chat.invites.join(user("dave"), code));
    clock.advance(1_000);
    expect(await join(brief.code)).toBe("INVITE_NOT_FOUND");
    expect((await chat.invites.list(alice, "g1")).map(({ code }) => code)).toEqual([lasting.code]);
    const other = { id: "g2", memberIds: [], ownerId: null, ...NO_PROFILE };
    await chat.membership.create(alice, other);
    await chat.invites.revoke(alice, "g2", lasting.code);
    expect(await join(lasting.code)).toBe("not refused");
    await chat.invites.revoke(alice, "g1", lasting.code);
    expect(await refusalOf(() => chat.invites.join(user("erin"), lasting.code))).toBe(
      "INVITE_NOT_FOUND",
    );
  });

  test("is one of so many, of which those that expired are forgotten", async () => {
    const { chat, clock } = await group();
    const create = (expiresMs: number | null) =>
      chat.invites.create(user("alice"), "g1", expiresMs);
    await create(clock.now() + 1_000);
    for (let count = 1; count < 100; count += 1) await create(null);
    expect(await refusalOf(() => create(null))).toBe("VALIDATION_FAILED");
    clock.advance(1_000);
    expect(await refusalOf(() => create(null))).toBe("not refused");
  });
});
