/**
 * What one publish costs the server itself, `bun bench/micro/fan-out.ts`: from the message to the
 * payloads that the engine or the connection is handed. The copying to sockets is not in it; for
 * that there is the load run.
 */
import { bench, group, run } from "mitata";
import { Broker } from "../../src/broker/broker.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import { TopicPattern } from "../../src/broker/topic-pattern.ts";
import type { Wire } from "../../src/broker/wire.ts";
import type { Connection } from "../../src/session/ports.ts";
import { SessionSubscription } from "../../src/session/session-subscription.ts";
import type { StompVersion } from "../../src/stomp/version.ts";
import type { MicroResult } from "../measurement.ts";

const TOPIC = "/topic/bench";
const BODY = JSON.stringify({ content: "x".repeat(100), conversationId: "c-42", seq: 17 });
const HEADERS = ["content-type", "application/json"];
const COUNTS = [1, 100, 1_000];

let payloads = 0;
let characters = 0;
/** Reading the last character makes a text whole that was only glued together so far. */
function take(payload: string | Uint8Array): void {
  payloads += 1;
  const last =
    typeof payload === "string" ? payload.charCodeAt(payload.length - 1) : payload.at(-1);
  characters += payload.length + (last ?? 0);
}

const connection: Connection = {
  framing: "raw",
  isReading: true,
  remote: {
    peerAddress: null,
    address: null,
    proxied: false,
    header: () => undefined,
    forgetHeaders() {},
  },
  send: take,
  bufferedBytes: () => 0,
  close: () => {},
  terminate: () => {},
  topics: {
    join: () => {},
    leave: () => {},
    own: (newName) => newName(),
    publishToOthers: (_channel, payload) => take(payload),
    sendTogether: (payloads) => payloads.forEach(take),
  },
};

interface Variant {
  readonly id: string;
  readonly version: StompVersion;
  readonly wire: Wire;
}

const USUAL: Variant = { id: "sub-0", version: "1.2", wire: "text" };
const FOUR: readonly Variant[] = [
  USUAL,
  { id: "sub-0", version: "1.1", wire: "text" },
  { id: "sub-0", version: "1.2", wire: "binary" },
  { id: "sub-0", version: "1.2", wire: "sockjs" },
];

/** Subscriptions with wildcards to other topics. */
function addPatterns(broker: Broker, count: number): void {
  for (let index = 0; index < count; index += 1) {
    const key = `/topic/other-${index}.*`;
    const pattern = TopicPattern.parse(key);
    broker.subscribe({ ...USUAL, peer: { ...connection }, key, pattern, destination: key }, null);
  }
}

function brokerWith(count: number, variantOf: (index: number) => Variant, key = TOPIC): Broker {
  const pattern = TopicPattern.parse(key);
  const broker = new Broker({ publish: (_channel, payload) => take(payload) });
  for (let index = 0; index < count; index += 1) {
    const peer = { ...connection };
    const request = { ...variantOf(index), peer, key, pattern, destination: key };
    broker.subscribe(request, null);
  }
  return broker;
}

let published = 0;
function publish(broker: Broker): Outgoing {
  published += 1;
  const message = new Outgoing(`message-${published}`, BODY, HEADERS);
  broker.publish(TOPIC, message);
  return message;
}

function benchShared(
  name: string,
  variantOf: (index: number) => Variant,
  { key = TOPIC, otherPatterns = 0 } = {},
): void {
  group(name, () => {
    for (const count of COUNTS) {
      const broker = brokerWith(count, variantOf, key);
      addPatterns(broker, otherPatterns);
      bench(`${name}, ${count}`, () => publish(broker));
    }
  });
}

/** Each message singly, and its ACK. */
function benchAcknowledged(name: string): void {
  group(name, () => {
    for (const count of COUNTS) {
      const broker = brokerWith(0, () => USUAL);
      const subscriptions = Array.from({ length: count }, (_, index) => {
        const peer = { ...connection };
        const limits = { unacknowledgedMessages: 1_000, unacknowledgedBytes: 1_000_000 };
        const subscription = new SessionSubscription(
          { broker, connection: peer, limits, protocol: USUAL, overflow() {} },
          { key: TOPIC, pattern: null, destination: TOPIC, id: USUAL.id },
          "client-individual",
          index,
        );
        subscription.open(false);
        return subscription;
      });
      bench(`${name}, ${count}`, () => {
        const { messageId } = publish(broker);
        for (const { unacknowledged } of subscriptions)
          unacknowledged.remove(unacknowledged.coveredBy(messageId, false));
      });
    }
  });
}

benchShared("one variant", () => USUAL);
benchShared("four variants", (index) => FOUR[index % FOUR.length] ?? USUAL);
benchShared("every id another", (index) => ({ ...USUAL, id: `sub-${index}` }));
benchShared("a topic beside 1000 patterns", () => USUAL, { otherPatterns: 1_000 });
benchShared("a pattern", () => USUAL, { key: "/topic/*" });
benchAcknowledged("client-individual, with ACK");

// Whoever started this prints the results in a table of its own.
const { benchmarks } = await run({ format: process.send === undefined ? "mitata" : "quiet" });
if (process.send === undefined) {
  console.log(`${published} publishes made ${payloads} payloads of ${characters} characters`);
}

const results: MicroResult[] = benchmarks.flatMap(({ alias, runs }) =>
  runs.flatMap(({ stats }) =>
    stats === undefined
      ? []
      : {
          name: `publish to ${alias}`,
          averageNs: stats.avg,
          p99Ns: stats.p99,
          subscribers: Number(alias.split(", ").at(-1)),
        },
  ),
);
process.send?.(results);
