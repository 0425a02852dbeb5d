import { afterAll, beforeAll, expect, test } from "bun:test";
import { NoticeChannels, reach, say } from "../support/notice-channels.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { pidsOf, startProcesses, untilTrue } from "../support/processes.ts";
import { askInNameOf } from "../support/server-api.ts";
import { joinStock } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

/** Connections of one user: so many that no process is without one. */
const DEVICES = 12;
const MESSAGES = 20;
const MEMBERS = 200;

let postgres: PostgresServer;
let channels: NoticeChannels;
let server: ParleyProcess;

beforeAll(async () => {
  [postgres, channels] = await Promise.all([PostgresServer.start(), NoticeChannels.start()]);
  server = await startProcesses(postgres.url(), 2, [], {
    ...{ ...channels.env, PARLEY_API_KEYS: API_KEY, PARLEY_PRESENCE_GRACE_MS: "0" },
    PARLEY_NOTIFY_PUSH_INTERVAL_MS: "0",
  });
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await Promise.all([postgres, channels].map((each) => each[Symbol.asyncDispose]()));
});

/** So many conversations with the user have something new: each connection is to some process. */
async function tellMuch(userId: string, from: number): Promise<void> {
  for (let count = from; count < from + MESSAGES; count += 1) {
    const message = { content: `${count}`, recipientId: userId };
    await say(server, "alice", `${userId}-${count}`, message);
  }
}

/** Sorted: messages of the same millisecond are told in any order. */
const told = (phone: string) =>
  channels
    .phone(phone)
    .map(({ notification: { body } }) => Number(body))
    .toSorted((a, b) => a - b);

const numbers = (from: number) => Array.from({ length: MESSAGES }, (_, at) => from + at);

test("of several processes one tells, once, who is connected to none, and another one when it is killed", async () => {
  await reach(server, "bob", "fcm", "phone-of-bob");
  await reach(server, "carol", "fcm", "phone-of-carol");
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, () => joinStock(server, "carol")),
  );
  await tellMuch("carol", 0);
  await tellMuch("bob", 0);
  await untilTrue(() => told("phone-of-bob").length === MESSAGES);
  expect(told("phone-of-bob")).toEqual(numbers(0));
  expect(told("phone-of-carol")).toEqual([]);
  for (const device of devices) await device.close();
  for (const pid of pidsOf(server).slice(0, 2)) {
    process.kill(pid, "SIGKILL");
    const known = pidsOf(server).length;
    await untilTrue(() => pidsOf(server).length > known);
  }
  await tellMuch("carol", MESSAGES);
  await untilTrue(() => told("phone-of-carol").length === MESSAGES);
  expect(told("phone-of-carol")).toEqual(numbers(MESSAGES));
});

test("of a large group each absent member is told of each message, once", async () => {
  const memberIds = Array.from({ length: MEMBERS }, (_, at) => `member-${at}`);
  const group = { kind: "group", title: "All of us", memberIds };
  const { body } = await askInNameOf(server, "alice", "POST", "/api/conversations", group);
  await Promise.all(memberIds.map((id) => reach(server, id, "fcm", `phone-of-${id}`)));
  const isTold = (times: number) =>
    memberIds.every((id) => channels.phone(`phone-of-${id}`).length >= times);
  for (const times of [1, 2]) {
    await say(server, "alice", body.id, { content: `${times}` });
    await untilTrue(() => isTold(times));
  }
  const counts = memberIds.map((id) =>
    channels.phone(`phone-of-${id}`).map(({ data }) => data.count),
  );
  expect(counts).toEqual(memberIds.map(() => ["1", "2"]));
});
