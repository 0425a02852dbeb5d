import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { knock } from "../support/doors.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { askAs, askInNameOf } from "../support/server-api.ts";
import {
  connectStock,
  joinStock,
  type StockClient,
  springStyleConfig,
} from "../support/stock-client.ts";
import { API_KEY, JWT_SECRET, tokenOf } from "../support/tokens.ts";

let server: ParleyProcess;
let bob: StockClient;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--limits-messages-per-second", "0"],
  });
  bob = await joinStock(server, "bob");
  await bob.subscribed(profiles);
});

afterAll(async () => {
  await bob.close();
  expect(await server.stop()).toBe(0);
});

const inbox = "/user/bob/queue/messages";
const profiles = "/user/bob/queue/profiles";

/** By the back end: in the user's name, or in its own. */
function ask(userId: string | null, method: string, path: string, body?: unknown) {
  return askInNameOf(server, userId, method, path, body);
}

/** A message of the user's to bob, in a direct conversation of the two. */
async function say(userId: string, content: string, conversationId = `${userId}-bob`) {
  const path = `/api/conversations/${conversationId}/messages`;
  const { status, body } = await ask(userId, "POST", path, { recipientId: "bob", content });
  expect(status).toBe(201);
  return body.id as string;
}

async function exported(userId: string): Promise<Record<string, unknown>[]> {
  const answer = await askAs(server, userId, `/api/users/${userId}/export`);
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = (await answer.text()).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

async function isErased(userId: string) {
  for (;;) {
    const { body } = await ask(null, "GET", `/api/users/${userId}/erasure`);
    if (body.status === "DONE") return body;
  }
}

describe("profiles", () => {
  test("set over STOMP and HTTP are seen by contacts, told to them live, and are the senders' names", async () => {
    await say("alice", "before");
    const alice = await joinStock(server, "alice");
    await alice.sent("/app/user.profile", { name: "Ally", picture: "https://pics.example/a" });
    const profile = { userId: "alice", name: "Ally", picture: "https://pics.example/a" };
    // It is one's own, whoever is named.
    await alice.sent("/app/user.profile", { name: "Ally", userId: "bob" });
    const told = await bob.event(profiles, ({ picture }) => picture !== null);
    expect(told).toEqual({ ...profile, timestamp: expect.any(String) });
    expect((await ask("bob", "GET", "/api/users/alice")).body).toEqual(profile);
    const { body } = await ask("bob", "GET", "/api/users?ids=nobody,alice,bob");
    expect(body).toMatchObject({ users: [profile, { userId: "bob", name: "bob" }], next: null });
    expect((await ask("eve", "GET", "/api/users/alice")).body.code).toBe("USER_NOT_FOUND");
    alice.send("/app/chat.send", { conversationId: "alice-bob", content: "over STOMP" });
    await bob.event(inbox, ({ content }) => content === "over STOMP");
    await alice.close();
    await say("alice", "over HTTP");
    await bob.event(inbox, ({ content }) => content === "over HTTP");
    const names = bob.got(inbox).map(({ content, senderName }) => [content, senderName]);
    expect(names).toEqual([
      ["before", "alice"],
      ["over STOMP", "Ally"],
      ["over HTTP", "Ally"],
    ]);
  });

  test("are checked", async () => {
    const refusal = async (body: object, userId = "alice") =>
      (await ask(userId, "PATCH", "/api/users/alice", body)).body.code;
    expect(await refusal({ name: "" })).toBe("VALIDATION_FAILED");
    expect(await refusal({ name: "two\nlines" })).toBe("VALIDATION_FAILED");
    expect(await refusal({ name: "\u200bSYSTEM" })).toBe("VALIDATION_FAILED");
    const put = await ask(null, "PUT", "/api/users/alice", { name: "Deleted User" });
    expect(put.body.code).toBe("VALIDATION_FAILED");
    expect(await refusal({ picture: "javascript:alert(1)" })).toBe("VALIDATION_FAILED");
    expect(await refusal({ name: "Mine" }, "bob")).toBe("NOT_PERMITTED");
    const ids = Array.from({ length: 101 }, (_, index) => `u${index}`).join();
    expect((await ask("bob", "GET", `/api/users?ids=${ids}`)).body.code).toBe("VALIDATION_FAILED");
    expect((await ask("bob", "GET", "/api/users")).body.code).toBe("NOT_PERMITTED");
  });

  test("are the back end's alone where it is set so, and users are told", async () => {
    const closed = await startParley({
      env: { PARLEY_API_KEYS: API_KEY },
      flags: ["--chat-open-profiles=false"],
    });
    const patch = (userId: string | null, body: object) =>
      askInNameOf(closed, userId, "PATCH", "/api/users/alice", body);
    const refused = await patch("alice", { picture: "https://pics.example/a" });
    expect([refused.status, refused.body.code]).toEqual([403, "NOT_PERMITTED"]);
    const alice = await joinStock(closed, "alice");
    alice.send("/app/user.profile", { name: "Ally" });
    expect(await alice.event("/user/alice/queue/errors")).toMatchObject({
      ...{ code: "NOT_PERMITTED", message: "Names and pictures are set by the app's back end" },
    });
    expect((await patch(null, { name: "Alice A." })).body).toMatchObject({ name: "Alice A." });
    await alice.close();
    expect(await closed.stop()).toBe(0);
  });

  test("are the back end's to make, again and again, and to list in pages", async () => {
    for (const id of ["made-1", "made-2", "made-3"]) {
      const made = { userId: id, name: `Made ${id}`, picture: null, lastSeen: null };
      for (let time = 0; time < 2; time += 1) {
        const { status, body } = await ask(null, "PUT", `/api/users/${id}`, { name: made.name });
        expect([status, body]).toEqual([200, made]);
      }
    }
    const first = (await ask(null, "GET", "/api/users?cursor=made&limit=2")).body;
    expect(first).toMatchObject({
      users: [{ userId: "made-1" }, { userId: "made-2" }],
      next: "made-2",
    });
    const second = (await ask(null, "GET", `/api/users?cursor=${first.next}`)).body;
    expect(second).toMatchObject({ users: [{ userId: "made-3" }], next: null });
    expect((await ask("made-1", "GET", "/api/users/made-1")).body.name).toBe("Made made-1");
    // Never there, they are nobody whose presence is known.
    expect((await ask(null, "GET", "/api/presence?users=made-1")).body).toEqual({ users: [] });
  });
});

describe("a broadcast", () => {
  const notices = "/user/queue/notices";

  test("reaches those of the users who listen, once each, and says how many", async () => {
    const [one, two, deaf] = await Promise.all(
      ["hearer-1", "hearer-2", "deaf"].map((userId) => connectStock(server, userId)),
    );
    if (!one || !two || !deaf) throw new Error("three came");
    await Promise.all([one, two].map((client) => client.subscribed(notices)));
    const broadcast = (userIds: string[] | string, n: number) =>
      ask(null, "POST", "/api/broadcast", { userIds, body: JSON.stringify({ n }) });
    const some = await broadcast(["hearer-1", "hearer-1", "deaf", "nobody"], 1);
    expect(some).toEqual({ status: 200, body: { users: 1 } });
    expect((await broadcast("online", 2)).body).toEqual({ users: 2 });
    expect((await broadcast([], 3)).body).toEqual({ users: 0 });
    expect(await one.count(notices, 2)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await two.count(notices, 1)).toEqual([{ n: 2 }]);
    const many = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
    expect((await broadcast([...many.slice(1), "hearer-2"], 4)).body).toEqual({ users: 1 });
    expect((await broadcast([...many, "hearer-2"], 5)).body.code).toBe("VALIDATION_FAILED");
    expect((await broadcast("everybody", 6)).body.code).toBe("VALIDATION_FAILED");
    for (const client of [one, two, deaf]) await client.close();
  });
});

describe("an export", () => {
  test("has everything of the user, and nothing of others", async () => {
    const group = { memberIds: ["bob"], title: "Exported" };
    const { id } = (await ask("dora", "POST", "/api/conversations", group)).body;
    const messageId = await say("dora", "first words");
    await ask("dora", "PATCH", `/api/messages/${messageId}`, { content: "second words" });
    await ask("dora", "PATCH", "/api/users/dora", { name: "Dora D." });
    await ask("dora", "PATCH", `/api/conversations/${id}/preferences`, { archived: true });
    const { code } = (await ask("dora", "POST", `/api/conversations/${id}/invites`, {})).body;
    const theirs = (
      await ask("bob", "POST", `/api/conversations/${id}/messages`, { content: "of bob" })
    ).body.id;
    await ask("dora", "PUT", `/api/messages/${theirs}/reaction`, { emoji: "👍" });
    expect((await askAs(server, "dora", "/api/blocks/eve", "PUT")).status).toBe(204);

    const lines = await exported("dora");
    const of = (kind: string) => lines.filter((line) => line.kind === kind);
    expect(of("user")).toMatchObject([{ userId: "dora", name: "Dora D.", lastSeen: null }]);
    expect(of("block")).toEqual([{ kind: "block", userId: "eve" }]);
    expect(of("membership")).toContainEqual({
      ...{ kind: "membership", conversationId: id, conversationKind: "group", title: "Exported" },
      ...{ role: "owner", joinedSeq: 0, deliveredSeq: 1, readSeq: 1 },
      ...{ mutedUntil: null, archivedAt: expect.any(String), pinnedAt: null },
    });
    expect(of("membership")).toHaveLength(2);
    const said = of("message").find((message) => message.id === messageId);
    expect(said).toMatchObject({
      ...{ seq: 1, senderId: "dora", content: "second words", editedAt: expect.any(String) },
      versions: [{ content: "first words", replacedAt: expect.any(String) }],
    });
    expect(of("message").every(({ senderId }) => senderId === "dora")).toBe(true);
    expect(of("reaction")).toMatchObject([{ messageId: theirs, emoji: "👍", conversationId: id }]);
    expect(of("invite")).toMatchObject([{ code, conversationId: id }]);
    expect(lines.at(-1)).toEqual({ kind: "end", lines: lines.length - 1 });
    expect(JSON.stringify(lines)).not.toContain("of bob");
    const other = await askAs(server, "eve", "/api/users/dora/export");
    expect((await other.json()).code).toBe("NOT_PERMITTED");
    const known = await fetch(`${server.url}/api/users/dora/export`, {
      headers: { "X-Api-Key": API_KEY },
    });
    expect((await known.text()).trimEnd().split("\n")).toHaveLength(lines.length);
  });
});

describe("a removal", () => {
  test("takes the user out of what others see, live and in the history", async () => {
    const group = { id: "of-frank", memberIds: ["frank", "bob", "carol"], ownerId: "frank" };
    expect((await ask(null, "POST", "/api/conversations", group)).status).toBe(201);
    const ids = [await say("frank", "words of frank"), await say("frank", "more of frank")];
    const theirs = (
      await ask("bob", "POST", "/api/conversations/frank-bob/messages", { content: "of bob" })
    ).body.id;
    await ask("frank", "PUT", `/api/messages/${theirs}/reaction`, { emoji: "👍" });
    await ask("frank", "PATCH", "/api/users/frank", { name: "Frank F." });
    // Who comes again by the id would be somebody new.
    const once = { ...springStyleConfig(server, "frank", "websocket"), reconnectDelay: 0 };
    const frank = await connectStock(server, "frank", { config: once });

    const asked = await askAs(server, "frank", "/api/users/frank", "DELETE");
    expect(asked.status).toBe(202);
    expect(await asked.json()).toMatchObject({ userId: "frank", status: "PENDING" });
    await frank.until(() => frank.closes.length > 0, "the end of the connection");
    expect(frank.errors).toEqual(["TOKEN_REVOKED"]);
    const done = await isErased("frank");
    expect(done).toMatchObject({ messages: "erase", erasedMessages: 2 });

    const told = await bob.event(inbox, ({ type, conversationId }) => {
      return type === "USER_ERASED" && conversationId === "frank-bob";
    });
    expect(told).toMatchObject({
      ...{ senderId: "/system", event: { userId: "frank", messages: "erased" } },
    });
    await bob.event(inbox, ({ type, conversationId }) => {
      return type === "USER_ERASED" && conversationId === "of-frank";
    });
    const { messages } = (await ask("bob", "GET", "/api/conversations/frank-bob/messages")).body;
    expect(messages.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2, 3, 4, 5]);
    const gone = { content: "", senderName: "Deleted user", deletedAt: expect.any(String) };
    expect(messages.slice(0, 2)).toMatchObject(ids.map((id) => ({ id, ...gone })));
    expect(messages[2]).toMatchObject({ content: "of bob" });
    expect(messages[2]).not.toHaveProperty("reactions");
    expect(JSON.stringify(messages)).not.toMatch(/of frank|Frank|👍/);
    const { members } = (await ask("bob", "GET", "/api/conversations/of-frank/members")).body;
    expect(members).toMatchObject([
      { userId: "bob", role: "owner" },
      { userId: "carol", role: "member" },
    ]);
    expect((await ask("bob", "GET", "/api/users/frank")).body.code).toBe("USER_NOT_FOUND");
    expect((await ask(null, "GET", "/api/presence?users=frank")).body).toEqual({ users: [] });
    // Whoever has the id next sees nothing of what bob wrote to him.
    const path = "/api/conversations/frank-bob/messages";
    expect((await ask("frank", "GET", path)).body).toEqual({ messages: [] });
    const left = (await exported("frank")).map(({ kind }) => kind);
    expect(new Set(left)).toEqual(new Set(["membership", "end"]));
    await frank.close();
  });

  test("is asked for by the back end with what was said kept; nobody is shown the name", async () => {
    await say("gina", "words of gina");
    const asked = await ask(null, "DELETE", "/api/users/gina?messages=keep");
    expect(asked).toMatchObject({ status: 202, body: { messages: "keep" } });
    await isErased("gina");
    const { messages } = (await ask("bob", "GET", "/api/conversations/gina-bob/messages")).body;
    expect(messages[0]).toMatchObject({ content: "words of gina", senderName: "Deleted user" });
    expect(messages[1]).toMatchObject({ event: { userId: "gina", messages: "kept" } });
    await say("gina", "words of another gina", "gina-again");
    const said = (await exported("gina")).filter(({ kind }) => kind === "message");
    expect(said.map(({ content }) => content)).toEqual(["words of another gina"]);
    expect((await ask(null, "GET", "/api/users/nobody/erasure")).body.code).toBe("USER_NOT_FOUND");
    expect((await ask("bob", "DELETE", "/api/users/carol")).body.code).toBe("NOT_PERMITTED");
  });

  test("ends tokens: none that was issued before lets in any more", async () => {
    const secured = await startParley({
      env: { PARLEY_API_KEYS: API_KEY, PARLEY_JWT_SECRET: JWT_SECRET },
    });
    const token = await tokenOf({ sub: "hugo" });
    const bearer = { Authorization: `Bearer ${token}` };
    expect(await knock(secured, "websocket", { connect: bearer })).toMatchObject({ user: "hugo" });
    const asked = await fetch(`${secured.url}/api/users/hugo`, {
      ...{ method: "DELETE", headers: bearer },
    });
    expect(asked.status).toBe(202);
    for (const door of ["websocket", "api"] as const) {
      const { code } = await knock(secured, door, { connect: bearer });
      expect(["TOKEN_REVOKED", "USER_BEING_ERASED"]).toContain(code ?? "");
    }
    while (
      (await askInNameOf(secured, null, "GET", "/api/users/hugo/erasure")).body.status !== "DONE"
    );
    expect((await knock(secured, "websocket", { connect: bearer })).code).toBe("TOKEN_REVOKED");
    expect(await secured.stop()).toBe(0);
  });
});
