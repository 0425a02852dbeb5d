import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Stomp } from "@stomp/stompjs";
import SockJS from "sockjs-client";
import webstomp from "webstomp-client";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { connectStock, type StockClient, subscribeAll, type Via } from "../support/stock-client.ts";

let server: ParleyProcess;
const clients: StockClient[] = [];

beforeAll(async () => {
  server = await startParley({
    flags: ["--presence-grace-ms=100", "--chat-typing-expiry-ms=300"],
    env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
  });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  expect(await server.stop()).toBe(0);
});

async function join(userId: string, via: Via): Promise<StockClient> {
  const client = await connectStock(server, userId, { via });
  clients.push(client);
  await subscribeAll(client);
  return client;
}

describe.each(["websocket", "binary", "sockjs"] as const)(
  "a Spring-style front end over %s",
  (via) => {
    test("chats: message, SENT, DELIVERED, READ, typing, presence", async () => {
      const [a, b, c] = [`alice-${via}`, `bob-${via}`, `chat-${via}`];
      const alice = await join(a, via);
      const bob = await join(b, via);
      alice.send("/app/user.connect", { userId: a });
      bob.send("/app/user.connect", { userId: b });
      await alice.event(
        "/topic/presence",
        (event) => event.userId === b && event.status === "ONLINE",
      );

      alice.send("/app/chat.send", {
        conversationId: c,
        senderId: "somebody else",
        recipientId: b,
        content: "Grüße 👋",
        type: "TEXT",
        status: "SENDING",
        timestamp: "1999-01-01T00:00:00Z",
        clientMessageId: `${via}-1`,
      });
      const message = await bob.event(`/user/${b}/queue/messages`);
      expect(message).toMatchObject({
        conversationId: c,
        seq: 1,
        senderId: a,
        senderName: a,
        recipientId: b,
        content: "Grüße 👋",
        type: "TEXT",
        clientMessageId: `${via}-1`,
      });
      expect(String(message.timestamp)).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const confirmations = await alice.count(`/user/${a}/queue/confirmations`, 2);
      expect(confirmations).toMatchObject([
        {
          messageId: message.id,
          clientMessageId: `${via}-1`,
          conversationId: c,
          seq: 1,
          status: "SENT",
        },
        { messageId: message.id, clientMessageId: `${via}-1`, recipientId: b, status: "DELIVERED" },
      ]);
      expect(alice.got(`/user/${a}/queue/messages`)).toEqual([]);

      // A popular example client subscribes again at each keystroke.
      for (let stroke = 0; stroke < 50; stroke += 1) alice.subscribe(`/topic/typing/${c}`);
      await alice.subscribed(`/topic/typing/${c}`);
      bob.send(`/app/chat.typing/${c}`, { conversationId: c, isTyping: true });
      await alice.event(`/topic/typing/${c}`, (event) => event.isTyping === false);
      expect(alice.got(`/topic/typing/${c}`)).toMatchObject([
        { conversationId: c, userId: b, isTyping: true },
        { conversationId: c, userId: b, isTyping: false },
      ]);

      bob.send("/app/chat.read", { id: message.id });
      const receipt = await alice.event(`/user/${a}/queue/receipts`);
      expect(receipt).toMatchObject({
        messageId: message.id,
        conversationId: c,
        seq: 1,
        readerId: b,
        status: "READ",
      });

      bob.send("/app/user.presence", { status: "AWAY" });
      await alice.event(
        "/topic/presence",
        (event) => event.userId === b && event.status === "AWAY",
      );
      await bob.close();
      const offline = await alice.event(
        "/topic/presence",
        (event) => event.userId === b && event.status === "OFFLINE",
      );
      expect(String(offline.lastSeen)).toMatch(/Z$/);
      expect(alice.got(`/user/${a}/queue/errors`)).toEqual([]);
    });

    test("an offline user gets the backlog in order at the next subscription", async () => {
      const [a, b, c] = [`anna-${via}`, `ben-${via}`, `offline-${via}`];
      const alice = await join(a, via);
      for (let n = 1; n <= 150; n += 1) {
        if (n > 90)
          await alice.sent("/app/chat.send", {
            conversationId: c,
            recipientId: b,
            content: `${n}`,
          });
        else alice.send("/app/chat.send", { conversationId: c, recipientId: b, content: `${n}` });
      }
      const bob = await join(b, via);
      const messages = await bob.count(`/user/${b}/queue/messages`, 150);
      expect(messages.map((message) => message.seq)).toEqual(
        Array.from({ length: 150 }, (_, index) => index + 1),
      );
      expect(messages.every((message) => message.replay === true)).toBe(true);
      await alice.until(
        () =>
          alice
            .got(`/user/${a}/queue/confirmations`)
            .filter((event) => event.status === "DELIVERED").length === 150,
        "150 DELIVERED",
      );
      await bob.close();
      const again = await join(b, via);
      await alice.sent("/app/chat.send", { conversationId: c, recipientId: b, content: "new" });
      expect(
        (await again.count(`/user/${b}/queue/messages`, 1)).map((message) => message.content),
      ).toEqual(["new"]);
    });
  },
);

test("a message reaches all of a user's connections, and the sender's others", async () => {
  const alice1 = await join("multi-a", "websocket");
  const alice2 = await join("multi-a", "sockjs");
  const bob1 = await join("multi-b", "binary");
  const bob2 = await join("multi-b", "websocket");
  alice1.send("/app/chat.send", { conversationId: "multi", recipientId: "multi-b", content: "hi" });
  for (const client of [bob1, bob2]) await client.event("/user/multi-b/queue/messages");
  await alice2.event("/user/multi-a/queue/messages", (event) => event.senderId === "multi-a");
  for (const client of [alice1, alice2]) await client.count("/user/multi-a/queue/confirmations", 2);
  const statuses = alice1.got("/user/multi-a/queue/confirmations").map((event) => event.status);
  expect(statuses).toEqual(["SENT", "DELIVERED"]);
  expect(alice1.got("/user/multi-a/queue/messages")).toEqual([]);
});

test("client acknowledgement: DELIVERED comes at the ACK, and without one the message comes again", async () => {
  const alice = await join("ack-a", "websocket");
  const bob = await connectStock(server, "ack-b");
  clients.push(bob);
  let acknowledge: (() => void) | undefined;
  bob.stomp.subscribe(
    "/user/queue/messages",
    (message) => {
      acknowledge = () => message.ack();
      bob.take("messages", message);
    },
    { ack: "client" },
  );
  alice.send("/app/chat.send", { conversationId: "ack", recipientId: "ack-b", content: "1" });
  await bob.count("messages", 1);
  await alice.sent("/app/chat.send", { conversationId: "ack", recipientId: "ack-b", content: "2" });
  await bob.count("messages", 2);
  const statuses = () =>
    alice.got("/user/ack-a/queue/confirmations").map((event) => `${event.seq} ${event.status}`);
  await alice.count("/user/ack-a/queue/confirmations", 2);
  expect(statuses()).toEqual(["1 SENT", "2 SENT"]);
  bob.stomp.forceDisconnect();
  await bob.until(() => bob.connects === 2, "a reconnect");
  // The stock client does not subscribe again by itself.
  bob.stomp.subscribe(
    "/user/queue/messages",
    (message) => {
      acknowledge = () => message.ack();
      bob.take("again", message);
    },
    { ack: "client" },
  );
  expect((await bob.count("again", 2)).map((event) => event.content)).toEqual(["1", "2"]);
  acknowledge?.();
  await alice.count("/user/ack-a/queue/confirmations", 4);
  expect(statuses()).toEqual(["1 SENT", "2 SENT", "1 DELIVERED", "2 DELIVERED"]);
});

test("Stomp.over(SockJS), the older API, works unchanged", async () => {
  const bob = await join("over-b", "websocket");
  const stomp = Stomp.over(() => new SockJS(`${server.url}/ws`));
  stomp.debug = () => {};
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stomp.connect({ "X-User-Id": "over-a" }, () => resolve(), reject);
  await promise;
  stomp.send(
    "/app/chat.send",
    {},
    JSON.stringify({ conversationId: "over", recipientId: "over-b", content: "hi" }),
  );
  await bob.event("/user/over-b/queue/messages", (event) => event.senderId === "over-a");
  await stomp.deactivate();
});

test("webstomp-client works unchanged", async () => {
  const alice = await join("web-a", "websocket");
  const client = webstomp.over(new SockJS(`${server.url}/ws`), {
    debug: false,
    heartbeat: { incoming: 10_000, outgoing: 10_000 },
  });
  const connected = Promise.withResolvers<void>();
  client.connect(
    { "X-User-Id": "web-b" },
    () => connected.resolve(),
    (error) => connected.reject(error),
  );
  await connected.promise;
  const received = Promise.withResolvers<string>();
  client.subscribe("/user/web-b/queue/messages", (frame) => received.resolve(frame.body));
  client.send(
    "/app/chat.send",
    JSON.stringify({ conversationId: "web", recipientId: "web-a", content: "first" }),
  );
  await alice.event("/user/web-a/queue/messages", (event) => event.content === "first");
  alice.send("/app/chat.send", { conversationId: "web", recipientId: "web-b", content: "answer" });
  expect(JSON.parse(await received.promise)).toMatchObject({
    content: "answer",
    senderId: "web-a",
  });
  const closed = Promise.withResolvers<void>();
  client.disconnect(() => closed.resolve());
  await closed.promise;
});

test("plain topics reach every subscriber, with the sender's own headers", async () => {
  const alice = await join("topic-a", "websocket");
  const bob = await join("topic-b", "sockjs");
  const { promise, resolve } = Promise.withResolvers<Record<string, string>>();
  bob.stomp.subscribe("/topic/news", (message) =>
    resolve({ ...message.headers, body: message.body }),
  );
  await bob.subscribed("/topic/other");
  alice.stomp.publish({
    destination: "/topic/news",
    body: "a: b\n",
    headers: { "x-kind": "a:b\\", "content-type": "text/plain" },
  });
  expect(await promise).toMatchObject({
    destination: "/topic/news",
    "x-kind": "a:b\\",
    "content-type": "text/plain",
    body: "a: b\n",
  });
});

test("frames split and joined over WebSocket messages, and large ones, arrive whole", async () => {
  const bob = await join("split-b", "websocket");
  const alice = await connectStock(server, "split-a", {
    config: { splitLargeFrames: true, maxWebSocketChunkSize: 700 },
  });
  clients.push(alice);
  const content = "x".repeat(100_000);
  alice.send("/app/chat.send", { conversationId: "split", recipientId: "split-b", content });
  const message = await bob.event("/user/split-b/queue/messages");
  expect(message.content).toBe(content);
});

test("history comes over HTTP, for members only", async () => {
  const alice = await join("hist-a", "websocket");
  const bob = await join("hist-b", "websocket");
  for (let n = 1; n <= 5; n += 1) {
    await alice.sent("/app/chat.send", {
      conversationId: "hist",
      recipientId: "hist-b",
      content: `${n}`,
    });
  }
  const third = (await bob.count("/user/hist-b/queue/messages", 5))[2];
  await alice.count("/user/hist-a/queue/confirmations", 10);
  bob.send("/app/chat.read", { id: third?.id });
  await alice.event("/user/hist-a/queue/receipts");
  const get = (path: string, user: string) =>
    fetch(server.url + path, { headers: { "X-User-Id": user } });
  const page = await (await get("/api/conversations/hist/messages?limit=3", "hist-a")).json();
  expect(page.messages).toMatchObject([
    { seq: 3, content: "3", status: "READ" },
    { seq: 4, status: "DELIVERED" },
    { seq: 5, status: "DELIVERED" },
  ]);
  const before = await (await get("/api/conversations/hist/messages?before=3", "hist-b")).json();
  expect(before.messages.map((message: { seq: number }) => message.seq)).toEqual([1, 2]);
  const after = await (
    await get("/api/conversations/hist/messages?after=3&limit=1", "hist-b")
  ).json();
  expect(after.messages.map((message: { seq: number }) => message.seq)).toEqual([4]);
  const list = await (await get("/api/conversations", "hist-b")).json();
  expect(list.conversations).toMatchObject([
    {
      id: "hist",
      kind: "direct",
      memberIds: ["hist-a", "hist-b"],
      lastSeq: 5,
      readSeq: 3,
      lastMessage: { seq: 5 },
    },
  ]);
  const foreign = await get("/api/conversations/hist/messages", "mallory");
  const missing = await get("/api/conversations/none/messages", "mallory");
  expect([foreign.status, missing.status]).toEqual([404, 404]);
  expect(foreign.headers.get("content-type")).toBe("application/problem+json");
  expect(await foreign.json()).toMatchObject({ code: "CONVERSATION_NOT_FOUND", status: 404 });
  expect((await fetch(`${server.url}/api/conversations`)).status).toBe(401);
  expect((await get("/api/conversations/hist/messages?limit=many", "hist-a")).status).toBe(422);
});

test("health counts connections and users", async () => {
  await join("health-a", "websocket");
  const health = await (await fetch(`${server.url}/api/websocket/health`)).json();
  expect(health.status).toBe("UP");
  expect(health.activeConnections).toBeGreaterThan(0);
  expect(health.onlineUsers).toBeGreaterThan(0);
  expect(health.timestamp).toMatch(/Z$/);
});

test("typing subscribed to before the first message begins with it", async () => {
  const alice = await join("early-a", "websocket");
  const bob = await join("early-b", "websocket");
  alice.subscribe("/topic/typing/early");
  await alice.event(
    "/user/early-a/queue/errors",
    (event) => event.code === "CONVERSATION_NOT_FOUND",
  );
  await alice.sent("/app/chat.send", {
    conversationId: "early",
    recipientId: "early-b",
    content: "hi",
  });
  bob.send("/app/chat.typing/early", { isTyping: true });
  await alice.event("/topic/typing/early", (event) => event.userId === "early-b");
});

test("the receipt of DISCONNECT comes after those of the messages before it", async () => {
  const client = await RawClient.connect(server.wsUrl, "bye-a");
  const body = JSON.stringify({ conversationId: "bye", recipientId: "bye-b", content: "last" });
  const send = `SEND\ndestination:/app/chat.send\nreceipt:sent\n\n${body}\0`;
  client.send(`${send}DISCONNECT\nreceipt:bye\n\n\0`);
  expect(await client.closed).toBe(1000);
  const receipts = client.got("RECEIPT").map((frame) => frame.header("receipt-id"));
  expect(receipts).toEqual(["sent", "bye"]);
});
