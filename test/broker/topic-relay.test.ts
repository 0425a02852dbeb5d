import { expect, test } from "bun:test";
import { isCarriedTopic } from "../../src/app/destinations.ts";
import { Broker } from "../../src/broker/broker.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import { TopicPattern } from "../../src/broker/topic-pattern.ts";
import { TopicRelay } from "../../src/broker/topic-relay.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";

const LINGER_MS = 10_000;

function setUp(...nodeIds: readonly string[]) {
  const network = new InProcessNetwork();
  const clock = new FakeClock();
  return nodeIds.map((nodeId) => {
    const backplane = network.node(nodeId);
    const relay = new TopicRelay({
      ...{ backplane, clock, isCarried: (topic) => isCarriedTopic(topic, false) },
      channelOf: (topic) => topic,
    });
    const engine = new FakeEngine();
    const broker = new Broker(engine, clock, 0, undefined, relay);
    backplane.start({
      received: (_, __, payload) =>
        relay.receive(payload, (...args) => broker.publishHere(...args)),
      subscribed() {},
      gap() {},
      changed() {},
    });
    const subscribe = (key: string, id = "s") => {
      const peer = new FakeConnection(engine);
      const pattern = TopicPattern.parse(key);
      const request = { ...({ version: "1.2", wire: "text" } as const), peer, key, pattern, id };
      return { peer, subscription: broker.subscribe({ ...request, destination: key }, null) };
    };
    return { backplane, relay, broker, clock, subscribe };
  });
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new TypeError("none");
  return item;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a message goes to the listeners of all nodes, as the same MESSAGE", async () => {
  const [a, b, c] = setUp("a", "b", "c");
  if (a === undefined || b === undefined || c === undefined) throw new TypeError("no nodes");
  const peers = [a.subscribe("/topic/x").peer, b.subscribe("/topic/x").peer];
  const wild = b.subscribe("/topic/#").peer;
  const stranger = c.subscribe("/topic/y").peer;
  a.broker.publish("/topic/x", new Outgoing("m-1", "Grüße", ["content-type", "text/plain"]));
  a.broker.publish("/topic/x", new Outgoing("m-2", Uint8Array.of(0, 255), ["x", "a:b"]));
  await turn();
  const [here, there] = peers.map(({ sent }) => sent);
  expect(there).toEqual(here ?? []);
  expect(there?.length).toBe(2);
  expect(wild.frames().map((frame) => frame.header("destination"))).toEqual([
    ...["/topic/x", "/topic/x"],
  ]);
  expect(stranger.sent).toEqual([]);
});

test("a node listens to a topic from its first subscription until a while after its last", () => {
  const node = only(setUp("a"));
  const { backplane, broker, clock } = node;
  const [first, second] = [node.subscribe("/topic/x", "1"), node.subscribe("/topic/x", "2")];
  expect([...backplane.channels]).toEqual(["/topic/x"]);
  broker.unsubscribe(first.subscription);
  clock.advance(2 * LINGER_MS);
  broker.unsubscribe(second.subscription);
  clock.advance(LINGER_MS - 1);
  expect([...backplane.channels]).toEqual(["/topic/x"]);
  const third = node.subscribe("/topic/x");
  clock.advance(2 * LINGER_MS);
  expect([...backplane.channels]).toEqual(["/topic/x"]);
  broker.unsubscribe(third.subscription);
  clock.advance(2 * LINGER_MS);
  expect([...backplane.channels]).toEqual([]);
});

test("patterns that begin alike are one prefix, until the last of them has gone", () => {
  const node = only(setUp("a"));
  const { backplane, broker, clock } = node;
  const many = ["/topic/a.*", "/topic/a.#", "/topic/#", "/topic/a.*.b"].map((key) =>
    node.subscribe(key),
  );
  expect([...backplane.prefixes]).toEqual(["/topic/a", "/topic/"]);
  expect(backplane.channels.size).toBe(0);
  for (const { subscription } of many.slice(0, 3)) broker.unsubscribe(subscription);
  clock.advance(2 * LINGER_MS);
  expect([...backplane.prefixes]).toEqual(["/topic/a"]);
  broker.unsubscribe(only(many.slice(3)).subscription);
  clock.advance(2 * LINGER_MS);
  expect(backplane.prefixes.size).toBe(0);
});

test("to go over from one way of delivery to the other is no going", () => {
  const node = only(setUp("a"));
  const { subscription } = node.subscribe("/topic/x");
  const told: string[] = [];
  node.backplane.subscribe = (channel) => told.push(channel);
  node.backplane.unsubscribe = (channel) => told.push(channel);
  node.broker.redirect(subscription, () => {});
  node.broker.redirect(subscription, null);
  node.clock.advance(2 * LINGER_MS);
  expect(told).toEqual([]);
});

test("the server's own topics and what is no topic is each node's own", () => {
  const node = only(setUp("a"));
  const keys = ["/topic/presence", "/topic/typing/c-1", "/user/u/queue/messages"];
  for (const key of keys) node.subscribe(key);
  expect([node.backplane.channels.size, node.backplane.prefixes.size]).toEqual([0, 0]);
  node.broker.publish("/topic/presence", new Outgoing("m", "", []));
  expect(node.backplane.counts.out).toBe(0);
});

test("what cannot be read, and what is of no topic that clients send to, is counted and dropped", () => {
  const [a, b] = setUp("a", "b");
  if (a === undefined || b === undefined) throw new TypeError("no nodes");
  const peers = ["/topic/presence", "/topic/a.*"].map((key) => a.subscribe(key).peer);
  const payloads: Uint8Array[] = [Buffer.from("{}"), new Uint8Array()];
  b.backplane.publish = (_, payload) => payloads.push(payload);
  const other = new TopicRelay({ ...b, isCarried: () => true, channelOf: (topic) => topic });
  for (const topic of ["/topic/presence", "/topic/a.*", "/user/u/queue/messages"]) {
    other.publish(topic, new Outgoing("m", "x", []));
  }
  for (const payload of payloads) {
    a.relay.receive(payload, (...args) => a.broker.publishHere(...args));
  }
  expect(a.relay.invalid).toBe(5);
  expect(peers.flatMap(({ sent }) => sent)).toEqual([]);
});
