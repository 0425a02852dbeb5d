import { afterAll, beforeAll, expect, test } from "bun:test";
import { Installation } from "../support/nodes.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";

let rabbitmq: RabbitMqServer;
let nodes: Installation;

beforeAll(async () => {
  rabbitmq = await RabbitMqServer.start();
  const env = {
    PARLEY_DATABASE_URL: await (await postgresDatabases()).make(),
    PARLEY_LIMITS_MESSAGES_PER_SECOND: "0",
  };
  nodes = await Installation.start(rabbitmq.url, ["one", "two"], env);
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await rabbitmq[Symbol.asyncDispose]();
});

test("chat crosses RabbitMQ; what was said while it was away comes when it is back", async () => {
  const [ann, bob] = [await nodes.join(0, "ann"), await nodes.join(1, "bob")];
  const messages = () => bob.got("/user/bob/queue/messages");
  const statuses = (status: string) =>
    ann.got("/user/ann/queue/confirmations").filter((event) => event.status === status);
  const say = (from: number, to: number) => {
    for (let count = from; count <= to; count += 1) {
      const chat = { conversationId: "ann-bob", recipientId: "bob", content: `${count}` };
      ann.send("/app/chat.send", { ...chat, clientMessageId: `a${count}` });
    }
  };
  say(1, 30);
  await bob.until(() => messages().length >= 30, "the first messages");
  await ann.until(() => statuses("DELIVERED").length >= 30, "DELIVERED");
  await rabbitmq.kill();
  say(31, 60);
  await ann.until(() => statuses("SENT").length >= 60, "SENT");
  await rabbitmq.start();
  await bob.until(() => messages().length >= 60, "the other messages");
  say(61, 61);
  await bob.until(() => messages().length >= 61, "the last message");
  expect(messages().map(({ content }) => content)).toEqual(
    Array.from({ length: 61 }, (_, index) => `${index + 1}`),
  );
  for (const client of [ann, bob]) expect(client.connects).toBe(1);
});
