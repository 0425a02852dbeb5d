import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { sessionHarness } from "../support/session-harness.ts";

const FULL = new AppError("SERVER_FULL", "too much");

describe("what a session holds", () => {
  test("is nothing at first", () => {
    expect(sessionHarness().connect().session.heldBytes).toBe(0);
  });

  test("is what its client has not taken", () => {
    const { connection, session } = sessionHarness().connect();
    connection.buffered = 700;
    expect(session.heldBytes).toBe(700);
  });

  test("is a frame in the making, until it is whole", () => {
    const { session } = sessionHarness().connect();
    session.receive(`SEND\ndestination:/app/x\n\n${"x".repeat(500)}`);
    expect(session.heldBytes).toBeGreaterThanOrEqual(500);
    session.receive("\0");
    expect(session.heldBytes).toBe(0);
  });

  test("are the frames that wait behind one", () => {
    const { application, connect } = sessionHarness();
    application.onSend = () => new Promise(() => {});
    const { session } = connect();
    session.receive("SEND\ndestination:/app/x\n\n\0");
    session.receive(`SEND\ndestination:/app/x\n\n${"x".repeat(500)}\0`);
    expect(session.heldBytes).toBeGreaterThanOrEqual(500);
  });

  test("are its open transactions", () => {
    const { session } = sessionHarness().connect();
    session.receive("BEGIN\ntransaction:t\n\n\0");
    session.receive(`SEND\ndestination:/topic/a\ntransaction:t\n\n${"x".repeat(500)}\0`);
    expect(session.heldBytes).toBeGreaterThanOrEqual(500);
    session.receive("ABORT\ntransaction:t\n\n\0");
    expect(session.heldBytes).toBe(0);
  });

  test("are the messages that it has not acknowledged", () => {
    const { connect, publish } = sessionHarness();
    const { session } = connect();
    session.receive("SUBSCRIBE\nid:1\ndestination:/topic/a\nack:client\n\n\0");
    publish("/topic/a", "x".repeat(500));
    expect(session.heldBytes).toBeGreaterThanOrEqual(500);
    session.receive("UNSUBSCRIBE\nid:1\n\n\0");
    expect(session.heldBytes).toBe(0);
  });
});

describe("a session that is to give back what it holds", () => {
  test("is told so when its client takes what is sent", () => {
    const { connection, session } = sessionHarness().connect();
    session.evict(FULL);
    expect(connection.last().header("code")).toBe("SERVER_FULL");
    expect(connection.closedWith).toEqual([1013, "SERVER_FULL"]);
  });

  test("is dropped when it does not", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    connection.buffered = 1;
    session.evict(FULL);
    expect(connection.commands()).toEqual(["CONNECTED"]);
    expect(connection.isTerminated).toBe(true);
    expect(application.handled).toContain("disconnected");
  });
});

describe("before CONNECT is accepted", () => {
  test("a frame is small", () => {
    const { connection, session } = sessionHarness().open();
    session.receive(`CONNECT\nlogin:alice\n${"h:xxxxxxxxxxxxxxxxxxxx\n".repeat(8)}`);
    expect(connection.sent).toEqual([]);
    session.receive(`${"h".repeat(300)}:${"x".repeat(180)}\n`.repeat(5));
    expect(connection.last().header("code")).toBe("FRAME_TOO_LARGE");
  });

  test("and afterwards as large as any", () => {
    const { application, connect } = sessionHarness();
    const { session } = connect();
    session.receive(`SEND\ndestination:/app/x\n\n${"x".repeat(4_000)}\0`);
    expect(application.handled.at(-1)).toStartWith("/app/x xxx");
  });
});

test("a connection holds so many subscriptions with wildcards; one that ends makes room", () => {
  const { connect, environment } = sessionHarness();
  const { connection, session } = connect();
  const subscribe = (id: number) =>
    session.receive(`SUBSCRIBE\nid:${id}\ndestination:/topic/${id}.*\n\n\0`);
  for (let id = 0; id < environment.limits.patterns; id += 1) subscribe(id);
  session.receive("UNSUBSCRIBE\nid:0\n\n\0");
  subscribe(100);
  expect(connection.closedWith).toBeNull();
  subscribe(101);
  expect(connection.last().header("code")).toBe("TOO_MANY_SUBSCRIPTIONS");
});
