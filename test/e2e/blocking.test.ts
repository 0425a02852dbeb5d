import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { askAs } from "../support/server-api.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS_BLOCKS: "2" } });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function connected(userId: string): Promise<StockClient> {
  const client = await connectStock(server, userId);
  await subscribeAll(client);
  return client;
}

async function block(userId: string, otherId: string, method: "PUT" | "DELETE" = "PUT") {
  const answer = await askAs(server, userId, `/api/blocks/${otherId}`, method);
  return answer.status;
}

const blocksOf = async (userId: string, of = server) =>
  (await askAs(of, userId, "/api/blocks")).json();

test("who is blocked cannot write, type or open; nor can who blocks; after the end both can", async () => {
  const [alice, bob] = await Promise.all([connected("alice"), connected("bob")]);
  const first = { conversationId: "d1", recipientId: "bob", content: "hi", clientMessageId: "m1" };
  await alice.sent("/app/chat.send", first);
  const [sent] = await alice.count("/user/alice/queue/confirmations", 1);
  await bob.subscribed("/topic/typing/d1");
  alice.send("/app/chat.typing/d1", { isTyping: true });
  await bob.event("/topic/typing/d1");

  expect(await block("bob", "alice")).toBe(204);
  expect(await block("bob", "alice")).toBe(204);
  expect(await blocksOf("bob")).toEqual({ userIds: ["alice"] });
  expect(await blocksOf("alice")).toEqual({ userIds: [] });
  const [, end] = await bob.count("/topic/typing/d1", 2);
  expect(end).toMatchObject({ userId: "alice", isTyping: false });

  const refusals: [string, object][] = [
    ["/app/chat.send", { ...first, clientMessageId: "m2" }],
    ["/app/chat.send", { ...first, conversationId: "d2", clientMessageId: "m3" }],
    ["/app/chat.typing/d1", { isTyping: true }],
  ];
  for (const [destination, body] of refusals) alice.send(destination, body);
  expect(await alice.count("/user/alice/queue/errors", 3)).toMatchObject([
    { code: "BLOCKED", clientMessageId: "m2", destination: "/app/chat.send" },
    { code: "BLOCKED", clientMessageId: "m3" },
    { code: "BLOCKED", destination: "/app/chat.typing/d1" },
  ]);
  bob.send("/app/chat.send", { conversationId: "d1", content: "one more thing" });
  expect(await bob.event("/user/bob/queue/errors")).toMatchObject({ code: "BLOCKED" });
  alice.send("/app/chat.send", first);
  const confirmed = () =>
    alice.got("/user/alice/queue/confirmations").filter(({ status }) => status === "SENT");
  await alice.until(() => confirmed().length === 2, "the second SENT");
  const [, again] = confirmed();
  expect(again).toMatchObject({ messageId: sent?.messageId, seq: 1 });

  expect(await block("bob", "alice", "DELETE")).toBe(204);
  expect(await block("bob", "alice", "DELETE")).toBe(204);
  await alice.sent("/app/chat.send", { ...first, content: "friends", clientMessageId: "m4" });
  await bob.count("/user/bob/queue/messages", 2);
  expect(bob.got("/user/bob/queue/messages").map(({ content }) => content)).toEqual([
    ...["hi", "friends"],
  ]);
  for (const client of [alice, bob]) await client.close();
});

test("what is wrong is refused", async () => {
  expect(await block("carol", "carol")).toBe(422);
  expect(await block("carol", "a%20b")).toBe(422);
  for (const other of ["x", "y"]) expect(await block("carol", other)).toBe(204);
  const answer = await askAs(server, "carol", "/api/blocks/z", "PUT");
  expect(await answer.json()).toMatchObject({ code: "TOO_MANY_BLOCKS", status: 409 });
  for (const method of ["GET", "PUT", "DELETE"]) {
    const path = method === "GET" ? "/api/blocks" : "/api/blocks/x";
    expect((await fetch(server.url + path, { method })).status).toBe(401);
  }
});

test("a block that was answered is there after a crash", async () => {
  const dataDir = temporaryDir();
  const first = await startParley({ dataDir });
  expect((await askAs(first, "dave", "/api/blocks/erin", "PUT")).status).toBe(204);
  await first.kill();
  const second = await startParley({ dataDir });
  expect(await blocksOf("dave", second)).toEqual({ userIds: ["erin"] });
  expect(await second.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
