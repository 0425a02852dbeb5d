import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { RabbitMqBackplane } from "../../src/backplane/rabbitmq.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../../src/broker/envelope.ts";
import { isTopicPattern } from "../../src/broker/topic-pattern.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";

let rabbitmq: RabbitMqServer;

beforeAll(async () => {
  rabbitmq = await RabbitMqServer.start();
});
afterAll(() => rabbitmq[Symbol.asyncDispose]());

function backplane(nodeId: string): RabbitMqBackplane {
  return new RabbitMqBackplane({
    ...{ nodeId, url: rabbitmq.url, clock: systemClock, random: Math.random },
    ...{ heartbeatMs: 5_000, timeoutMs: 5_000, reconnectMs: 100, pendingBytes: 1 << 26 },
  });
}

/** Names that mean something to RabbitMQ, to STOMP or between nodes. */
const SPECIAL = [
  ...["user-id", "CC", "BCC", "cc", "delivery-mode", "priority", "timestamp", "expiration", "type"],
  ...["reply-to", "correlation-id", "app-id", "cluster-id", "content-type", "content-encoding"],
  ...["persistent", "amqp-message-id", "message-id", "destination", "subscription", "ack", "id"],
  ...["transaction", "receipt", "redelivered", "heart-beat", "parley-node", "parley-channel"],
  ...["parley-headers", "x-message-ttl", "x-queue-name", "x-queue-type", "x-expires", "x-death"],
  ...["x-max-length", "x-dead-letter-exchange", "x-stream-offset", "x-match", "x-delay", "durable"],
  ...["auto-delete", "exclusive", "expires", "browser", "no-ack", "prefetch-count", "selector"],
];
const VALUES = ["", "0", "1", "255", "256", "true", "false", "text 1 run a", "[]", "/temp-queue/x"];

const texts = fc
  .string({ unit: "grapheme", maxLength: 400 })
  .map((text) => text.replaceAll("\0", ""));
const wild = fc.string({ unit: fc.constantFrom(..."ab:\\\n\r \tü%/\"'") });
const names = fc
  .oneof(fc.constantFrom(...SPECIAL), wild, texts)
  .filter((name) => name !== "" && name !== "content-length");
const values = fc.oneof(fc.constantFrom(...VALUES), wild, texts);
const topics = fc
  .oneof(fc.constantFrom("x", "$parley.x", "a%2Fb", "%", ".", "a..b/"), wild, texts)
  .map((name) => `/topic/${name}`)
  .filter((topic) => topic !== "/topic/" && !isTopicPattern(topic));
const envelopes: fc.Arbitrary<Envelope> = fc.record({
  destination: topics,
  messageId: fc.uuid(),
  headers: fc
    .uniqueArray(fc.tuple(names, values), { selector: ([name]) => name, maxLength: 12 })
    .map((pairs) => pairs.flat()),
  body: fc.oneof(texts, fc.uint8Array({ maxLength: 300 })),
});

/** Headers have no order of their own. */
function comparable({ destination, messageId, headers, body }: Envelope) {
  const pairs: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    pairs.push(JSON.stringify(headers.slice(index, index + 2)));
  }
  return { destination, messageId, body: Buffer.from(body), pairs: pairs.toSorted() };
}

test("every message of a topic crosses RabbitMQ as it is, whatever its name and headers, and ends no connection", async () => {
  const [a, b] = [new BackplaneRecorder(backplane("a")), new BackplaneRecorder(backplane("b"))];
  const seed = Date.now() >>> 0;
  const sent = fc.sample(envelopes, { numRuns: 1_500, seed });
  const came: Envelope[] = [];
  const done = Promise.withResolvers<void>();
  const received = b.received.bind(b);
  b.received = (origin, channel, payload) => {
    const envelope = decodeEnvelope(payload);
    if (envelope === null) received(origin, channel, payload);
    else if (came.push(envelope) === sent.length) done.resolve();
  };
  await a.connected();
  await b.connected();
  b.backplane.subscribePrefix("/topic/");
  await b.hears(a.backplane, "/topic/x");
  await b.hears(a.backplane, "/topic/a%2Fb");
  for (const envelope of sent) a.backplane.publish(envelope.destination, encodeEnvelope(envelope));
  const lost = new Promise((resolve) => setTimeout(resolve, 10_000));
  await Promise.race([done.promise, lost]);
  const byId = new Map(came.map((envelope) => [envelope.messageId, comparable(envelope)]));
  for (const envelope of sent) {
    const found = byId.get(envelope.messageId);
    expect({ seed, ...found }).toEqual({ seed, ...comparable(envelope) });
  }
  expect(a.backplane.counts.reconnects + b.backplane.counts.reconnects).toBe(0);
  for (const { backplane: each } of [a, b]) await each.close();
});
