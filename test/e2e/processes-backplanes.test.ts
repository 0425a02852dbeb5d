import { afterAll, beforeAll, expect, test } from "bun:test";
import { NatsServer } from "../support/nats-server.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { startProcesses } from "../support/processes.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { RedisServer } from "../support/redis-server.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";

/** Devices of one user: so many that no process is without one. */
const DEVICES = 20;
const MESSAGES = 20;

interface Engine extends AsyncDisposable {
  readonly url: string;
}

let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 30_000);
afterAll(() => postgres[Symbol.asyncDispose]());

const engines: readonly [string, () => Promise<Engine>][] = [
  ["redis", () => RedisServer.start()],
  ["nats", () => NatsServer.start()],
  ["rabbitmq", () => RabbitMqServer.start()],
];

test.each(engines)(
  "with %s the processes of one server are its nodes, and users of both chat with each other",
  async (name, start) => {
    await using engine = await start();
    const env = {
      ...{ PARLEY_BACKPLANE: name, [`PARLEY_${name.toUpperCase()}_URL`]: engine.url },
      ...{ PARLEY_NODE_ID: name, PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
    };
    const server = await startProcesses(postgres.url("postgres"), 2, [], env);
    for (const number of [1, 2]) expect(server.log()).toContain(`"nodeId":"${name}-${number}"`);
    const [ann, bob] = [`ann-${name}`, `bob-${name}`];
    const join = (userId: string) =>
      Promise.all(Array.from({ length: DEVICES }, () => joinStock(server, userId)));
    const devices = { [ann]: await join(ann), [bob]: await join(bob) };
    const conversationId = `chat-${name}`;
    const say = (from: StockClient | undefined, recipientId: string, content: string) =>
      from?.send("/app/chat.send", {
        ...{ conversationId, recipientId, content, clientMessageId: content },
      });
    const expected: string[] = [];
    for (let count = 0; count < MESSAGES; count += 1) {
      // Of each user's devices another one writes each time, on whichever process it is.
      const [from, to] = count % 2 === 0 ? [ann, bob] : [bob, ann];
      const content = `${from} ${count}`;
      say(devices[from]?.[count], to, content);
      expected.push(content);
      for (const device of devices[to] ?? []) {
        const messages = () => device.got(`/user/${to}/queue/messages`);
        await device.until(
          () => messages().some((message) => message.content === content),
          "the message",
        );
      }
    }
    for (const device of devices[bob] ?? []) {
      const messages = device.got(`/user/${bob}/queue/messages`);
      const fromAnn = messages
        .map(({ content }) => content)
        .filter((each) => `${each}`.startsWith(ann));
      expect(fromAnn).toEqual(expected.filter((content) => content.startsWith(ann)));
    }
    for (const client of Object.values(devices).flat()) await client.close();
    expect(await server.stop()).toBe(0);
  },
  90_000,
);
