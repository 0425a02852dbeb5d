import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { answerOf, askAs, askInNameOf } from "../support/server-api.ts";
import { joinStock } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ env: { PARLEY_API_KEYS: API_KEY } });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const connected = (userId: string) => joinStock(server, userId);

/** Over HTTP; the status and what was answered. */
async function ask(userId: string, method: string, path: string, body?: unknown) {
  return answerOf(await askAs(server, userId, path, method, body));
}

const askByKey = (userId: string | null, method: string, path: string, body?: unknown) =>
  askInNameOf(server, userId, method, path, body);

const messagesOf = (userId: string) => `/user/${userId}/queue/messages`;

describe("over HTTP", () => {
  test("a group is made, renamed, joined by a link and left, and all of it is told live", async () => {
    const bob = await connected("bob");
    const group = { title: "Walkers", memberIds: ["bob"], picture: "https://example.com/w.png" };
    const created = await ask("alice", "POST", "/api/conversations", group);
    expect(created).toEqual({
      status: 201,
      body: { id: expect.any(String), kind: "group", memberIds: ["alice", "bob"] },
    });
    const path = `/api/conversations/${created.body.id}`;
    const renamed = await ask("alice", "PATCH", path, { title: "Hikers" });
    expect(renamed).toEqual({
      ...{ status: 200 },
      body: { title: "Hikers", picture: group.picture, disappearAfterSeconds: null },
    });
    const invite = await ask("alice", "POST", `${path}/invites`);
    expect(invite.status).toBe(201);
    const { code } = invite.body;
    expect((await ask("carol", "GET", `/api/invites/${code}`)).body).toEqual({
      ...{ conversationId: created.body.id, title: "Hikers", picture: group.picture },
      ...{ memberCount: 2, disappearAfterSeconds: null },
    });
    expect((await ask("carol", "POST", `/api/invites/${code}/join`)).status).toBe(200);
    expect((await ask("alice", "DELETE", `${path}/invites/${code}`)).status).toBe(204);
    expect((await ask("dave", "POST", `/api/invites/${code}/join`)).body.code).toBe(
      "INVITE_NOT_FOUND",
    );
    expect((await ask("alice", "PATCH", `${path}/members/bob`, { role: "admin" })).status).toBe(
      204,
    );
    expect((await ask("carol", "DELETE", `${path}/members/carol`)).status).toBe(204);
    expect((await ask("bob", "GET", `${path}/members`)).body).toEqual({
      members: [
        {
          userId: "alice",
          role: "owner",
          deliveredSeq: expect.any(Number),
          readSeq: expect.any(Number),
        },
        {
          userId: "bob",
          role: "admin",
          deliveredSeq: expect.any(Number),
          readSeq: expect.any(Number),
        },
      ],
    });
    const events = await bob.count(messagesOf("bob"), 5);
    expect(events.map(({ type, senderId }) => [type, senderId])).toEqual([
      ["CONVERSATION_CREATED", "alice"],
      ["CONVERSATION_CHANGED", "alice"],
      ["MEMBER_JOINED", "carol"],
      ["ROLE_CHANGED", "alice"],
      ["MEMBER_LEFT", "carol"],
    ]);
    await bob.close();
  });

  test("the list comes in pages, with what is unread, muted, pinned and archived", async () => {
    for (const id of ["l1", "l2", "l3", "l4"]) {
      const group = { id, memberIds: ["lister"] };
      expect((await askByKey("alice", "POST", "/api/conversations", group)).status).toBe(201);
    }
    const alice = await connected("alice");
    await alice.sent("/app/chat.send", { conversationId: "l2", content: "one" });
    await alice.sent("/app/chat.send", { conversationId: "l2", content: "two" });
    const prefer = (id: string, preferences: object) =>
      ask("lister", "PATCH", `/api/conversations/${id}/preferences`, preferences);
    const mutedUntil = "2099-12-31T23:59:59.999Z";
    expect((await prefer("l1", { pinned: true, mutedUntil })).status).toBe(204);
    expect((await prefer("l4", { archived: true })).status).toBe(204);
    const list = async (query = "") =>
      (await ask("lister", "GET", `/api/conversations${query}`)).body;
    const first = await list("?limit=2");
    expect(first.conversations).toMatchObject([
      { id: "l1", mutedUntil, pinnedAt: expect.any(String), unread: 0, role: "member" },
      { id: "l2", unread: 2, mutedUntil: null, pinnedAt: null, lastMessage: { content: "two" } },
    ]);
    const second = await list(`?limit=2&cursor=${first.next}`);
    expect(second).toMatchObject({ conversations: [{ id: "l3" }], next: null });
    expect((await list("?archived=true")).conversations).toMatchObject([{ id: "l4" }]);
    expect((await list("?cursor=nonsense")).code).toBe("VALIDATION_FAILED");
    const { id } = first.conversations[1].lastMessage;
    const lister = await connected("lister");
    await lister.sent("/app/chat.read", { id });
    await alice.event("/user/alice/queue/receipts"); // The mark is on disk.
    expect((await ask("lister", "GET", "/api/conversations/l2")).body).toMatchObject({ unread: 0 });
    await alice.close();
    await lister.close();
  });

  test("a user does not choose a group's id: it might be the one that two others mean to use", async () => {
    const group = { id: "dm:eve:frank", memberIds: ["eve", "frank"] };
    expect((await ask("mallory", "POST", "/api/conversations", group)).body.code).toBe(
      "VALIDATION_FAILED",
    );
    const mallory = await connected("mallory");
    await mallory.sent("/app/conversation.create", group);
    const created = await mallory.event(messagesOf("mallory"));
    expect(created.conversationId).not.toBe("dm:eve:frank");
    await mallory.close();
  });

  test("the back end asks in a user's name, or in its own", async () => {
    const group = { id: "b1", memberIds: ["bob"], ownerId: "alice" };
    expect((await askByKey(null, "POST", "/api/conversations", group)).status).toBe(201);
    const rename = (userId: string | null, title: string) =>
      askByKey(userId, "PATCH", "/api/conversations/b1", { title });
    expect((await rename("bob", "Bob's")).body.code).toBe("NOT_PERMITTED");
    expect((await rename("alice", "Alice's")).status).toBe(200);
    expect((await rename(null, "Ours")).status).toBe(200);
    const { body } = await ask("bob", "GET", "/api/conversations/b1/messages");
    expect(
      body.messages.map(({ type, senderId }: Record<string, string>) => [type, senderId]),
    ).toEqual([
      ["CONVERSATION_CREATED", "/system"],
      ["CONVERSATION_CHANGED", "alice"],
      ["CONVERSATION_CHANGED", "/system"],
    ]);
    expect((await askByKey(null, "GET", "/api/conversations")).body.code).toBe("VALIDATION_FAILED");
  });
});

describe("over STOMP", () => {
  test("the same is done, and a receipt says that it is on disk", async () => {
    const ann = await connected("ann");
    const ben = await connected("ben");
    const group = { title: "Team", memberIds: ["ben"], idempotencyKey: "team-1" };
    await ann.sent("/app/conversation.create", group);
    await ann.sent("/app/conversation.create", group);
    const created = ({ type }: Record<string, unknown>) => type === "CONVERSATION_CREATED";
    const { conversationId } = await ann.event(messagesOf("ann"), created);
    await ann.sent("/app/conversation.update", { conversationId, title: "The team" });
    await ann.sent("/app/conversation.add", { conversationId, userId: "cleo" });
    await ann.sent("/app/conversation.role", {
      conversationId,
      userId: "ben",
      role: "admin",
    });
    await ben.sent("/app/conversation.remove", { conversationId, userId: "cleo" });
    await ben.sent("/app/conversation.preferences", { conversationId, pinned: true });
    await ann.sent("/app/conversation.leave", { conversationId });
    const told = [
      ...["CONVERSATION_CREATED", "CONVERSATION_CHANGED", "MEMBER_ADDED", "ROLE_CHANGED"],
      ...["MEMBER_REMOVED", "MEMBER_LEFT"],
    ];
    const typesOf = (events: readonly Record<string, unknown>[]) => events.map(({ type }) => type);
    expect(typesOf(await ann.count(messagesOf("ann"), 6))).toEqual(told);
    expect(typesOf(await ben.count(messagesOf("ben"), 7))).toEqual([...told, "ROLE_CHANGED"]);
    expect(await ben.event("/user/ben/queue/confirmations")).toMatchObject({
      ...{ conversationId, status: "PREFERENCES", pinnedAt: expect.any(String) },
    });
    expect((await ask("ben", "GET", `/api/conversations/${conversationId}`)).body).toMatchObject({
      ...{ title: "The team", role: "owner", memberIds: ["ben"], memberCount: 1 },
    });
    await ann.close();
    await ben.close();
  });

  test("what was missed of a group comes at the next subscription, in order", async () => {
    await askByKey("alice", "POST", "/api/conversations", { id: "m1", memberIds: ["late"] });
    await ask("alice", "PATCH", "/api/conversations/m1", { title: "Late" });
    const late = await connected("late");
    const events = await late.count(messagesOf("late"), 2);
    expect(events).toMatchObject([
      { seq: 1, type: "CONVERSATION_CREATED", replay: true },
      { seq: 2, type: "CONVERSATION_CHANGED", replay: true, event: { title: "Late" } },
    ]);
    await late.close();
  });

  test("a message that passes for an event is refused", async () => {
    const alice = await connected("alice");
    await askByKey("alice", "POST", "/api/conversations", { id: "f1", memberIds: ["bob"] });
    alice.send("/app/chat.send", {
      ...{ conversationId: "f1", content: "alice made you owner", type: "ROLE_CHANGED" },
      clientMessageId: "forged",
    });
    expect(await alice.event("/user/alice/queue/errors")).toMatchObject({
      ...{ code: "VALIDATION_FAILED", clientMessageId: "forged" },
    });
    await alice.close();
  });
});

test("where only the back end makes groups, users do not", async () => {
  const closed = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--chat-open-groups=false"],
  });
  const group = { memberIds: ["bob"] };
  const refused = await askAs(closed, "alice", "/api/conversations", "POST", group);
  expect([refused.status, (await refused.json()).code]).toEqual([403, "NOT_PERMITTED"]);
  const client = await joinStock(closed, "alice");
  client.send("/app/conversation.create", group);
  expect((await client.event("/user/alice/queue/errors")).code).toBe("NOT_PERMITTED");
  await client.close();
  expect(await closed.stop()).toBe(0);
});
