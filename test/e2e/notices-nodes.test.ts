import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { FcmMessage } from "../support/fcm-endpoint.ts";
import { Installation } from "../support/nodes.ts";
import { NoticeChannels, reach, say } from "../support/notice-channels.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { untilTrue } from "../support/processes.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";
import { askInNameOf } from "../support/server-api.ts";
import { API_KEY } from "../support/tokens.ts";

let redis: RedisServer;
let postgres: PostgresServer;
let channels: NoticeChannels;
let nodes: Installation;
let leader: ParleyProcess;
let follower: ParleyProcess;
let names = 0;
/** Of each test's own. */
let alice: string;
let bob: string;
let chat: string;
let phone: string;

beforeAll(async () => {
  [redis, postgres, channels] = await Promise.all([
    ...([RedisServer.start(), PostgresServer.start(), NoticeChannels.start()] as const),
  ]);
  nodes = await Installation.start(redis.url, ["one", "two"], {
    ...{ ...channels.env, PARLEY_DATABASE_URL: postgres.url(), PARLEY_API_KEYS: API_KEY },
    ...{ PARLEY_METRICS_OPEN: "true", PARLEY_PRESENCE_GRACE_MS: "0" },
    ...{ PARLEY_NOTIFY_PUSH_INTERVAL_MS: "0", PARLEY_FCM_CONCURRENCY: "1" },
  });
  await findLeader();
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await Promise.all([redis, postgres, channels].map((each) => each[Symbol.asyncDispose]()));
});

beforeEach(() => {
  names += 1;
  [alice, bob, chat, phone] = [
    ...([`alice-${names}`, `bob-${names}`, `chat-${names}`, `phone-${names}`] as const),
  ];
});

const leads = async (node: ParleyProcess) => (await scrape(node)).get("parley_leader") === 1;

/** Waits until one leads. */
async function findLeader(): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  for (;;) {
    for (const node of nodes.nodes) {
      if (!(await leads(node))) continue;
      leader = node;
      follower = nodes.nodes.find((each) => each !== node) ?? node;
      return;
    }
    if (late.aborted) throw new Error("no node leads");
  }
}

const tell = (by: ParleyProcess, content: string, conversationId = chat) =>
  say(by, alice, conversationId, { content, recipientId: bob });

/** What has been pushed to Bob's phone, once it is so much: the conversation, and the text. */
async function pushed(count: number) {
  await untilTrue(() => channels.phone(phone).length >= count);
  return channels
    .phone(phone)
    .map(({ data, notification }) => [...[data.conversationId, notification.body]]);
}

test("who is there on the node that does not lead is told of nothing; who is not, once", async () => {
  await reach(follower, bob, "fcm", phone);
  await reach(leader, alice, "fcm", `${phone}-alice`);
  const client = await nodes.join(follower, bob);
  await tell(leader, "you see this");
  await client.event(`/user/${bob}/queue/messages`);
  await say(follower, bob, chat, { content: "and you do not" });
  await untilTrue(() => channels.phone(`${phone}-alice`).length === 1);
  await client.close();
  await tell(follower, "are you gone?", `${chat}-2`);
  expect(await pushed(1)).toEqual([[`${chat}-2`, "are you gone?"]]);
});

test("each node's API has the same targets and wishes", async () => {
  const id = await reach(follower, bob, "fcm", phone);
  const path = "/api/notifications";
  for (const node of [leader, follower]) {
    const { body } = await askInNameOf(node, bob, "GET", `${path}/targets`);
    expect(body.targets).toMatchObject([{ id, channel: "fcm", address: phone }]);
  }
  await askInNameOf(leader, bob, "PATCH", path, { previews: false });
  const { body } = await askInNameOf(follower, bob, "GET", path);
  expect(body.preferences).toMatchObject({ previews: false });
  await tell(follower, "a secret");
  await pushed(1);
  expect(JSON.stringify(channels.phone(phone))).not.toContain("a secret");
});

test("the one that leads killed between a message and its notice, another one tells", async () => {
  await reach(follower, bob, "fcm", phone);
  const held = channels.holdPhones();
  await tell(follower, "under way");
  await held.asked;
  await tell(leader, "not yet begun", `${chat}-2`);
  await nodes.kill(leader);
  await pushed(2);
  held.refuse();
  const keysOf = (messages: readonly FcmMessage[]) =>
    messages.filter(({ data }) => data.conversationId === chat).map(({ data }) => data.key);
  const keys = keysOf(channels.google.offered);
  expect(keys).toEqual([keys[0], keys[0]]);
  await findLeader();
  await tell(leader, "and on", `${chat}-3`);
  const told = await pushed(3);
  expect(told.toSorted()).toEqual([
    ...[
      [chat, "under way"],
      [`${chat}-2`, "not yet begun"],
    ],
    [`${chat}-3`, "and on"],
  ]);
  await nodes.add("three");
  await findLeader();
});

test("PostgreSQL gone for a while, what was confirmed is told of when it is back", async () => {
  await reach(follower, bob, "fcm", phone);
  const held = channels.holdPhones();
  await tell(follower, "before");
  await held.asked;
  postgres.kill();
  held.refuse();
  await postgres.restart();
  const [[conversationId, text] = []] = await pushed(1);
  expect([conversationId, text]).toEqual([chat, "before"]);
  await findLeader();
  const late = AbortSignal.timeout(20_000);
  for (;;) {
    try {
      await tell(follower, "after", `${chat}-2`);
      break;
    } catch (fault) {
      if (late.aborted) throw fault;
    }
  }
  await untilTrue(() =>
    channels.phone(phone).some(({ data }) => data.conversationId === `${chat}-2`),
  );
});
