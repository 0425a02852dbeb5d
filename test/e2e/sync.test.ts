import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { PausingClient } from "../support/pausing-client.ts";
import { RawClient } from "../support/raw-client.ts";
import { connectStock, type Event, type StockClient } from "../support/stock-client.ts";
import { batch, conversation } from "../support/stored.ts";

const MESSAGES = "/user/queue/messages";
const CONFIRMATIONS = "/user/queue/confirmations";
const RECEIPTS = "/user/queue/receipts";
const ERRORS = "/user/queue/errors";

let server: ParleyProcess;
const dataDir = temporaryDir();
const clients: StockClient[] = [];

beforeAll(async () => {
  const storage = await openSqliteStorage({ path: join(dataDir, "parley.db") });
  const group = conversation("group", ["g-alice", "g-bob", "g-carol"]);
  await storage.chat.commit(batch({ conversations: [group] }));
  await storage.close();
  server = await startParley({ dataDir, env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  expect(await server.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});

async function device(userId: string, ...queues: readonly string[]): Promise<StockClient> {
  const client = await connectStock(server, userId);
  clients.push(client);
  await Promise.all([CONFIRMATIONS, ERRORS, ...queues].map((queue) => client.subscribed(queue)));
  return client;
}

async function sendAll(from: StockClient, to: string, count: number, content = "hello") {
  const conversationId = [from.userId, to].sort().join("-");
  for (let n = 0; n < count; n += 1) {
    await from.sent("/app/chat.send", { conversationId, recipientId: to, content });
  }
  return conversationId;
}

const seqs = (client: StockClient) => client.got(MESSAGES).map((message) => Number(message.seq));
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

function sync(client: StockClient, conversations: Record<string, unknown>): Promise<Event> {
  const before = client.got(CONFIRMATIONS).filter(isSynced).length;
  client.send("/app/chat.sync", { conversations });
  return client
    .until(() => client.got(CONFIRMATIONS).filter(isSynced).length > before, "SYNCED")
    .then(() => client.got(CONFIRMATIONS).filter(isSynced)[before] ?? {});
}

const isSynced = ({ status }: Event) => status === "SYNCED";

test("a device that was away gets the rest once and in order, however it comes back", async () => {
  const alice = await device("a1", MESSAGES);
  const first = await device("b1", MESSAGES);
  const id = await sendAll(alice, "b1", 5);
  await first.count(MESSAGES, 5);
  await alice.until(
    () => alice.got(CONFIRMATIONS).filter(({ status }) => status === "DELIVERED").length === 5,
    "DELIVERED",
  );
  await first.close();
  await sendAll(alice, "b1", 15);

  const syncFirst = await device("b1");
  const synced = sync(syncFirst, { [id]: 5 });
  syncFirst.subscribe(MESSAGES);
  expect(await synced).toMatchObject({ conversations: { [id]: { seq: 20, readSeq: 0 } } });
  expect(seqs(syncFirst)).toEqual(numbers(6, 20));
  expect(syncFirst.got(MESSAGES).every(({ replay }) => replay === true)).toBe(true);

  await alice.until(
    () => alice.got(CONFIRMATIONS).filter(({ status }) => status === "DELIVERED").length === 20,
    "DELIVERED of all",
  );
  await syncFirst.close();
  await sendAll(alice, "b1", 5);
  const syncLast = await device("b1");
  syncLast.subscribe(MESSAGES);
  expect(await sync(syncLast, { [id]: 20 })).not.toHaveProperty("resync");
  expect(seqs(syncLast)).toEqual(numbers(21, 25));

  // What comes now is live, and the same device may ask again.
  await sendAll(alice, "b1", 1);
  await syncLast.count(MESSAGES, 6);
  expect(syncLast.got(MESSAGES).at(-1)).not.toHaveProperty("replay");
  await sync(syncLast, { [id]: 24 });
  expect(seqs(syncLast).slice(6)).toEqual([25, 26]);
});

test("a second device learns what the first one received, sent and read meanwhile", async () => {
  const alice = await device("a2", MESSAGES);
  const phone = await device("b2", MESSAGES, RECEIPTS);
  const id = await sendAll(alice, "b2", 3);
  await phone.count(MESSAGES, 3);
  await sendAll(phone, "a2", 1, "from my phone");
  const laptop = await device("b2", RECEIPTS);
  const synced = sync(laptop, { [id]: 0 });
  laptop.subscribe(MESSAGES);
  await synced;
  expect(laptop.got(MESSAGES).map(({ senderId }) => senderId)).toEqual(["a2", "a2", "a2", "b2"]);

  // From now on both get everything but what they send themselves, and one's marks reach the other.
  await sendAll(phone, "a2", 1, "again");
  await laptop.count(MESSAGES, 5);
  expect(seqs(phone)).toEqual([1, 2, 3]);
  expect(await laptop.event(CONFIRMATIONS, ({ status, seq }) => status === "SENT" && seq === 5));
  await sendAll(alice, "b2", 1);
  await phone.count(MESSAGES, 4);
  phone.send("/app/chat.read", { id: phone.got(MESSAGES).at(-1)?.id });
  const mark = { conversationId: id, seq: 6, readerId: "b2", status: "READ" };
  expect(await laptop.event(RECEIPTS)).toMatchObject(mark);
  expect(phone.got(RECEIPTS)).toEqual([]);
  await alice.event(CONFIRMATIONS, ({ status, seq }) => status === "DELIVERED" && seq === 6);
  // DELIVERED came once for each, though two devices received them.
  const delivered = alice
    .got(CONFIRMATIONS)
    .filter(({ status }) => status === "DELIVERED")
    .map(({ seq }) => seq);
  expect(delivered).toEqual([1, 2, 3, 6]);
});

test("a long replay waits for a reader that pauses, and closes nobody", async () => {
  const alice = await device("a3", MESSAGES);
  const id = await sendAll(alice, "b3", 250, "x".repeat(60_000)); // 15 MB.
  const bob = await PausingClient.connect(server.port, "b3");
  bob.send(`SUBSCRIBE\nid:c\ndestination:${CONFIRMATIONS}\n\n\0`);
  bob.send(
    `SEND\ndestination:/app/chat.sync\n\n${JSON.stringify({ conversations: { [id]: 0 } })}\0`,
  );
  bob.send(`SUBSCRIBE\nid:m\ndestination:${MESSAGES}\n\n\0`);
  const bodies = (subscription: string) =>
    bob
      .got("MESSAGE")
      .filter((frame) => frame.header("subscription") === subscription)
      .map((frame): Event => JSON.parse(frame.text()));
  await bob.until("the first messages", () => bodies("m").length > 10);
  bob.pause();
  // Others are served meanwhile, and what comes during the replay follows it.
  const carol = await device("c3", MESSAGES);
  await sendAll(alice, "c3", 20);
  await carol.count(MESSAGES, 20);
  await sendAll(alice, "b3", 10);
  expect(bodies("m").length).toBeLessThan(250);
  bob.resume();
  await bob.until("SYNCED", () => bodies("c").some(isSynced));
  expect(bodies("c").filter(isSynced)).toMatchObject([{ conversations: { [id]: { seq: 260 } } }]);
  expect(bodies("m").map(({ seq }) => seq)).toEqual(numbers(1, 260));
  expect(bob.isClosed).toBe(false);
  bob.close();
});

describe("a sync is refused", () => {
  const refusals: readonly (readonly [string, object, string])[] = [
    ["without conversations", {}, "VALIDATION_FAILED"],
    ["with a position that is none", { conversations: { c: -1 } }, "VALIDATION_FAILED"],
    ["with a position of the wrong form", { conversations: { c: "1" } }, "VALIDATION_FAILED"],
    ["with an id that cannot be", { conversations: { "a b": 1 } }, "VALIDATION_FAILED"],
    [
      "with more conversations than one may name",
      { conversations: Object.fromEntries(numbers(1, 501).map((n) => [`c${n}`, 0])) },
      "VALIDATION_FAILED",
    ],
  ];
  for (const [name, body, code] of refusals) {
    test(name, async () => {
      const bob = await device("b4");
      bob.send("/app/chat.sync", body);
      expect(await bob.event(ERRORS)).toMatchObject({ code, destination: "/app/chat.sync" });
    });
  }
});

test("the answer tells missing and foreign conversations alike, and names the others", async () => {
  const alice = await device("a5", MESSAGES);
  const foreign = await sendAll(alice, "c5", 1);
  const own = await sendAll(alice, "b5", 1);
  const bob = await device("b5", MESSAGES);
  const missing = { error: "CONVERSATION_NOT_FOUND" };
  expect(await sync(bob, { [foreign]: 0, "no-such": 0 })).toMatchObject({
    conversations: { [foreign]: missing, "no-such": missing },
    others: { [own]: 1 },
  });
  const last = bob.got(MESSAGES)[0]?.id;
  expect(await sync(bob, { [own]: { seq: 1, id: last } })).not.toHaveProperty("resync");
  expect(await sync(bob, { [own]: { seq: 1, id: "lost" } })).toMatchObject({
    resync: true,
    conversations: { [own]: { seq: 1, resync: true } },
  });
});

test("a message that came twice is acknowledged twice, and delivered once", async () => {
  const alice = await device("a6", MESSAGES);
  const bob = await RawClient.connect(server.wsUrl, "b6");
  await bob.confirmed("SUBSCRIBE", { id: "m", destination: MESSAGES, ack: "client-individual" });
  const id = await sendAll(alice, "b6", 2);
  const messages = () => bob.got("MESSAGE");
  await bob.until("both", () => messages().length === 2);
  const body = JSON.stringify({ conversations: { [id]: 0 } });
  for (let n = 0; n < 2; n += 1) {
    await bob.confirmed("SEND", { destination: "/app/chat.sync" }, body);
    await bob.until("both again", () => messages().length === 4 + 2 * n);
  }
  expect(messages().map((frame) => JSON.parse(frame.text()).seq)).toEqual([1, 2, 1, 2, 1, 2]);
  for (const message of messages()) await bob.confirmed("ACK", { id: message.header("ack") ?? "" });
  await alice.event(CONFIRMATIONS, ({ status, seq }) => status === "DELIVERED" && seq === 2);
  const delivered = alice.got(CONFIRMATIONS).filter(({ status }) => status === "DELIVERED");
  expect(delivered.map(({ seq }) => seq)).toEqual([1, 2]);
  bob.close();
});

test("a group's message tells how far it has come with each member", async () => {
  const alice = await device("g-alice", MESSAGES, RECEIPTS);
  const bob = await device("g-bob", MESSAGES);
  await alice.sent("/app/chat.send", { conversationId: "group", content: "hello" });
  const [message] = await bob.count(MESSAGES, 1);
  const path = `/api/messages/${message?.id}/status`;
  const statusFor = async (userId: string): Promise<Event> => {
    const answer = await fetch(server.url + path, { headers: { "X-User-Id": userId } });
    return await answer.json();
  };
  const withBob = async (status: string) => {
    const told: unknown = await statusFor("g-alice");
    expect(told).toMatchObject({
      messageId: message?.id,
      status: "SENT",
      members: [
        { userId: "g-bob", status },
        { userId: "g-carol", status: "SENT" },
      ],
    });
  };
  bob.send("/app/chat.read", { id: message?.id });
  await alice.event(RECEIPTS);
  await withBob("READ");
  expect(alice.got(CONFIRMATIONS)).toMatchObject([{ status: "SENT" }]);
  const carol = await device("g-carol", MESSAGES);
  await carol.count(MESSAGES, 1);
  await alice.event(CONFIRMATIONS, ({ status }) => status === "DELIVERED");
  expect(await statusFor("g-carol")).toMatchObject({
    status: "DELIVERED",
    members: [{ status: "READ" }, { userId: "g-carol", status: "DELIVERED" }],
  });
  expect(await statusFor("mallory")).toMatchObject({ code: "MESSAGE_NOT_FOUND", status: 404 });
});
