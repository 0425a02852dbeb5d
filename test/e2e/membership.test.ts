import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { askAs, askAsServer } from "../support/server-api.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

// Events of the groups would stand between the messages.
const env = { PARLEY_API_KEYS: API_KEY, PARLEY_CHAT_SYSTEM_MESSAGES: "false" };

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ env });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function group(id: string, memberIds: readonly string[], to = server): Promise<void> {
  const answer = await askAsServer(to, "POST", "/api/conversations", { id, memberIds });
  expect(answer.status).toBe(201);
  expect(await answer.json()).toEqual({ id, memberIds, kind: "group" });
}

async function change(method: "PUT" | "DELETE", id: string, userId: string, to = server) {
  const answer = await askAsServer(to, method, `/api/conversations/${id}/members/${userId}`);
  expect(answer.status).toBe(204);
}

async function connected(userId: string, to = server): Promise<StockClient> {
  const client = await connectStock(to, userId);
  await subscribeAll(client);
  return client;
}

const messagesOf = (client: StockClient) =>
  client.got(`/user/${client.userId}/queue/messages`).map(({ content }) => content);
const historyOf = (userId: string, id: string, to = server) =>
  askAs(to, userId, `/api/conversations/${id}/messages`);

test("who is removed gets nothing more of the group: the events stop", async () => {
  await group("g1", ["alice", "bob", "carol"]);
  await group("marker", ["alice", "bob"]);
  const alice = await connected("alice");
  const bob = await connected("bob");
  const carol = await connected("carol");
  const typing = "/topic/typing/g1";
  for (const client of [bob, carol]) await client.subscribed(typing);
  await alice.sent("/app/chat.send", { conversationId: "g1", content: "for three" });
  alice.send("/app/chat.typing/g1", { isTyping: true });
  await bob.event(typing);
  await bob.count("/user/bob/queue/messages", 1);

  await change("DELETE", "g1", "bob");
  alice.send("/app/chat.typing/g1", { isTyping: false });
  await alice.sent("/app/chat.send", { conversationId: "g1", content: "for two" });
  await carol.count(typing, 2);
  await carol.count("/user/carol/queue/messages", 2);
  await alice.sent("/app/chat.send", { conversationId: "marker", content: "marker" });
  await bob.event("/user/bob/queue/messages", ({ content }) => content === "marker");
  expect(messagesOf(bob)).toEqual(["for three", "marker"]);
  expect(bob.got(typing)).toHaveLength(1);

  // Back again, the client that has not unsubscribed hears of typing again.
  await change("PUT", "g1", "bob");
  alice.send("/app/chat.typing/g1", { isTyping: true });
  await bob.count(typing, 2);
  await change("DELETE", "g1", "bob");

  const refused = async (act: () => void) => {
    const before = bob.got("/user/bob/queue/errors").length;
    act();
    const errors = await bob.count("/user/bob/queue/errors", before + 1);
    return errors[before]?.code;
  };
  const id = carol.got("/user/carol/queue/messages")[0]?.id;
  const send = () => bob.send("/app/chat.send", { conversationId: "g1", content: "let me in" });
  expect(await refused(send)).toBe("CONVERSATION_NOT_FOUND");
  expect(await refused(() => bob.send("/app/chat.read", { id }))).toBe("MESSAGE_NOT_FOUND");
  expect(await refused(() => bob.send("/app/chat.typing/g1", { isTyping: true }))).toBe(
    "CONVERSATION_NOT_FOUND",
  );
  expect(await refused(() => bob.subscribe("/topic/typing/g1", { id: "again" }))).toBe(
    "CONVERSATION_NOT_FOUND",
  );
  bob.send("/app/chat.sync", { conversations: { g1: 0, marker: 0 } });
  const isSynced = ({ status }: Record<string, unknown>) => status === "SYNCED";
  expect(await bob.event("/user/bob/queue/confirmations", isSynced)).toMatchObject({
    conversations: { g1: { error: "CONVERSATION_NOT_FOUND" } },
    others: {},
  });
  expect((await historyOf("bob", "g1")).status).toBe(404);
  expect((await askAs(server, "bob", `/api/messages/${id}/status`)).status).toBe(404);
  const list = await (await askAs(server, "bob", "/api/conversations")).json();
  expect(list.conversations.map((each: { id: string }) => each.id)).toEqual(["marker"]);
  for (const client of [alice, bob, carol]) await client.close();
});

test("who does not acknowledge and is removed does not get it again; who is back sees what is new", async () => {
  await group("g2", ["dave", "erin"]);
  const dave = await connected("dave");
  const erin = await connectStock(server, "erin");
  await erin.subscribed("/user/erin/queue/messages", { ack: "client" });
  await dave.sent("/app/chat.send", { conversationId: "g2", content: "not acknowledged" });
  await erin.count("/user/erin/queue/messages", 1);
  await change("DELETE", "g2", "erin");
  await dave.sent("/app/chat.send", { conversationId: "g2", content: "in between" });
  await change("PUT", "g2", "erin");
  await dave.sent("/app/chat.send", { conversationId: "g2", content: "welcome back" });
  await erin.close();
  const again = await connected("erin");
  await again.count("/user/erin/queue/messages", 1);
  expect(messagesOf(again)).toEqual(["welcome back"]);
  const { messages } = await (await historyOf("erin", "g2")).json();
  expect(messages).toMatchObject([{ seq: 3, content: "welcome back" }]);
  const older = await askAs(server, "erin", "/api/conversations/g2/messages?after=0&limit=2");
  expect(await older.json()).toMatchObject({ messages: [{ seq: 3 }] });
  for (const client of [dave, again]) await client.close();
});

test("is known after a crash, once it was answered", async () => {
  const dataDir = temporaryDir();
  const first = await startParley({ env, dataDir });
  await group("g3", ["alice", "bob"], first);
  await change("DELETE", "g3", "bob", first);
  await change("PUT", "g3", "carol", first);
  await first.kill();
  const second = await startParley({ env, dataDir });
  expect((await historyOf("bob", "g3", second)).status).toBe(404);
  for (const userId of ["alice", "carol"]) {
    expect((await historyOf(userId, "g3", second)).status).toBe(200);
  }
  expect(await second.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});

test("a removal that cannot be written says so; who was to go stays, and connects again", async () => {
  const dataDir = temporaryDir();
  const slow = { ...env, PARLEY_DATABASE_BUSY_TIMEOUT_MS: "50" };
  const locked = await startParley({ env: slow, dataDir });
  await group("g5", ["alice", "bob"], locked);
  const bob = await connectStock(locked, "bob", {
    onConnect: (client) => void subscribeAll(client),
  });
  const lock = new Database(join(dataDir, "parley.db"));
  lock.run("PRAGMA busy_timeout = 5000"); // The server still writes that Bob is there.
  lock.run("BEGIN IMMEDIATE");
  const path = "/api/conversations/g5/members/bob";
  const refused = await askAsServer(locked, "DELETE", path);
  expect([refused.status, (await refused.json()).code]).toEqual([503, "STORAGE_UNAVAILABLE"]);
  lock.run("ROLLBACK");
  lock.close();
  await bob.until(() => bob.connects === 2, "the second connection");
  expect(bob.errors).toEqual(["STORAGE_UNAVAILABLE"]);
  await bob.sent("/app/chat.send", { conversationId: "g5", content: "still here" });
  expect((await askAsServer(locked, "DELETE", path)).status).toBe(204);
  expect((await historyOf("bob", "g5", locked)).status).toBe(404);
  await bob.close();
  expect(await locked.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});

test("who looks after a group may change its members, and the back end; what is wrong is refused", async () => {
  await group("g4", ["alice", "bob"]);
  for (const [method, path] of [
    ["PUT", "/api/conversations/g4/members/mallory"],
    ["DELETE", "/api/conversations/g4/members/bob"],
  ]) {
    const refused = await askAs(server, "alice", path ?? "", method);
    expect([refused.status, (await refused.json()).code]).toEqual([403, "NOT_PERMITTED"]);
  }
  expect((await historyOf("mallory", "g4")).status).toBe(404);
  expect((await historyOf("bob", "g4")).status).toBe(200);
  const statusOf = async (method: string, path: string, body?: unknown) =>
    (await askAsServer(server, method, path, body)).status;
  expect(await statusOf("POST", "/api/conversations", { memberIds: [] })).toBe(422);
  expect(await statusOf("POST", "/api/conversations", { memberIds: ["a b"] })).toBe(422);
  expect(await statusOf("POST", "/api/conversations", { id: "g4", memberIds: ["eve"] })).toBe(409);
  const same = { id: "g4", memberIds: ["alice", "bob"] };
  expect(await statusOf("POST", "/api/conversations", same)).toBe(200);
  expect(await statusOf("PUT", "/api/conversations/nowhere/members/alice")).toBe(404);
  expect(await statusOf("DELETE", "/api/conversations/nowhere/members/alice")).toBe(404);
});
