import { afterEach, beforeEach, expect, test } from "bun:test";
import { newVapidKeys } from "../../bench/notices/vapid.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { type PushService, startPushService } from "../support/push-service.ts";
import { RawClient } from "../support/raw-client.ts";
import { scrape } from "../support/scrape.ts";
import { askInNameOf } from "../support/server-api.ts";
import { joinStock } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { API_KEY } from "../support/tokens.ts";

const MESSAGES = "/user/bob/queue/messages";
const vapid = newVapidKeys();

let folder: TemporaryFolder;
let pushes: PushService;
let server: ParleyProcess;

beforeEach(async () => {
  folder = new TemporaryFolder();
  pushes = startPushService();
  server = await start();
});
afterEach(async () => {
  await server.stop();
  await pushes.stop();
  folder[Symbol.dispose]();
});

const WITH_WEB_PUSH = {
  PARLEY_API_KEYS: API_KEY,
  PARLEY_PRESENCE_GRACE_MS: "0",
  PARLEY_NOTIFY_PUSH_INTERVAL_MS: "0",
  PARLEY_WEBPUSH_PUBLIC_KEY: vapid.publicKey,
  PARLEY_WEBPUSH_PRIVATE_KEY: vapid.privateKey,
  PARLEY_WEBPUSH_SUBJECT: "mailto:operator@example.org",
  PARLEY_OUTBOUND_ALLOW: "127.0.0.1",
  PARLEY_NOTIFY_RETRY_MS: "1",
};

function start(env: Readonly<Record<string, string>> = WITH_WEB_PUSH): Promise<ParleyProcess> {
  return startParley({ dataDir: folder.path, env });
}

async function subscribe(userId: string): Promise<string> {
  const { endpoint, keys } = pushes.subscribe(vapid.publicKey);
  const target = { channel: "webpush", address: endpoint, keys };
  const { status } = await askInNameOf(
    server,
    userId,
    "POST",
    "/api/notifications/targets",
    target,
  );
  expect(status).toBe(201);
  return endpoint;
}

async function send(content: string, recipientId = "bob"): Promise<void> {
  const path = `/api/conversations/alice-${recipientId}/messages`;
  const { status } = await askInNameOf(server, "alice", "POST", path, { recipientId, content });
  expect(status).toBe(201);
}

function told(): Record<string, unknown>[] {
  return pushes.received.map(({ text }) => JSON.parse(text));
}

test("who is not there is pushed what was said, once, and nothing while they are there", async () => {
  await subscribe("bob");
  await send("Are you there?");
  await pushes.taken(1);
  expect(told()).toMatchObject([
    { conversationId: "alice-bob", kind: "direct", senderId: "alice", content: "Are you there?" },
  ]);
  const bob = await joinStock(server, "bob");
  await send("Hello again");
  await bob.event(MESSAGES, ({ content }) => content === "Hello again");
  await subscribe("carol");
  await send("A later one", "carol");
  await pushes.taken(2);
  await bob.close();
  expect(told()[1]).toMatchObject({ conversationId: "alice-carol", content: "A later one" });
});

test("killed between a message and its notice, the server tells once it is there again", async () => {
  const endpoint = await subscribe("bob");
  await send("The last words");
  await server.kill();
  server = await start();
  await pushes.taken(1);
  await send("Another", "carol");
  expect(told()).toMatchObject([{ content: "The last words", count: 1 }]);
  expect(pushes.received[0]?.endpoint).toBe(endpoint);
});

test("killed while a push is under way, it sends it again with the same key", async () => {
  await subscribe("bob");
  pushes.answerWith("take and hang");
  await send("Did it arrive?");
  await pushes.taken(1);
  await server.kill();
  pushes.answerWith(null);
  server = await start();
  await pushes.taken(2);
  const [first, again] = told();
  expect(first).toMatchObject({ content: "Did it arrive?", count: 1 });
  expect(again).toEqual({ ...first });
  await send("And this?");
  await server.kill();
  server = await start();
  await pushes.taken(3);
  expect(told()[2]?.key).not.toBe(first?.key);
});

test("what waits for a channel that is switched off is forgotten, and counts as waiting no more", async () => {
  const waiting = async () => (await scrape(server)).get("parley_notices_waiting");
  await subscribe("bob");
  pushes.answerWith({ status: 503 });
  await send("while the push service is down");
  await pushes.asked(1);
  expect(await waiting()).toBe(1);
  await server.stop();
  server = await start({ PARLEY_API_KEYS: API_KEY });
  while ((await waiting()) !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await server.stop();
  pushes.answerWith(null);
  server = await start();
  await send("while it is on again");
  await pushes.taken(1);
  expect(told()).toMatchObject([{ content: "while it is on again" }]);
});

test("what a connection has taken that then misses its heart-beats is pushed after all", async () => {
  await server.stop();
  server = await start({ ...WITH_WEB_PUSH, PARLEY_HEARTBEAT_RECEIVE_MS: "1000" });
  await subscribe("bob");
  const bob = await RawClient.open(server.wsUrl);
  const beats = { "accept-version": "1.2", "heart-beat": "1000,0" };
  bob.frameOf("CONNECT", { ...beats, "X-User-Id": "bob" });
  await bob.frame("CONNECTED");
  bob.frameOf("SUBSCRIBE", { id: "0", destination: MESSAGES });
  await send("Are you still there?");
  expect(JSON.parse((await bob.frame("MESSAGE")).text())).toMatchObject({
    content: "Are you still there?",
  });
  expect(told()).toEqual([]);
  await bob.closed;
  await pushes.taken(1);
  expect(told()).toMatchObject([{ content: "Are you still there?" }]);
});
