import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import { type FakeConnection, sessionHarness } from "../support/session-harness.ts";

function subscribe(id: string, destination: string, headers = ""): string {
  return `SUBSCRIBE\nid:${id}\ndestination:${destination}\n${headers}\n\0`;
}

function messages(connection: FakeConnection): Frame[] {
  return connection.frames().filter((frame) => frame.command === "MESSAGE");
}

function received(connection: FakeConnection): [string | undefined, string][] {
  return messages(connection).map((frame) => [frame.header("subscription"), frame.text()]);
}

describe("a topic", () => {
  test("reaches every subscription of every connection, with its own id", () => {
    const { connect, publish } = sessionHarness();
    const alice = connect("alice");
    const bob = connect("bob", "1.1");
    alice.session.receive(subscribe("a1", "/topic/t") + subscribe("a2", "/topic/t"));
    bob.session.receive(subscribe("b:1", "/topic/t".replace(":", "\\c")).replace("b:1", "b\\c1"));
    publish("/topic/t", "hello");
    expect(received(alice.connection)).toEqual([
      ["a1", "hello"],
      ["a2", "hello"],
    ]);
    expect(received(bob.connection)).toEqual([["b:1", "hello"]]);
    expect(messages(alice.connection)[0]?.header("destination")).toBe("/topic/t");
  });

  test("ends with UNSUBSCRIBE and with the connection", () => {
    const { connect, publish, broker } = sessionHarness();
    const alice = connect("alice");
    alice.session.receive(
      `${subscribe("a1", "/topic/t")}${subscribe("a2", "/topic/t")}UNSUBSCRIBE\nid:a1\n\n\0`,
    );
    publish("/topic/t", "hello");
    expect(received(alice.connection)).toEqual([["a2", "hello"]]);
    alice.session.closed();
    expect(broker.hasListeners("/topic/t")).toBe(false);
  });

  test("that was permitted and is not any more when its turn comes, is asked for anew", async () => {
    const { connect, application, broker } = sessionHarness();
    const alice = connect("alice");
    let asked = 0;
    application.admit = () => {
      asked += 1;
      if (asked > 1) throw new AppError("CONVERSATION_NOT_FOUND", "no more");
      const policy = { key: "/topic/t", pattern: null, oncePerConnection: false, catchUp: false };
      return Promise.resolve({ kind: "broadcast", ...policy, holds: () => false });
    };
    alice.session.receive(subscribe("a1", "/topic/t"));
    await alice.session.idle();
    expect(asked).toBe(2);
    expect(broker.hasListeners("/topic/t")).toBe(false);
    expect(alice.connection.last().header("code")).toBe("CONVERSATION_NOT_FOUND");
  });

  test("a client that speaks binary is answered in binary", () => {
    const { open, publish } = sessionHarness();
    const { connection, session } = open();
    session.receive(Buffer.from("CONNECT\naccept-version:1.2\nlogin:alice\n\n\0"));
    session.receive(Buffer.from(subscribe("a1", "/topic/t")));
    publish("/topic/t", "hello");
    expect(connection.sent.every((payload) => typeof payload !== "string")).toBe(true);
    expect(received(connection)).toEqual([["a1", "hello"]]);
  });

  test("SockJS connections get SockJS frames", () => {
    const { connect, publish } = sessionHarness("sockjs");
    const { connection, session } = connect();
    session.receive(subscribe("a1", "/topic/t"));
    publish("/topic/t", "hello");
    expect(
      connection.sent.every((payload) => typeof payload === "string" && payload.startsWith("a[")),
    ).toBe(true);
    expect(received(connection)).toEqual([["a1", "hello"]]);
  });

  test("the same id for the same destination is taken once, for another it is an error", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive(subscribe("a1", "/topic/t") + subscribe("a1", "/topic/t"));
    publish("/topic/t", "hello");
    expect(received(connection)).toHaveLength(1);
    session.receive(subscribe("a1", "/topic/other"));
    expect(connection.last().header("code")).toBe("SUBSCRIPTION_ID_IN_USE");
  });

  test("STOMP 1.0 may subscribe and unsubscribe by destination", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect("alice", "1.0");
    session.receive("SUBSCRIBE\ndestination:/topic/t\n\n\0");
    publish("/topic/t", "one");
    session.receive("UNSUBSCRIBE\ndestination:/topic/t\n\n\0");
    publish("/topic/t", "two");
    expect(received(connection)).toEqual([[undefined, "one"]]);
  });

  test("more subscriptions than allowed end the connection", () => {
    const { connect } = sessionHarness();
    const { connection, session } = connect();
    for (let n = 0; n < 21; n += 1) session.receive(subscribe(`s${n}`, `/topic/${n}`));
    expect(connection.last().header("code")).toBe("TOO_MANY_SUBSCRIPTIONS");
  });
});

describe("a typing topic", () => {
  test("subscribed to at each keystroke comes once, to the newest id", () => {
    const { connect, publish, engine } = sessionHarness();
    const { connection, session } = connect();
    for (let n = 0; n < 500; n += 1) session.receive(subscribe(`sub-${n}`, "/topic/typing/c1"));
    publish("/topic/typing/c1", "typing");
    expect(received(connection)).toEqual([["sub-499", "typing"]]);
    const joined = [...engine.members.values()].filter((members) => members.size > 0);
    expect(joined).toHaveLength(1);
    expect(session.subscriptions.count).toBe(1);
  });

  test("falls back to an older id when the newest is unsubscribed", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive(subscribe("one", "/topic/typing/c1") + subscribe("two", "/topic/typing/c1"));
    session.receive("UNSUBSCRIBE\nid:two\n\n\0");
    publish("/topic/typing/c1", "typing");
    expect(received(connection)).toEqual([["one", "typing"]]);
    session.receive("UNSUBSCRIBE\nid:one\n\n\0");
    publish("/topic/typing/c1", "more");
    expect(received(connection)).toHaveLength(1);
    expect(session.subscriptions.count).toBe(0);
  });

  test("an id long forgotten may be unsubscribed", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect();
    for (let n = 0; n < 50; n += 1) session.receive(subscribe(`sub-${n}`, "/topic/typing/c1"));
    session.receive("UNSUBSCRIBE\nid:sub-0\nreceipt:r\n\n\0");
    expect(connection.last().command).toBe("RECEIPT");
    publish("/topic/typing/c1", "typing");
    expect(received(connection)).toEqual([["sub-49", "typing"]]);
  });
});

describe("acknowledgement", () => {
  test("client is cumulative", () => {
    const { application, connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive(subscribe("a", "/topic/t", "ack:client\n"));
    for (const body of ["1", "2", "3"]) publish("/topic/t", body);
    session.receive(`ACK\nid:${messages(connection)[1]?.header("ack")}\n\n\0`);
    expect(application.acked).toEqual([["1", "2"]]);
    session.receive(`ACK\nid:${messages(connection)[2]?.header("ack")}\n\n\0`);
    expect(application.acked).toEqual([["1", "2"], ["3"]]);
  });

  test("client-individual is not", () => {
    const { application, connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive(subscribe("a", "/topic/t", "ack:client-individual\n"));
    for (const body of ["1", "2", "3"]) publish("/topic/t", body);
    session.receive(`ACK\nid:${messages(connection)[1]?.header("ack")}\n\n\0`);
    expect(application.acked).toEqual([["2"]]);
  });

  test("STOMP 1.1 names subscription and message, STOMP 1.0 the message", () => {
    const { application, connect, publish } = sessionHarness();
    for (const version of ["1.1", "1.0"]) {
      const { connection, session } = connect("alice", version);
      session.receive(subscribe("a", "/topic/t", "ack:client\n"));
      publish("/topic/t", version);
      const id = messages(connection)[0]?.header("message-id");
      const subscription = version === "1.1" ? "subscription:a\n" : "";
      session.receive(`ACK\n${subscription}message-id:${id}\n\n\0`);
      expect(application.acked.at(-1)).toEqual([version]);
      session.closed();
    }
  });

  test("twice for one message is an error", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive(subscribe("a", "/topic/t", "ack:client\n"));
    publish("/topic/t", "1");
    const ack = `ACK\nid:${messages(connection)[0]?.header("ack")}\n\n\0`;
    session.receive(ack + ack);
    expect(connection.last().header("code")).toBe("UNKNOWN_ACK");
  });

  test("a client that acknowledges nothing is stopped", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive(subscribe("a", "/topic/t", "ack:client\n"));
    for (let n = 0; n < 9; n += 1) publish("/topic/t", `${n}`);
    expect(connection.last().header("code")).toBe("TOO_MANY_UNACKNOWLEDGED");
  });
});

test("a client that acknowledges nothing of a few large messages is stopped as well", () => {
  const { connect, publish } = sessionHarness();
  const { connection, session } = connect();
  session.receive(subscribe("a", "/topic/t", "ack:client\n"));
  for (let n = 0; n < 3; n += 1) publish("/topic/t", "x".repeat(500));
  expect(connection.last().header("code")).toBe("TOO_MANY_UNACKNOWLEDGED");
});

test("a subscription that catches up holds live messages until it goes live", () => {
  const { application, connect, publish } = sessionHarness();
  const { connection, session } = connect();
  session.receive(subscribe("m", "/user/queue/messages"));
  const subscription = application.caughtUp[0];
  if (subscription === undefined) throw new Error("nobody was asked to catch up");
  const held: unknown[] = [];
  subscription.hold(({ body }) => held.push(body));
  publish("/user/alice/queue/messages", "held");
  expect(received(connection)).toEqual([]);
  subscription.goLive();
  publish("/user/alice/queue/messages", "live");
  expect(received(connection)).toEqual([["m", "live"]]);
  subscription.hold(({ body }) => held.push(body));
  publish("/user/alice/queue/messages", "held again");
  subscription.goLive();
  expect(held).toEqual(["held", "held again"]);
  expect(received(connection)).toEqual([["m", "live"]]);
  expect(messages(connection)[0]?.header("destination")).toBe("/user/queue/messages");
});
