import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Installation, untilBackplane } from "../support/nodes.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";
import { answerOf, askAs, askAsServer } from "../support/server-api.ts";
import { API_KEY } from "../support/tokens.ts";

let redis: RedisServer;
let postgres: PostgresServer;
let nodes: Installation;
let one: ParleyProcess;
let two: ParleyProcess;
let names = 0;
/** Users of each test's own. */
let alice: string;
let bob: string;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
  nodes = await Installation.start(redis.url, ["one", "two"], {
    ...{ PARLEY_DATABASE_URL: database(), PARLEY_API_KEYS: API_KEY, PARLEY_METRICS_OPEN: "true" },
  });
  [one, two] = [nodes.node(0), nodes.node(1)];
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await Promise.all([redis, postgres].map((server) => server[Symbol.asyncDispose]()));
});

beforeEach(() => {
  names += 1;
  [alice, bob] = [`alice-${names}`, `bob-${names}`];
});

const database = () => postgres.url("postgres", "&schema=shared");

const join = (server: ParleyProcess, userId: string) => nodes.join(server, userId);

/** Asks again and again, until it is so. */
async function until(isReached: () => Promise<boolean>, what: string): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  while (!(await isReached())) {
    if (late.aborted) throw new Error(`not reached: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function untilAll(state: "CONNECTED" | "DISCONNECTED"): Promise<void> {
  for (const each of [one, two]) await untilBackplane(each, state);
}

test("tokens taken back on one node end the connections on another", async () => {
  const there = await join(two, alice);
  const answer = await askAsServer(one, "POST", `/api/users/${alice}/revoke`);
  expect(answer.status).toBe(200);
  await there.until(() => there.errors.includes("TOKEN_REVOKED"), "the end");
});

test("connections are ended on all nodes", async () => {
  const [here, there] = [await join(one, alice), await join(two, alice)];
  await askAsServer(one, "POST", `/api/users/${alice}/disconnect`);
  for (const client of [here, there]) {
    await client.until(() => client.errors.includes("DISCONNECTED"), "the end");
  }
});

test("who is blocked on one node cannot write on another, and can when it has ended", async () => {
  const there = await join(two, alice);
  const send = (clientMessageId: string) => ({
    ...{ conversationId: `d-${names}`, recipientId: bob, content: "hi", clientMessageId },
  });
  await there.sent("/app/chat.send", send("first"));
  const answers = (destination: string) => there.got(`/user/${alice}/queue/${destination}`);
  let sent = 0;
  const sendUntil = (destination: string) => {
    const before = answers(destination).length;
    return until(async () => {
      sent += 1;
      const id = `m${sent}`;
      there.send("/app/chat.send", send(id));
      await there.until(
        () =>
          [...answers("errors"), ...answers("confirmations")].some(
            ({ clientMessageId }) => clientMessageId === id,
          ),
        "an answer",
      );
      return answers(destination).length > before;
    }, destination);
  };
  expect((await askAs(one, bob, `/api/blocks/${alice}`, "PUT")).status).toBe(204);
  await sendUntil("errors");
  expect(answers("errors").at(-1)).toMatchObject({ code: "BLOCKED" });
  expect((await askAs(one, bob, `/api/blocks/${alice}`, "DELETE")).status).toBe(204);
  await sendUntil("confirmations");
});

test("a name that is set on one node is shown on another, whose users are told", async () => {
  const [writer, contact] = [await join(two, alice), await join(two, bob)];
  await contact.subscribed("/user/queue/profiles");
  const conversationId = `d-${names}`;
  await writer.sent("/app/chat.send", { conversationId, recipientId: bob, content: "hi" });
  await writer.event(`/user/${alice}/queue/confirmations`);
  const named = await askAsServer(one, "PUT", `/api/users/${alice}`, { name: "Alice A." });
  expect(named.ok).toBe(true);
  const event = await contact.event("/user/queue/profiles", ({ userId }) => userId === alice);
  expect(event).toMatchObject({ name: "Alice A." });
  await until(async () => {
    await writer.sent("/app/chat.send", { conversationId, content: "again" });
    const got = contact.got(`/user/${bob}/queue/messages`);
    return got.some(({ senderName }) => senderName === "Alice A.");
  }, "the new name");
});

test("what the back end broadcasts is heard on all nodes, by those it is for", async () => {
  const [here, there, other] = [
    await join(one, alice),
    await join(two, bob),
    await join(two, `carol-${names}`),
  ];
  for (const client of [here, there, other]) await client.subscribed("/user/queue/notices");
  const say = (userIds: readonly string[] | "online", text: string) =>
    askAsServer(one, "POST", "/api/broadcast", { userIds, body: JSON.stringify({ text }) });
  expect(await answerOf(await say([alice, bob], "for two"))).toMatchObject({ body: { users: 1 } });
  await say("online", "for all");
  for (const client of [here, there]) {
    expect(await client.count("/user/queue/notices", 2)).toEqual([
      { text: "for two" },
      { text: "for all" },
    ]);
  }
  expect(await other.count("/user/queue/notices", 1)).toEqual([{ text: "for all" }]);
});

test("a user who is removed on one node is out on another, and is told of once", async () => {
  const [there, contact] = [await join(two, alice), await join(two, bob)];
  const conversationId = `d-${names}`;
  await there.sent("/app/chat.send", { conversationId, recipientId: bob, content: "a secret" });
  await there.event(`/user/${alice}/queue/confirmations`);
  const asked = await askAsServer(one, "DELETE", `/api/users/${alice}`);
  expect(asked.status).toBe(202);
  await there.until(() => there.errors.includes("TOKEN_REVOKED"), "the end");
  // That the tokens are taken back is heard first; the removal is read from the database.
  await until(
    async () =>
      (await askAsServer(two, "PUT", `/api/users/${alice}`, { name: "x" })).status === 409,
    "the refusal",
  );
  const erasure = async (server: ParleyProcess) =>
    (await answerOf(await askAsServer(server, "GET", `/api/users/${alice}/erasure`))).body;
  await until(async () => (await erasure(one)).doneAt != null, "the removal");
  await until(
    async () => (await askAsServer(two, "PUT", `/api/users/${alice}`, { name: "x" })).ok,
    "somebody new",
  );
  const path = `/api/conversations/${conversationId}/messages`;
  const { body } = await answerOf(await askAs(two, bob, path));
  expect(JSON.stringify(body)).not.toContain("a secret");
  const events = body.messages.filter(
    (message: { type: string }) => message.type === "USER_ERASED",
  );
  expect(events).toHaveLength(1);
  await contact.close();
});

test("a message that disappears does so on disk, whichever node took it", async () => {
  const conversationId = `d-${names}`;
  for (const [server, userId, recipientId] of [
    [one, alice, bob],
    [two, bob, alice],
  ] as const) {
    const client = await join(server, userId);
    const disappear = { disappearAfterSeconds: 1, content: "a secret" };
    await client.sent("/app/chat.send", { conversationId, recipientId, ...disappear });
    await client.event(`/user/${userId}/queue/confirmations`);
  }
  const sql = new Bun.SQL({ ...postgres.connection(), max: 1 });
  await until(async () => {
    const left = await sql.unsafe(
      "SELECT 1 FROM shared.messages WHERE conversation_id = $1 AND content = 'a secret'",
      [conversationId],
    );
    return left.length === 0;
  }, "the end of both");
  await sql.close({ timeout: 1 });
});

test("while Redis is away changes are in effect all the same, and after it too", async () => {
  const [there, later] = [await join(two, alice), await join(two, bob)];
  await redis.kill();
  await untilAll("DISCONNECTED");
  await askAsServer(one, "POST", `/api/users/${alice}/revoke`);
  await there.until(() => there.errors.includes("TOKEN_REVOKED"), "the end");
  await redis.start();
  await untilAll("CONNECTED");
  await askAsServer(one, "POST", `/api/users/${bob}/revoke`);
  await later.until(() => later.errors.includes("TOKEN_REVOKED"), "the end");
});

test("one node leads; another one does when that is killed, or PostgreSQL was", async () => {
  const leads = async (server: ParleyProcess) => (await scrape(server)).get("parley_leader") === 1;
  const leaders = async () => {
    const all = await Promise.all([one, two].map(leads));
    return all.filter((isLeader) => isLeader).length;
  };
  expect(await leaders()).toBe(1);
  postgres.kill();
  await until(async () => (await leaders()) === 0, "no leader");
  await postgres.restart();
  await until(async () => (await leaders()) === 1, "a leader");
  if (await leads(one)) {
    await nodes.kill(one);
    await until(() => leads(two), "the other one");
    one = await nodes.add("one");
  } else {
    await nodes.kill(two);
    await until(() => leads(one), "the other one");
    two = await nodes.add("two");
  }
  expect(await leaders()).toBe(1);
});

test("a server without the backplane is kept from the database of nodes, and says why", async () => {
  const start = () => startParley({ env: { PARLEY_DATABASE_URL: database() } });
  const refused = await start().then(
    () => "",
    (error: Error) => error.message,
  );
  expect(refused).toContain("is served by another Parley");
  expect(refused).not.toContain("secret");
});

test("a server that is alone takes its database again at once after it was killed", async () => {
  const url = postgres.url("postgres", "&schema=alone");
  const start = () => startParley({ env: { PARLEY_DATABASE_URL: url } });
  const first = await start();
  await first.kill();
  const again = await start();
  expect(await again.stop()).toBe(0);
});
