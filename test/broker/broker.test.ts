import { describe, expect, test } from "bun:test";
import { Broker } from "../../src/broker/broker.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import type { SubscriptionRequest } from "../../src/broker/subscription.ts";
import { TopicPattern } from "../../src/broker/topic-pattern.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";

class CountingEngine extends FakeEngine {
  published = 0;

  override publish(channel: string, payload: string | Uint8Array): void {
    this.published += 1;
    super.publish(channel, payload);
  }
}

function setUp() {
  const engine = new CountingEngine();
  const broker = new Broker(engine);
  const subscribe = (request: Partial<SubscriptionRequest> = {}) => {
    const peer = new FakeConnection(engine, request.wire === "sockjs" ? "sockjs" : "raw");
    const complete = {
      ...{ peer, key: "/topic/t", pattern: null, destination: "/topic/t", id: "sub-0" },
      ...({ version: "1.2", wire: "text" } as const),
      ...request,
    };
    return { peer, subscription: broker.subscribe(complete, null) };
  };
  return { engine, broker, subscribe };
}

describe("a subscription with wildcards", () => {
  const key = "/topic/orders.*";
  const wildcards = { key, destination: key, pattern: TopicPattern.parse(key) };

  test("gets what is published to the topics that it matches, under their names", () => {
    const { broker, subscribe } = setUp();
    const { peer } = subscribe({ ...wildcards, id: "w" });
    for (const topic of ["/topic/orders.eu", "/topic/orders", "/topic/orders.us"]) {
      broker.publish(topic, new Outgoing(`m ${topic}`, topic, []));
    }
    const frames = peer.frames();
    expect(frames.map((frame) => frame.header("destination"))).toEqual([
      "/topic/orders.eu",
      "/topic/orders.us",
    ]);
    expect(frames.map((frame) => frame.header("subscription"))).toEqual(["w", "w"]);
  });

  test("gets nothing of what the server delivers by itself", () => {
    const { broker, subscribe } = setUp();
    const { peer } = subscribe(wildcards);
    broker.deliver("/topic/orders.eu", new Outgoing("m1", "hi", []));
    expect(peer.sent).toEqual([]);
  });

  test("is one native publish for all whose frames are the same", () => {
    const { engine, broker, subscribe } = setUp();
    for (let count = 0; count < 10; count += 1) subscribe(wildcards);
    const exact = subscribe({ key: "/topic/orders.eu", destination: "/topic/orders.eu" }).peer;
    broker.publish("/topic/orders.eu", new Outgoing("m1", "hi", []));
    expect(engine.published).toBe(2);
    expect(exact.sent).toHaveLength(1);
  });

  test("and one to the topic itself both get a message, on one connection", () => {
    const { broker, subscribe } = setUp();
    const exact = { key: "/topic/orders.eu", destination: "/topic/orders.eu", id: "exact" };
    const { peer } = subscribe(exact);
    subscribe({ ...wildcards, peer, id: "w" });
    broker.publish("/topic/orders.eu", new Outgoing("m1", "hi", []));
    expect(peer.frames().map((frame) => frame.header("subscription"))).toEqual(["exact", "w"]);
  });

  test("gets its messages where the engine's topics do not reach", () => {
    const { engine, broker, subscribe } = setUp();
    const native = subscribe(wildcards).peer;
    const got: unknown[] = [];
    subscribe({ ...wildcards, peer: { topics: null, send: (payload) => void got.push(payload) } });
    broker.publish("/topic/orders.eu", new Outgoing("m1", "hi", []));
    expect(engine.published).toBe(1);
    expect(got).toEqual(native.sent);
  });

  test("counts as a listener as long as it is there", () => {
    const { broker, subscribe } = setUp();
    expect(broker.isHeard("/topic/orders.eu")).toBe(false);
    const { subscription, peer } = subscribe(wildcards);
    expect(broker.isHeard("/topic/orders.eu")).toBe(true);
    expect(broker.isHeard("/topic/orders")).toBe(false);
    broker.unsubscribe(subscription);
    expect(broker.isHeard("/topic/orders.eu")).toBe(false);
    broker.publish("/topic/orders.eu", new Outgoing("m1", "hi", []));
    expect(peer.sent).toEqual([]);
  });
});

describe("a message", () => {
  test("is one native publish for all subscribers whose frames are the same", () => {
    const { engine, broker, subscribe } = setUp();
    const peers = Array.from({ length: 10 }, () => subscribe().peer);
    broker.deliver("/topic/t", new Outgoing("m1", "hi", []));
    expect(engine.published).toBe(1);
    expect(peers.every((peer) => peer.sent.length === 1)).toBe(true);
  });

  test("is one more for each other id, version and wire", () => {
    const { engine, broker, subscribe } = setUp();
    subscribe();
    const others = [
      subscribe({ id: "sub-1" }),
      subscribe({ version: "1.1" }),
      subscribe({ wire: "binary" }),
      subscribe({ wire: "sockjs" }),
    ];
    broker.deliver("/topic/t", new Outgoing("m1", "hi", []));
    expect(engine.published).toBe(5);
    expect(others.map(({ peer }) => peer.last().text())).toEqual(["hi", "hi", "hi", "hi"]);
  });

  test("leaves out the connection that it came from, and no other", () => {
    const { broker, subscribe } = setUp();
    const [one, two] = [subscribe().peer, subscribe().peer];
    broker.deliver("/topic/t", new Outgoing("m1", "hi", []), one);
    expect([one.sent.length, two.sent.length]).toEqual([0, 1]);
  });

  test("is handed singly to connections that the engine's topics do not reach", () => {
    const { engine, broker, subscribe } = setUp();
    const native = subscribe().peer;
    const got: unknown[] = [];
    const peerCalled = (name: string) => ({
      topics: null,
      send: (payload: unknown) => void got.push([name, payload]),
    });
    const [one, two] = [peerCalled("one"), peerCalled("two")];
    for (const peer of [one, two]) subscribe({ peer });
    broker.deliver("/topic/t", new Outgoing("m1", "hi", []));
    expect(engine.published).toBe(1);
    expect(got.splice(0)).toEqual([
      ["one", native.sent[0]],
      ["two", native.sent[0]],
    ]);
    broker.deliver("/topic/t", new Outgoing("m2", "hi", []), one);
    expect(got).toEqual([["two", native.sent[1]]]);
  });

  test("costs nothing where nobody listens", () => {
    const { engine, broker, subscribe } = setUp();
    const { subscription } = subscribe();
    broker.unsubscribe(subscription);
    broker.unsubscribe(subscription);
    broker.deliver("/topic/t", new Outgoing("m1", "hi", []));
    expect(engine.published).toBe(0);
    expect(broker.hasListeners("/topic/t")).toBe(false);
  });

  test("that is not UTF-8 reaches a text client as a binary message", () => {
    const { broker, subscribe } = setUp();
    const text = subscribe().peer;
    const sockJs = subscribe({ wire: "sockjs" }).peer;
    broker.deliver("/topic/t", new Outgoing("m1", new Uint8Array([0xff, 0, 0x41]), []));
    expect(text.sent[0]).toBeInstanceOf(Uint8Array);
    expect(text.last().body).toEqual(Buffer.from([0xff, 0, 0x41]));
    expect(sockJs.last().text()).toBe("\ufffd\0A");
  });

  test("in bytes that are UTF-8 reaches a text client as text", () => {
    const { broker, subscribe } = setUp();
    const { peer } = subscribe();
    broker.deliver("/topic/t", new Outgoing("m1", Buffer.from("Grüße"), []));
    expect(peer.sent[0]).toBeString();
    expect(peer.last().text()).toBe("Grüße");
  });
});

test("going over from single delivery to the channel loses and doubles nothing", () => {
  const { broker, engine } = setUp();
  const peer = new FakeConnection(engine);
  const held: string[] = [];
  const request = {
    ...{ peer, key: "/topic/t", pattern: null, destination: "/topic/t", id: "sub-0" },
    ...({ version: "1.2", wire: "text" } as const),
  };
  const subscription = broker.subscribe(request, (message) => held.push(message.messageId));
  broker.deliver("/topic/t", new Outgoing("m1", "1", []));
  broker.redirect(subscription, null);
  broker.deliver("/topic/t", new Outgoing("m2", "2", []));
  expect(held).toEqual(["m1"]);
  expect(peer.frames().map((frame) => frame.header("message-id"))).toEqual(["m2"]);
});
