import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { answerOf, askAs } from "../support/server-api.ts";
import {
  connectStock,
  joinStock,
  type StockClient,
  subscribeAll,
} from "../support/stock-client.ts";

let server: ParleyProcess;
let alice: StockClient;
let bob: StockClient;

beforeAll(async () => {
  server = await startParley();
  [alice, bob] = [await joinStock(server, "alice"), await joinStock(server, "bob")];
});

afterAll(async () => {
  await alice.close();
  await bob.close();
  expect(await server.stop()).toBe(0);
});

/** A message of alice's to bob; its id. */
async function said(conversationId: string, content: string): Promise<string> {
  const body = { recipientId: "bob", content };
  const path = `/api/conversations/${conversationId}/messages`;
  const { id } = await (await askAs(server, "alice", path, "POST", body)).json();
  return id;
}

async function ask(userId: string, method: string, path: string, body?: unknown) {
  return await answerOf(await askAs(server, userId, path, method, body));
}

test("over HTTP: edited, reacted to, pinned and deleted, each is told live and in the history", async () => {
  const id = await said("h1", "helo");
  expect((await ask("alice", "PATCH", `/api/messages/${id}`, { content: "hello" })).status).toBe(
    204,
  );
  const reaction = `/api/messages/${id}/reaction`;
  expect((await ask("bob", "PUT", reaction, { emoji: "👋" })).status).toBe(204);
  expect((await ask("bob", "PUT", `/api/messages/${id}/pin`)).status).toBe(204);
  const { body } = await ask("bob", "GET", "/api/conversations/h1/messages");
  const now = {
    ...{ id, seq: 1, content: "hello", editedAt: expect.any(String), pinnedAt: expect.any(String) },
    reactions: [{ emoji: "👋", userIds: ["bob"] }],
  };
  expect(body.messages).toMatchObject([
    now,
    { seq: 2, type: "MESSAGE_EDITED", event: { messageId: id, seq: 1, content: "hello" } },
    { seq: 3, type: "MESSAGE_REACTION", event: { messageId: id, seq: 1, emoji: "👋" } },
    { seq: 4, type: "MESSAGE_PINNED", event: { messageId: id, seq: 1 } },
  ]);
  expect((await ask("alice", "GET", "/api/conversations/h1/pins")).body.messages).toMatchObject([
    now,
  ]);
  expect((await ask("bob", "GET", `/api/messages/${id}/versions`)).body).toEqual({
    versions: [{ content: "helo", replacedAt: expect.any(String) }],
  });
  expect((await ask("bob", "DELETE", `/api/messages/${id}`)).body.code).toBe("NOT_PERMITTED");
  expect((await ask("alice", "DELETE", `/api/messages/${id}`)).status).toBe(204);
  const types = (await bob.count("/user/bob/queue/messages", 5)).map(({ type }) => type);
  expect(types).toEqual([
    ...["TEXT", "MESSAGE_EDITED", "MESSAGE_REACTION", "MESSAGE_PINNED", "MESSAGE_DELETED"],
  ]);
  const erased = (await ask("bob", "GET", "/api/conversations/h1/messages")).body.messages;
  expect(erased[0]).toMatchObject({ content: "", deletedAt: expect.any(String) });
  expect(erased[0]).not.toHaveProperty("reactions");
  expect(erased[1].event).toEqual({ messageId: id, seq: 1, deleted: true });
  expect(JSON.stringify(erased)).not.toContain("hel");
});

test("an edit may name others, over STOMP and over HTTP, and who reads it later sees whom", async () => {
  const id = await said("m1", "hello");
  const unread = async () => (await ask("bob", "GET", "/api/conversations/m1")).body.unreadMentions;
  const event = async () =>
    (await ask("bob", "GET", "/api/conversations/m1/messages?limit=1")).body.messages[0].event;
  await alice.sent("/app/message.edit", { id, content: "hello bob", mentions: ["bob"] });
  expect([await unread(), (await event()).mentions]).toEqual([1, ["bob"]]);
  const patch = (body: unknown) => ask("alice", "PATCH", `/api/messages/${id}`, body);
  expect((await patch({ content: "hello you" })).status).toBe(204);
  expect([await unread(), (await event()).mentions]).toEqual([1, ["bob"]]);
  expect((await patch({ content: "hello all", mentions: [] })).status).toBe(204);
  expect([await unread(), await event()]).toEqual([
    ...[0, { messageId: id, seq: 1, content: "hello all", editedAt: expect.any(String) }],
  ]);
  expect((await patch({ content: "x", mentions: ["b b"] })).body.code).toBe("VALIDATION_FAILED");
});

test("over STOMP the same, and a receipt says that it is on disk", async () => {
  const id = await said("s1", "one");
  await alice.sent("/app/message.edit", { id, content: "two" });
  await bob.sent("/app/message.react", { id, emoji: "👍" });
  await bob.sent("/app/message.react", { id, emoji: null });
  await bob.sent("/app/message.pin", { id, pinned: true });
  await alice.sent("/app/message.pin", { id, pinned: false });
  expect((await ask("bob", "GET", "/api/conversations/s1/messages")).body.messages).toMatchObject([
    { content: "two" },
    { type: "MESSAGE_EDITED", senderId: "alice", recipientId: "bob" },
    { type: "MESSAGE_REACTION", senderId: "bob", event: { emoji: "👍" } },
    { type: "MESSAGE_REACTION", senderId: "bob", event: { emoji: null } },
    { type: "MESSAGE_PINNED", senderId: "bob" },
    { type: "MESSAGE_UNPINNED", senderId: "alice" },
  ]);
  await alice.sent("/app/message.delete", { id });
  bob.send("/app/message.edit", { id, content: "mine" });
  const refusal = ({ destination }: Record<string, unknown>) => destination === "/app/message.edit";
  expect(await bob.event("/user/bob/queue/errors", refusal)).toMatchObject({
    code: "NOT_PERMITTED",
  });
});

test("a device that was away gets the message as it is, and each event once, in order", async () => {
  const id = await said("a1", "before");
  await alice.sent("/app/message.edit", { id, content: "after" });
  const late = await connectStock(server, "bob");
  late.send("/app/chat.sync", { conversations: { a1: 0 } });
  await subscribeAll(late);
  const got = await late.count("/user/bob/queue/messages", 2);
  expect(got).toMatchObject([
    { id, seq: 1, content: "after", replay: true, editedAt: expect.any(String) },
    { seq: 2, type: "MESSAGE_EDITED", replay: true, event: { content: "after" } },
  ]);
  await late.close();
});

test("a message says how many answer it, and which", async () => {
  const id = await said("t1", "a question");
  const answer = (userId: string, content: string) =>
    ask(userId, "POST", "/api/conversations/t1/messages", { content, replyTo: id });
  await answer("bob", "an answer");
  const second = (await answer("alice", "another")).body;
  const [question] = (await ask("bob", "GET", "/api/conversations/t1/messages")).body.messages;
  expect(question).toMatchObject({ id, replyCount: 2 });
  const replies = async (query = "") =>
    (await ask("bob", "GET", `/api/messages/${id}/replies${query}`)).body.messages;
  expect(await replies()).toMatchObject([{ content: "an answer" }, { content: "another" }]);
  expect(await replies("?after=2")).toMatchObject([{ id: second.id }]);
});

test("a page of history may have a message in its middle", async () => {
  for (let count = 1; count <= 9; count += 1) await said("p1", `message ${count}`);
  const seqs = async (query: string) => {
    const { body } = await ask("bob", "GET", `/api/conversations/p1/messages?${query}`);
    return body.messages?.map(({ seq }: { seq: number }) => seq) ?? body.code;
  };
  expect(await seqs("around=5&limit=5")).toEqual([3, 4, 5, 6, 7]);
  expect(await seqs("around=5&limit=4")).toEqual([3, 4, 5, 6]);
  expect(await seqs("around=1&limit=4")).toEqual([1, 2]);
  expect(await seqs("around=9&limit=4")).toEqual([7, 8, 9]);
  expect(await seqs("around=0&limit=4")).toEqual([1, 2]);
  expect(await seqs("around=5&limit=1")).toEqual([5]);
  expect(await seqs("around=5&before=7")).toBe("VALIDATION_FAILED");
});

test("changes hold over a restart", async () => {
  const dataDir = temporaryDir();
  let own = await startParley({ dataDir });
  const askOwn = async (userId: string, path: string, method = "GET", body?: unknown) => {
    const text = await (await askAs(own, userId, path, method, body)).text();
    return text === "" ? null : JSON.parse(text);
  };
  const path = "/api/conversations/r1/messages";
  const { id } = await askOwn("alice", path, "POST", { recipientId: "bob", content: "one" });
  await askOwn("alice", `/api/messages/${id}`, "PATCH", { content: "two" });
  await askOwn("bob", `/api/messages/${id}/reaction`, "PUT", { emoji: "👍" });
  const before = await askOwn("bob", path);
  expect(before.messages).toHaveLength(3);
  expect(await own.stop()).toBe(0);
  own = await startParley({ dataDir });
  expect(await askOwn("bob", path)).toEqual(before);
  expect(await own.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});

test("a message names members, and disappears when it said that it would", async () => {
  const path = "/api/conversations/disappearing/messages";
  const message = { recipientId: "bob", content: "for your eyes", mentions: ["bob", "mallory"] };
  const { body: sent } = await ask("alice", "POST", path, { ...message, disappearAfterSeconds: 1 });
  const live = await bob.event("/user/bob/queue/messages", ({ id }) => id === sent.id);
  expect(live).toMatchObject({ mentions: ["bob"], expiresAt: expect.any(String) });
  const overview = async () => (await ask("bob", "GET", "/api/conversations/disappearing")).body;
  const isOver = async () => (await overview()).lastMessage.deletedAt !== undefined;
  while (!(await isOver()));
  const { lastMessage } = await overview();
  expect(lastMessage).toMatchObject({ content: "", deletedAt: live.expiresAt });
  expect(lastMessage).not.toHaveProperty("mentions");
  // What is shown is so at once; what is counted, when it is on disk.
  while ((await overview()).unreadMentions > 0);
  const change = { disappearAfterSeconds: 3_600 };
  expect((await ask("bob", "PATCH", "/api/conversations/disappearing", change)).body).toMatchObject(
    change,
  );
  expect(await overview()).toMatchObject(change);
  expect(
    (await ask("bob", "PATCH", "/api/conversations/disappearing", { disappearAfterSeconds: 0 }))
      .status,
  ).toBe(422);
});
