import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { askAs, askAsServer, askInNameOf } from "../support/server-api.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let server: ParleyProcess;
let bob: StockClient;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--limits-messages-per-second", "1", "--limits-messages-burst", "5"],
  });
  bob = await joinStock(server, "bob");
});

afterAll(async () => {
  await bob.close();
  expect(await server.stop()).toBe(0);
});

const messages = "/user/bob/queue/messages";

/** By the back end: in the user's name, or in its own. */
function ask(userId: string | null, method: string, path: string, body?: unknown) {
  return askInNameOf(server, userId, method, path, body);
}

test("a message sent over HTTP reaches its recipient, and is on disk when it is answered", async () => {
  const path = "/api/conversations/http-1/messages";
  const message = { recipientId: "bob", content: "by HTTP", clientMessageId: "h-1" };
  const first = await askAs(server, "alice", path, "POST", message);
  expect(first.status).toBe(201);
  const kept = await first.json();
  expect(kept).toEqual({
    ...{ id: expect.any(String), conversationId: "http-1", seq: 1 },
    ...{ clientMessageId: "h-1", recipientId: "bob" },
  });
  expect(await bob.event(messages, ({ id }) => id === kept.id)).toMatchObject({
    ...{ seq: 1, senderId: "alice", content: "by HTTP", type: "TEXT" },
  });
  const again = await askAs(server, "alice", path, "POST", { ...message, content: "again" });
  expect([again.status, await again.json()]).toEqual([201, kept]);
  const { body } = await ask("alice", "GET", path);
  expect(body.messages).toMatchObject([{ id: kept.id, content: "by HTTP" }]);
});

test("an Idempotency-Key makes a request that is sent again have no second effect", async () => {
  const post = async (path: string, body: object, key = "k 1".replace(" ", "-")) => {
    const answer = await fetch(server.url + path, {
      ...{ method: "POST", body: JSON.stringify(body) },
      headers: { "X-User-Id": "carol", "Idempotency-Key": key },
    });
    return { status: answer.status, body: await answer.json() };
  };
  const made = await post("/api/conversations", { memberIds: ["bob"], title: "By key" });
  expect(made.status).toBe(201);
  expect(await post("/api/conversations", { memberIds: ["bob"], title: "By key" })).toEqual({
    ...{ status: 200, body: made.body },
  });
  const path = `/api/conversations/${made.body.id}/messages`;
  const first = await post(path, { content: "once" });
  expect(await post(path, { content: "once" })).toEqual(first);
  expect((await post(path, { content: "twice" }, "k-2")).body.seq).toBe(first.body.seq + 1);
  expect((await post(path, { content: "x" }, "k".repeat(129))).body.code).toBe("VALIDATION_FAILED");
});

test("who may not send is refused as over STOMP", async () => {
  const path = "/api/conversations/http-1/messages";
  const refused = async (userId: string, body: object) =>
    (await ask(userId, "POST", path, body)).body.code;
  expect(await refused("mallory", { content: "x" })).toBe("CONVERSATION_NOT_FOUND");
  expect(await refused("alice", { content: "" })).toBe("VALIDATION_FAILED");
  expect(await refused("alice", { content: "x", recipientId: "carol" })).toBe("VALIDATION_FAILED");
  const forged = { content: "x", type: "MEMBER_LEFT" };
  expect(await refused("alice", forged)).toBe("VALIDATION_FAILED");
});

test("no message is longer than a frame may be", async () => {
  const long = "x".repeat(128 * 1_024);
  const path = "/api/conversations/http-1/messages";
  const outcome = async (method: string, to: string, body: object) =>
    (await ask("alice", method, to, body)).body?.code;
  expect(await outcome("POST", path, { content: long })).toBe("VALIDATION_FAILED");
  const { body } = await ask("alice", "GET", path);
  const edit = `/api/messages/${body.messages[0].id}`;
  expect(await outcome("PATCH", edit, { content: long })).toBe("VALIDATION_FAILED");
  const publication = { topic: "/topic/weather", body: long };
  expect((await ask(null, "POST", "/api/publish", publication)).body.code).toBe(
    "VALIDATION_FAILED",
  );
});

test("a clientMessageId stands for one message, in whatever conversation", async () => {
  const message = { recipientId: "bob", content: "one", clientMessageId: "only-one" };
  expect((await ask("dora", "POST", "/api/conversations/c-1/messages", message)).status).toBe(201);
  const other = await ask("dora", "POST", "/api/conversations/c-2/messages", message);
  expect(other.body).toMatchObject({ code: "VALIDATION_FAILED" });
});

test("names and ids in headers may be UTF-8", async () => {
  const latin = (text: string) => Buffer.from(text).toString("latin1");
  const named = { "X-User-Id": latin("jürgen"), "X-User-Name": latin("Jürgen Müller") };
  const post = (headers: Record<string, string>) =>
    fetch(`${server.url}/api/conversations/utf-8/messages`, {
      ...{ method: "POST", headers },
      body: JSON.stringify({ content: "x", recipientId: "bob" }),
    });
  expect((await post({ ...named, "X-Api-Key": API_KEY })).status).toBe(201);
  expect((await post(named)).status).toBe(201);
  const sender = ({ conversationId }: Record<string, unknown>) => conversationId === "utf-8";
  await bob.until(() => bob.got(messages).filter(sender).length === 2);
  for (const got of bob.got(messages).filter(sender)) {
    expect(got).toMatchObject({ senderId: "jürgen", senderName: "Jürgen Müller" });
  }
});

test("a read mark over HTTP is told to the sender, and in the list at once", async () => {
  const path = "/api/conversations/http-2/messages";
  const alice = await joinStock(server, "alice");
  const { body } = await ask("alice", "POST", path, { recipientId: "bob", content: "read me" });
  expect((await ask("bob", "GET", "/api/conversations/http-2")).body).toMatchObject({ unread: 1 });
  expect((await ask("bob", "POST", `/api/messages/${body.id}/read`)).status).toBe(204);
  expect((await ask("bob", "GET", "/api/conversations/http-2")).body).toMatchObject({ unread: 0 });
  expect(await alice.event("/user/alice/queue/receipts")).toMatchObject({
    ...{ messageId: body.id, readerId: "bob", status: "READ" },
  });
  await alice.close();
});

test("the back end sends as itself to any conversation, at any rate, and reads all of it", async () => {
  const group = { id: "announced", memberIds: ["bob"], title: "News" };
  expect((await askAsServer(server, "POST", "/api/conversations", group)).status).toBe(201);
  const path = "/api/conversations/announced/messages";
  for (let count = 1; count <= 20; count += 1) {
    const sent = await ask(null, "POST", path, { content: `news ${count}` });
    expect(sent).toMatchObject({ status: 201, body: { seq: count + 1 } });
  }
  const last = await bob.event(messages, ({ content }) => content === "news 20");
  expect(last).toMatchObject({ senderId: "/system", conversationId: "announced" });
  expect(last).not.toHaveProperty("recipientId");
  const { body } = await ask(null, "GET", `${path}?limit=200`);
  expect(body.messages).toHaveLength(21);
  const missing = await ask(null, "POST", "/api/conversations/nowhere/messages", { content: "x" });
  expect(missing.body.code).toBe("CONVERSATION_NOT_FOUND");
});

test("what it says on a topic comes as it was said; topics of the server's own are closed", async () => {
  await bob.subscribed("/topic/weather");
  const publish = (topic: string) =>
    ask(null, "POST", "/api/publish", { topic, body: '{"sun":true}' });
  expect((await publish("/topic/weather")).status).toBe(204);
  expect(await bob.event("/topic/weather")).toEqual({ sun: true });
  expect((await publish("/topic/presence")).body.code).toBe("FORBIDDEN_DESTINATION");
  expect((await publish("/topic/a.*")).body.code).toBe("UNKNOWN_DESTINATION");
  expect((await publish("/queue/jobs")).body.code).toBe("UNKNOWN_DESTINATION");
});

test("it sees who is there, whoever may see it, and how many", async () => {
  const { body } = await ask(null, "GET", "/api/presence?users=bob,nobody");
  expect(body.users).toMatchObject([{ userId: "bob", status: "ONLINE" }]);
  expect((await ask(null, "GET", "/api/stats")).body).toEqual({
    ...{ version: expect.any(String), uptimeSeconds: expect.any(Number) },
    ...{ connections: 1, onlineUsers: expect.any(Number), uncommittedMessages: 0 },
    ...{ memoryBytes: expect.any(Number), failingServers: [] },
  });
});
