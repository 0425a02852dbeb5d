import { afterAll, beforeAll, expect, test } from "bun:test";
import { Installation } from "../support/nodes.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { RedisServer } from "../support/redis-server.ts";
import { answerOf, askAs, askAsServer } from "../support/server-api.ts";
import type { Event, StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let redis: RedisServer;
let nodes: Installation;

beforeAll(async () => {
  redis = await RedisServer.start();
  const url = await (await postgresDatabases()).make();
  const env = {
    ...{ PARLEY_DATABASE_URL: url, PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
    ...{ PARLEY_API_KEYS: API_KEY, PARLEY_CHAT_TYPING_EXPIRY_MS: "500" },
  };
  nodes = await Installation.start(redis.url, ["one", "two", "three"], env);
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const node = (index: number) => nodes.node(index);
const join = (index: number, userId: string) => nodes.join(index, userId);

/** By the app's back end. */
async function createGroup(id: string, memberIds: readonly string[], ownerId: string | null) {
  const group = { id, memberIds, ...(ownerId === null ? {} : { ownerId }) };
  const response = await askAsServer(node(1), "POST", "/api/conversations", group);
  expect(response.status).toBe(201);
}

const messagesOf = (client: StockClient) => client.got(`/user/${client.userId}/queue/messages`);
const confirmationsOf = (client: StockClient) =>
  client.got(`/user/${client.userId}/queue/confirmations`);

const statusesOf = (client: StockClient, status: string) =>
  confirmationsOf(client)
    .filter((event) => event.status === status)
    .map((event) => event.clientMessageId);

test("two people on two nodes chat: SENT, DELIVERED and READ cross, to all devices", async () => {
  const ann = await join(0, "ann");
  const annsOther = await join(2, "ann");
  const bob = await join(1, "bob");
  const bobsOther = await join(2, "bob");
  const chat = { conversationId: "ann-bob", recipientId: "bob" };
  for (let count = 1; count <= 50; count += 1) {
    ann.send("/app/chat.send", { ...chat, content: `${count}`, clientMessageId: `a${count}` });
  }
  const contents = Array.from({ length: 50 }, (_, index) => `${index + 1}`);
  for (const client of [bob, bobsOther, annsOther]) {
    await client.until(() => messagesOf(client).length >= 50, "the messages");
    expect(messagesOf(client).map(({ content }) => content)).toEqual(contents);
  }
  expect(messagesOf(ann)).toEqual([]);
  for (const client of [ann, annsOther]) {
    await client.until(() => statusesOf(client, "SENT").length >= 50, "SENT");
    await client.until(() => statusesOf(client, "DELIVERED").length >= 50, "DELIVERED");
    expect(statusesOf(client, "SENT")).toHaveLength(50);
  }
  const last = messagesOf(bob).at(-1);
  bob.send("/app/chat.read", { id: last?.id });
  for (const client of [ann, annsOther]) {
    await client.event("/user/ann/queue/receipts", ({ seq }) => seq === 50);
  }
  await bobsOther.event("/user/bob/queue/receipts", ({ seq }) => seq === 50);
  // Both of Bob's nodes have said so.
  for (const client of [ann, annsOther]) {
    expect(statusesOf(client, "DELIVERED").toSorted()).toEqual(
      Array.from({ length: 50 }, (_, index) => `a${index + 1}`).toSorted(),
    );
  }
  // Every node says the same.
  for (const index of [0, 1, 2]) {
    const path = "/api/conversations/ann-bob/messages?limit=50";
    const { body } = await answerOf(await askAs(node(index), "ann", path));
    expect(body.messages.map(({ status }: Event) => status)).toEqual(contents.map(() => "READ"));
  }
});

test("everybody writes to a group on all nodes at once, and all see the same", async () => {
  const crowd = await Promise.all(
    Array.from({ length: 6 }, (_, index) => join(index % 3, `crowd-${index}`)),
  );
  const memberIds = crowd.map(({ userId }) => userId);
  await createGroup("crowd", memberIds, null);
  for (let count = 0; count < 40; count += 1) {
    for (const client of crowd) {
      const clientMessageId = `${client.userId}-${count}`;
      const message = { conversationId: "crowd", content: clientMessageId, clientMessageId };
      client.send("/app/chat.send", message);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const client of crowd) {
    await client.until(() => statusesOf(client, "SENT").length >= 40, "SENT");
    await client.until(() => new Set(statusesOf(client, "DELIVERED")).size >= 40, "DELIVERED");
  }
  for (const client of crowd) {
    const isOther = ({ senderId }: Event) => senderId !== client.userId;
    await client.until(() => messagesOf(client).filter(isOther).length >= 201, "the messages");
    const seqs = messagesOf(client).map(({ seq }) => Number(seq));
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  }
});

test("who is added, and who is removed, is so on all nodes at once", async () => {
  const owner = await join(0, "owner");
  const guest = await join(1, "guest");
  const third = await join(2, "third");
  await createGroup("club", ["third"], "owner");
  await third.event("/user/third/queue/messages", ({ type }) => type === "CONVERSATION_CREATED");
  third.send("/app/chat.send", { conversationId: "club", content: "before" });
  await owner.event("/user/owner/queue/messages", ({ content }) => content === "before");
  await owner.sent("/app/conversation.add", { conversationId: "club", userId: "guest" });
  // At once, on the guest's own node.
  await guest.sent("/app/chat.send", { conversationId: "club", content: "hello" });
  await third.event("/user/third/queue/messages", ({ content }) => content === "hello");
  await guest.event("/user/guest/queue/messages", ({ type }) => type === "MEMBER_ADDED");
  expect(messagesOf(guest).some(({ content }) => content === "before")).toBe(false);
  guest.stomp.subscribe("/topic/typing/club", (message) => guest.take("typing", message));
  // It is not kept for who begins to listen a moment later.
  while (guest.got("typing").length === 0) {
    await third.sent("/app/chat.typing/club", { isTyping: true });
  }
  expect(guest.got("typing")[0]).toMatchObject({ userId: "third", isTyping: true });
  await owner.sent("/app/conversation.remove", { conversationId: "club", userId: "guest" });
  await guest.event("/user/guest/queue/messages", ({ type }) => type === "MEMBER_REMOVED");
  guest.send("/app/chat.send", { conversationId: "club", content: "again" });
  const refusal = await guest.event("/user/guest/queue/errors");
  expect(refusal).toMatchObject({ code: "CONVERSATION_NOT_FOUND" });
  third.send("/app/chat.send", { conversationId: "club", content: "alone" });
  await owner.event("/user/owner/queue/messages", ({ content }) => content === "alone");
  expect(messagesOf(guest).some(({ content }) => content === "alone")).toBe(false);
});

test("who was away finds on another node what came meanwhile, each once", async () => {
  const cid = await join(0, "cid");
  const dora = await join(1, "dora");
  const chat = { conversationId: "cid-dora", recipientId: "dora" };
  cid.send("/app/chat.send", { ...chat, content: "0" });
  await dora.event("/user/dora/queue/messages");
  for (let round = 0; round < 10; round += 1) {
    await dora.close();
    for (let count = 1; count <= 20; count += 1) {
      cid.send("/app/chat.send", { ...chat, content: `${round * 20 + count}` });
    }
    // While they are sent.
    const again = await join(round % 3, "dora");
    cid.send("/app/chat.send", { ...chat, content: `last ${round}` });
    await again.event("/user/dora/queue/messages", ({ content }) => content === `last ${round}`);
    const contents = messagesOf(again).map(({ content }) => content);
    expect(contents).toEqual([...new Set(contents)]);
    const expected = Array.from({ length: 20 }, (_, index) => `${round * 20 + index + 1}`);
    expect(contents.filter((content) => expected.includes(String(content)))).toEqual(expected);
    await again.close();
  }
});

test("a message that is sent to two nodes at once is one", async () => {
  const here = await join(0, "eve");
  const there = await join(1, "eve");
  const finn = await join(2, "finn");
  for (let count = 1; count <= 50; count += 1) {
    const clientMessageId = `once-${count}`;
    const message = { conversationId: "eve-finn", recipientId: "finn", content: clientMessageId };
    for (const client of [here, there]) {
      client.send("/app/chat.send", { ...message, clientMessageId });
    }
  }
  for (const client of [here, there]) {
    await client.until(() => new Set(statusesOf(client, "SENT")).size >= 50, "SENT");
  }
  await finn.until(() => messagesOf(finn).length >= 50, "the messages");
  here.send("/app/chat.send", { conversationId: "eve-finn", content: "end" });
  await finn.event("/user/finn/queue/messages", ({ content }) => content === "end");
  expect(messagesOf(finn)).toHaveLength(51);
});

test("while Redis is away nodes go on, and what others said meanwhile comes when it is back", async () => {
  const gus = await join(0, "gus");
  const hana = await join(1, "hana");
  const chat = { conversationId: "gus-hana", recipientId: "hana" };
  gus.send("/app/chat.send", { ...chat, content: "before" });
  const before = await hana.event("/user/hana/queue/messages");
  await redis.kill();
  hana.send("/app/chat.read", { id: before.id });
  await hana.sent("/topic/paced", {});
  for (let count = 1; count <= 30; count += 1) {
    gus.send("/app/chat.send", { ...chat, content: `${count}`, clientMessageId: `g${count}` });
  }
  await gus.until(() => statusesOf(gus, "SENT").length >= 30, "SENT");
  const ida = await join(1, "ida");
  gus.send("/app/chat.send", { conversationId: "gus-ida", recipientId: "ida", content: "new" });
  await redis.start();
  await gus.event("/user/gus/queue/receipts", ({ readerId }) => readerId === "hana");
  await hana.until(() => messagesOf(hana).length >= 31, "the messages");
  await ida.event("/user/ida/queue/messages", ({ content }) => content === "new");
  gus.send("/app/chat.send", { ...chat, content: "after" });
  await hana.event("/user/hana/queue/messages", ({ content }) => content === "after");
  const contents = messagesOf(hana).map(({ content }) => content);
  expect(contents).toEqual([
    "before",
    ...Array.from({ length: 30 }, (_, index) => `${index + 1}`),
    "after",
  ]);
});

test("who types at a node that is killed is typing no more", async () => {
  await createGroup("talk", ["ivy", "jon"], null);
  const ivy = await join(2, "ivy");
  const jon = await join(0, "jon");
  await jon.subscribed("/topic/typing/talk");
  const heard = jon.got("/topic/typing/talk");
  // It is not kept for who begins to listen a moment later.
  while (heard.length === 0) await ivy.sent("/app/chat.typing/talk", { isTyping: true });
  await nodes.kill(node(2));
  await ivy.stomp.deactivate({ force: true });
  await jon.until(() => heard.at(-1)?.isTyping === false, "the end");
  expect(heard.at(-1)).toMatchObject({ userId: "ivy", conversationId: "talk" });
});
