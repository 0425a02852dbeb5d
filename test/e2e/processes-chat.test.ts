import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ParleyProcess } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { pidsOf, startProcesses, untilTrue } from "../support/processes.ts";
import { historyOf, SteadySender } from "../support/steady-sender.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";

/** Devices of one user: so many that no process is without one. */
const DEVICES = 30;
const MESSAGES = 50;

let postgres: PostgresServer;
let server: ParleyProcess;

beforeAll(async () => {
  postgres = await PostgresServer.start();
  const env = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  server = await startProcesses(postgres.url("postgres"), 3, [], env);
}, 30_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await postgres[Symbol.asyncDispose]();
});

const messagesOf = (client: StockClient) => client.got(`/user/${client.userId}/queue/messages`);

test("a chat reaches all devices of its members, whichever processes they are on", async () => {
  const ann = await joinStock(server, "ann");
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, () => joinStock(server, "bob")),
  );
  for (let count = 1; count <= MESSAGES; count += 1) {
    const chat = { conversationId: "ann-bob", recipientId: "bob" };
    ann.send("/app/chat.send", { ...chat, content: `${count}`, clientMessageId: `m${count}` });
  }
  const contents = Array.from({ length: MESSAGES }, (_, index) => `${index + 1}`);
  for (const device of devices) {
    await device.until(() => messagesOf(device).length >= MESSAGES, "the messages");
    expect(messagesOf(device).map(({ content }) => content)).toEqual(contents);
  }
  for (const client of [ann, ...devices]) await client.close();
});

test("a process that is killed in mid-load takes no confirmed message with it", async () => {
  const pairs = Array.from({ length: 6 }, (_, index) => `pair-${index}`);
  const start = (id: string) => SteadySender.start(server, id, `${id}-a`, `${id}-b`);
  const senders = await Promise.all(pairs.map(start));
  await Promise.all(senders.map((sender) => sender.until(50)));
  const pids = pidsOf(server);
  process.kill(pids[1] ?? Number.NaN, "SIGKILL");
  await untilTrue(() => pidsOf(server).length === pids.length + 1);
  for (const [index, sender] of senders.entries()) {
    await sender.close();
    const id = pairs[index] ?? "";
    const history = await historyOf(server, id, `${id}-a`);
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, at) => at + 1));
    const kept = new Map(history.map((message) => [message.clientMessageId, message.id]));
    expect(kept.size).toBe(history.length);
    const missing = [...sender.confirmed].filter(([key, { messageId }]) => {
      return kept.get(key) !== messageId;
    });
    expect(missing).toEqual([]);
  }
});
