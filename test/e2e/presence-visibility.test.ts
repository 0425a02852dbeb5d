import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { askAs, askAsServer } from "../support/server-api.ts";
import { connectStock, type StockClient, type Via } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

const PRESENCE = "/topic/presence";

let server: ParleyProcess;
let clients: StockClient[];

function serverShowingTo(visibleTo: string) {
  beforeEach(async () => {
    clients = [];
    server = await startParley({
      env: {
        PARLEY_PRESENCE_VISIBLE_TO: visibleTo,
        PARLEY_PRESENCE_GRACE_MS: "0",
        PARLEY_API_KEYS: API_KEY,
      },
    });
  });

  afterEach(async () => {
    for (const client of clients) await client.close();
    expect(await server.stop()).toBe(0);
  });
}

/** Someone who hears of presence, and of messages. */
async function watcher(userId: string, via: Via = "websocket"): Promise<StockClient> {
  const client = await connectStock(server, userId, { via });
  clients.push(client);
  await client.subscribed(PRESENCE);
  await client.subscribed(`/user/${userId}/queue/messages`);
  return client;
}

const say = (client: StockClient, status: string) => client.sent("/app/user.presence", { status });

/** What the client has heard of the user. */
const heard = (client: StockClient, userId: string) =>
  client
    .got(PRESENCE)
    .filter((event) => event.userId === userId)
    .map(({ status }) => status);

/** All that was published before has come: the client's own presence came behind it. */
async function marked(client: StockClient): Promise<void> {
  const before = client.got(PRESENCE).length;
  await say(client, "AWAY");
  const isOwn = () =>
    client
      .got(PRESENCE)
      .slice(before)
      .some(({ userId }) => userId === client.userId);
  await client.until(isOwn, "its own presence");
}

async function listed(userId: string, users?: string): Promise<string[]> {
  const query = users === undefined ? "" : `?users=${users}`;
  const answer = await (await askAs(server, userId, `/api/presence${query}`)).json();
  return answer.users.map((user: { userId: string }) => user.userId).sort();
}

async function group(id: string, memberIds: readonly string[]): Promise<void> {
  const answer = await askAsServer(server, "POST", "/api/conversations", { id, memberIds });
  expect(answer.status).toBe(201);
}

describe("presence for everyone", () => {
  serverShowingTo("everyone");

  for (const via of ["websocket", "sockjs"] as const) {
    test(`stops for who is blocked, while subscribed over ${via}, and goes on after`, async () => {
      const alice = await watcher("alice", via);
      const bob = await watcher("bob", via);
      const carol = await watcher("carol", via);
      await say(bob, "AWAY");
      await alice.until(() => heard(alice, "bob").at(-1) === "AWAY");
      expect((await askAs(server, "bob", "/api/blocks/alice", "PUT")).status).toBe(204);
      const before = heard(alice, "bob").length;
      await say(bob, "ONLINE");
      await say(carol, "AWAY");
      await marked(alice);
      await carol.until(() => heard(carol, "bob").at(-1) === "ONLINE");
      expect(heard(alice, "bob")).toHaveLength(before);
      expect(heard(alice, "carol").at(-1)).toBe("AWAY");
      // The other way round nothing has changed.
      await bob.until(() => heard(bob, "alice").at(-1) === "AWAY");

      expect(await listed("alice")).toEqual(["alice", "carol"]);
      expect(await listed("alice", "bob,carol,alice")).toEqual(["alice", "carol"]);
      expect(await listed("bob", "alice")).toEqual(["alice"]);

      const again = await watcher("alice");
      await say(bob, "AWAY");
      await marked(again);
      expect(heard(again, "bob")).toEqual([]);

      expect((await askAs(server, "bob", "/api/blocks/alice", "DELETE")).status).toBe(204);
      await say(bob, "ONLINE");
      for (const client of [alice, again]) {
        await client.until(() => heard(client, "bob").at(-1) === "ONLINE", "presence again");
        await marked(client);
      }
      expect(heard(alice, "bob")).toHaveLength(before + 1);
      expect(heard(again, "bob")).toHaveLength(1);
    });
  }
});

describe("presence for contacts", () => {
  serverShowingTo("contacts");

  test("is for who shares a conversation, from its beginning to the end of the membership", async () => {
    const alice = await watcher("alice");
    const bob = await watcher("bob");
    await say(bob, "AWAY");
    await marked(alice);
    expect(heard(alice, "bob")).toEqual([]);
    expect(await listed("alice")).toEqual(["alice"]);
    expect(await listed("alice", "bob")).toEqual([]);

    await group("g1", ["alice", "bob"]);
    await say(bob, "ONLINE");
    await alice.until(() => heard(alice, "bob").length === 1, "bob's presence");
    expect(await listed("alice")).toEqual(["alice", "bob"]);

    const gone = await askAsServer(server, "DELETE", "/api/conversations/g1/members/bob");
    expect(gone.status).toBe(204);
    await say(bob, "AWAY");
    await marked(alice);
    expect(heard(alice, "bob")).toEqual(["ONLINE"]);
    expect(await listed("alice")).toEqual(["alice"]);

    await bob.sent("/app/chat.send", { conversationId: "d1", recipientId: "alice", content: "hi" });
    await say(bob, "ONLINE");
    await alice.until(() => heard(alice, "bob").length === 2, "bob's presence");
    expect((await askAs(server, "bob", "/api/blocks/alice", "PUT")).status).toBe(204);
    await say(bob, "AWAY");
    await marked(alice);
    expect(heard(alice, "bob")).toEqual(["ONLINE", "ONLINE"]);
    await bob.until(() => heard(bob, "alice").length > 0, "alice's presence");
    expect(await listed("alice", "bob")).toEqual([]);
  });
});

describe("presence for nobody", () => {
  serverShowingTo("nobody");

  test("is for oneself", async () => {
    await group("g1", ["alice", "bob"]);
    const alice = await watcher("alice");
    const bob = await watcher("bob");
    await say(bob, "AWAY");
    await marked(alice);
    expect(heard(alice, "bob")).toEqual([]);
    expect(await listed("alice")).toEqual(["alice"]);
    expect(await listed("alice", "bob,alice")).toEqual(["alice"]);
  });
});
