import { expect, test } from "bun:test";
import { Broker } from "../../src/broker/broker.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";

const QUEUES = ["messages", "confirmations", "receipts", "errors"];

function setUp() {
  const engine = new FakeEngine();
  const broker = new Broker(engine);
  const listen = (peer: FakeConnection, key: string, id: string) => {
    const about = { peer, key, pattern: null, destination: key, id };
    return broker.subscribe({ ...about, version: "1.2", wire: "text" }, null);
  };
  const say = (key: string, body: string) => broker.deliver(key, new Outgoing("1", body, []));
  return { engine, broker, listen, say };
}

test("all queues that one connection alone listens to share one topic of the engine", () => {
  const { engine, listen, say } = setUp();
  const alice = new FakeConnection(engine);
  for (const queue of QUEUES) listen(alice, `/user/alice/queue/${queue}`, queue);
  for (const queue of QUEUES) say(`/user/alice/queue/${queue}`, queue);
  expect(engine.members.size).toBe(1);
  expect(alice.frames().map((frame) => frame.header("subscription"))).toEqual(QUEUES);
  expect(alice.frames().map((frame) => frame.text())).toEqual(QUEUES);
});

test("a topic that a second connection joins reaches both once, and each alone when it is left", () => {
  const { engine, broker, listen, say } = setUp();
  const alice = new FakeConnection(engine);
  const bob = new FakeConnection(engine);
  const first = listen(alice, "/topic/a", "0");
  listen(alice, "/topic/b", "1");
  say("/topic/a", "alone");
  listen(bob, "/topic/a", "0");
  say("/topic/a", "both");
  say("/topic/b", "own");
  broker.unsubscribe(first);
  say("/topic/a", "bob's");
  expect(alice.frames().map((frame) => frame.text())).toEqual(["alone", "both", "own"]);
  expect(bob.frames().map((frame) => frame.text())).toEqual(["both", "bob's"]);
});

test("a subscription that is closed hears nothing, though its connection keeps its topic", () => {
  const { engine, broker, listen, say } = setUp();
  const alice = new FakeConnection(engine);
  const closed = listen(alice, "/topic/a", "0");
  listen(alice, "/topic/b", "1");
  broker.unsubscribe(closed);
  say("/topic/a", "nobody");
  say("/topic/b", "alice");
  expect(alice.frames().map((frame) => frame.text())).toEqual(["alice"]);
  expect(broker.hasListeners("/topic/a")).toBe(false);
});
