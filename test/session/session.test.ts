import { describe, expect, test } from "bun:test";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { AppError } from "../../src/errors.ts";
import { RECEIPT_DEFERRED } from "../../src/session/ports.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import { settled } from "../support/held-store.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { LOCAL } from "../support/remote.ts";
import { type FakeConnection, sessionHarness } from "../support/session-harness.ts";

function expectError(connection: FakeConnection, code: string, closeCode: number): void {
  const error = connection.last();
  expect(error.command).toBe("ERROR");
  expect(error.header("code")).toBe(code);
  expect(error.header("message")).toBeString();
  expect(connection.closedWith).toEqual([closeCode, code]);
}

describe("CONNECT", () => {
  test.each([
    ["1.2", "1.2"],
    ["1.0,1.1,1.2", "1.2"],
    ["1.1,1.0", "1.1"],
    ["1.0", "1.0"],
    ["1.2,2.0", "1.2"],
  ])("offering %s is answered with %s", (offered, version) => {
    const { connection } = sessionHarness().connect("alice", offered);
    const connected = connection.last();
    expect(connected.command).toBe("CONNECTED");
    expect(connected.header("version")).toBe(version);
    expect(connected.header("user-name")).toBe("alice");
    expect(connected.header("server")).toBe("parley/test");
    expect(connected.header("session")).toBeString();
  });

  test("without accept-version is STOMP 1.0", () => {
    const { connection, session } = sessionHarness().open();
    session.receive("CONNECT\nlogin:alice\n\n\0");
    expect(connection.last().header("version")).toBe("1.0");
  });

  test("STOMP opens as well", () => {
    const { connection, session } = sessionHarness().open();
    session.receive("STOMP\naccept-version:1.2\nlogin:alice\n\n\0");
    expect(connection.last().command).toBe("CONNECTED");
  });

  test("with no common version names the supported ones and ends", () => {
    const { connection } = sessionHarness().connect("alice", "3.0");
    expectError(connection, "UNSUPPORTED_VERSION", 1002);
    expect(connection.last().header("version")).toBe("1.0,1.1,1.2");
  });

  test("leaves nothing of the request that opened the connection", () => {
    const { connection, session } = sessionHarness().open();
    const kept = new Map([["cookie", "sid=1"]]);
    connection.remote = { ...LOCAL, forgetHeaders: () => kept.clear() };
    session.receive("CONNECT\naccept-version:1.2\nlogin:alice\n\n\0");
    expect(connection.last().command).toBe("CONNECTED");
    expect(kept.size).toBe(0);
  });

  test("twice is an error", () => {
    const { connection, session } = sessionHarness().connect();
    session.receive("CONNECT\naccept-version:1.2\nlogin:alice\n\n\0");
    expectError(connection, "ALREADY_CONNECTED", 1002);
  });

  test("that names nobody is refused", () => {
    const { connection, session } = sessionHarness().open();
    session.receive("CONNECT\naccept-version:1.2\n\n\0");
    expectError(connection, "AUTHENTICATION_REQUIRED", 1008);
  });

  test("must come first", () => {
    const { connection, session } = sessionHarness().open();
    session.receive("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n\0");
    expectError(connection, "NOT_CONNECTED", 1008);
  });

  test("must come in time", () => {
    const { clock, open } = sessionHarness();
    const { connection, session } = open();
    session.check(clock.monotonicMs() + 29_999);
    expect(connection.closedWith).toBeNull();
    session.check(clock.monotonicMs() + 30_000);
    expectError(connection, "CONNECT_TIMEOUT", 1008);
  });
});

describe("a session whose transport knows its user", () => {
  test("is connected as by a CONNECT, and takes none", () => {
    const { connection, session } = sessionHarness().open();
    session.begin(makePrincipal({ userId: "alice", issuedMs: null }));
    expect(connection.last().command).toBe("CONNECTED");
    expect(session.isConnected).toBe(true);
    session.receive("SUBSCRIBE\nid:t\ndestination:/topic/t\nreceipt:r\n\n\0");
    expect(connection.last().command).toBe("RECEIPT");
    session.receive("CONNECT\naccept-version:1.2\nlogin:alice\n\n\0");
    expectError(connection, "ALREADY_CONNECTED", 1002);
  });
});

test("what is to be done when a session ends is done at once when it has", () => {
  const { session } = sessionHarness().open();
  const done: string[] = [];
  session.onClosed(() => done.push("first"));
  session.closed();
  session.onClosed(() => done.push("second"));
  expect(done).toEqual(["first", "second"]);
});

describe("heart-beats", () => {
  test.each([
    ["0,0", "10000,10000"],
    ["10000,10000", "10000,10000"],
    ["0,2000", "2000,10000"],
    ["0,1", "1000,10000"],
    ["0,60000", "10000,10000"],
  ])("offered %s, agreed %s", (offered, agreed) => {
    const { connection } = sessionHarness().connect("alice", "1.2", `heart-beat:${offered}\n`);
    expect(connection.last().header("heart-beat")).toBe(agreed);
  });

  test("of another form are an error", () => {
    const { connection } = sessionHarness().connect("alice", "1.2", "heart-beat:soon\n");
    expectError(connection, "INVALID_HEADER", 1002);
  });

  test("go out in every interval that the client asked for", () => {
    const { clock, connect } = sessionHarness();
    const { connection } = connect("alice", "1.2", "heart-beat:0,5000\n");
    const before = connection.sent.length;
    clock.advance(60_000);
    expect(connection.sent.slice(before)).toEqual(Array(12).fill("\n"));
  });

  test("stop with the connection", () => {
    const { clock, connect, engine } = sessionHarness();
    const { session } = connect("alice", "1.2", "heart-beat:0,5000\n");
    session.closed();
    clock.advance(60_000);
    expect([...engine.members.values()].every((members) => members.size === 0)).toBe(true);
  });

  test("that the client promised and does not send end the connection", () => {
    const { clock, connect } = sessionHarness();
    const { connection, session } = connect("alice", "1.2", "heart-beat:10000,0\n");
    clock.advance(20_000);
    session.check(clock.monotonicMs());
    expect(connection.closedWith).toBeNull();
    session.receive("\n");
    clock.advance(20_001);
    session.check(clock.monotonicMs());
    expectError(connection, "HEARTBEAT_TIMEOUT", 1008);
  });
});

describe("receipts", () => {
  test("answer every kind of frame, in order", () => {
    const { connection, session } = sessionHarness().connect();
    session.receive(
      "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r1\n\n\0" +
        "SEND\ndestination:/topic/a\nreceipt:r2\n\nhi\0" +
        "UNSUBSCRIBE\nid:1\nreceipt:r3\n\n\0" +
        "DISCONNECT\nreceipt:r4\n\n\0",
    );
    const receipts = connection.frames().filter((frame) => frame.command === "RECEIPT");
    expect(receipts.map((frame) => frame.header("receipt-id"))).toEqual(["r1", "r2", "r3", "r4"]);
    expect(connection.closedWith).toEqual([1000, "DISCONNECT"]);
  });

  test("wait for a handler that waits, and so do the frames behind it", async () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    application.onSend = (frame) => (frame.text() === "slow" ? promise : undefined);
    session.receive(
      "SEND\ndestination:/app/x\nreceipt:r1\n\nslow\0SEND\ndestination:/app/x\nreceipt:r2\n\nfast\0",
    );
    expect(application.handled).toEqual(["connected", "/app/x slow"]);
    resolve(undefined);
    await settled();
    expect(application.handled).toEqual(["connected", "/app/x slow", "/app/x fast"]);
    const receipts = connection.frames().filter((frame) => frame.command === "RECEIPT");
    expect(receipts.map((frame) => frame.header("receipt-id"))).toEqual(["r1", "r2"]);
  });

  test("come for the frames before a malformed one, however long those take", async () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    application.onSend = (frame) => (frame.text() === "slow" ? promise : undefined);
    const send = "SEND\ndestination:/app/x\nreceipt:";
    session.receive(`${send}r1\n\nslow\0${send}r2\n\nfast\0no frame\n`);
    session.receive(`${send}r3\n\nafter the malformed one\0`);
    expect(connection.commands()).toEqual(["CONNECTED"]);
    resolve(undefined);
    await settled();
    expect(connection.commands()).toEqual(["CONNECTED", "RECEIPT", "RECEIPT", "ERROR"]);
    expect(application.handled).toEqual([
      "connected",
      "/app/x slow",
      "/app/x fast",
      "disconnected",
    ]);
    expectError(connection, "MALFORMED_FRAME", 1002);
  });

  test("are not for frames that wait when the client goes, but its messages still get there", async () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    application.onSend = (frame) => (frame.text() === "slow" ? promise : undefined);
    const app = "SEND\ndestination:/app/x\n";
    session.receive(
      [
        `BEGIN\ntransaction:t\n\n\0${app}transaction:t\n\naborted\0`,
        `${app}\nslow\0${app}receipt:r\n\nfast\0COMMIT\ntransaction:t\n\n\0`,
        "SUBSCRIBE\nid:1\ndestination:/queue/x\n\n\0SEND\ndestination:/queue/x\n\njob\0",
      ].join(""),
    );
    session.closed();
    resolve(undefined);
    await settled();
    expect(application.handled).toEqual([
      "connected",
      "/app/x slow",
      "disconnected",
      "/app/x fast",
    ]);
    expect(connection.commands()).toEqual(["CONNECTED"]);
    const other = connect("bob");
    other.session.receive("SUBSCRIBE\nid:1\ndestination:/queue/x\n\n\0");
    await settled();
    expect(other.connection.last().text()).toBe("job");
  });

  test("are for nothing more once the server has closed", async () => {
    const { application, connect } = sessionHarness();
    const { session } = connect();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    application.onSend = (frame) => (frame.text() === "slow" ? promise : undefined);
    const app = "SEND\ndestination:/app/x\n\n";
    session.receive(`${app}slow\0${app}fast\0`);
    session.close(1001, "going away");
    resolve(undefined);
    await settled();
    expect(application.handled).toEqual(["connected", "/app/x slow", "disconnected"]);
  });

  test("that the application defers are not sent by the session", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    const frames: Frame[] = [];
    application.onSend = (frame) => {
      frames.push(frame);
      return RECEIPT_DEFERRED;
    };
    session.receive("SEND\ndestination:/app/x\nreceipt:r1\n\nhi\0");
    expect(connection.commands()).toEqual(["CONNECTED"]);
    for (const frame of frames) session.settle(frame, null);
    expect(connection.last().header("receipt-id")).toBe("r1");
  });

  test("a client that goes on and on behind a waiting frame is stopped", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    application.onSend = () => new Promise(() => {});
    session.receive("SEND\ndestination:/app/x\n\nhi\0".repeat(6));
    expectError(connection, "TOO_MANY_PENDING_FRAMES", 1008);
  });

  test("a client that sends much behind a waiting frame is stopped", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    application.onSend = () => new Promise(() => {});
    session.receive(`SEND\ndestination:/app/x\n\n${"x".repeat(2_000)}\0`.repeat(3));
    expect(connection.closedWith).toBeNull();
    session.receive(`SEND\ndestination:/app/x\n\n${"x".repeat(2_000)}\0`);
    expectError(connection, "TOO_MANY_PENDING_FRAMES", 1008);
  });
});

describe("a topic with wildcards", () => {
  test("needs no id in STOMP 1.0", () => {
    const { connect } = sessionHarness();
    const { connection, session } = connect("alice", "1.0");
    session.receive("SUBSCRIBE\ndestination:/topic/*\n\n\0SEND\ndestination:/topic/a\n\nhi\0");
    expect(connection.last().header("destination")).toBe("/topic/a");
    session.receive("UNSUBSCRIBE\ndestination:/topic/*\n\n\0SEND\ndestination:/topic/a\n\nhi\0");
    expect(connection.commands()).toEqual(["CONNECTED", "MESSAGE"]);
  });

  test.each(["auto", "client", "client-individual"])("in %s mode names the topic", (ack) => {
    const { connect } = sessionHarness();
    const { connection, session } = connect();
    session.receive(`SUBSCRIBE\nid:w\nack:${ack}\ndestination:/topic/orders.#\n\n\0`);
    session.receive("SEND\ndestination:/topic/orders.eu\n\nhi\0");
    const frame = connection.last();
    expect(frame.header("destination")).toBe("/topic/orders.eu");
    expect(frame.header("subscription")).toBe("w");
    if (ack !== "auto") session.receive(`ACK\nid:${frame.header("ack")}\n\n\0`);
    expect(connection.closedWith).toBeNull();
    session.receive("UNSUBSCRIBE\nid:w\n\n\0SEND\ndestination:/topic/orders.eu\n\nhi\0");
    expect(connection.commands()).toEqual(["CONNECTED", "MESSAGE"]);
  });
});

describe("errors", () => {
  test("of the domain reach the errors queue, and the connection lives", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    session.receive("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    application.onSend = () => {
      throw new AppError("VALIDATION_FAILED", "content: is missing", {
        details: { clientMessageId: "m1" },
      });
    };
    session.receive("SEND\ndestination:/app/x\nreceipt:r1\n\n{}\0");
    const message = connection.last();
    expect(message.command).toBe("MESSAGE");
    expect(message.header("subscription")).toBe("e");
    expect(JSON.parse(message.text())).toMatchObject({
      code: "VALIDATION_FAILED",
      message: "content: is missing",
      destination: "/app/x",
      clientMessageId: "m1",
      receiptId: "r1",
    });
    expect(connection.closedWith).toBeNull();
  });

  test("an unknown fault tells nothing of itself", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    session.receive("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    application.onSend = () => {
      throw new TypeError("secret is not a function");
    };
    session.receive("SEND\ndestination:/app/x\n\n{}\0");
    expect(JSON.parse(connection.last().text())).toMatchObject({
      code: "INTERNAL",
      message: "internal error",
    });
    expect(connection.last().text()).not.toContain("secret");
  });

  test.each([
    ["on its errors queue", "SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0", "MESSAGE"],
    ["with an ERROR", "", "ERROR"],
  ])("an unknown fault of which the client is told %s is logged once", (_name, first, told) => {
    const { application, connect, environment } = sessionHarness();
    const log = new RecordedLog();
    environment.log = log;
    const { connection, session } = connect();
    application.onSend = () => {
      throw new TypeError("secret is not a function");
    };
    session.receive(`${first}SEND\ndestination:/app/x\nreceipt:r1\n\n{}\0`);
    expect(connection.last().command).toBe(told);
    expect(log.texts.filter((text) => text.startsWith("error"))).toEqual(["error: Internal error"]);
  });

  test("a refused subscription is told and leaves no trace", () => {
    const { connect, publish } = sessionHarness();
    const { connection, session } = connect();
    session.receive("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    session.receive("SUBSCRIBE\nid:1\ndestination:/topic/forbidden\nreceipt:r1\n\n\0");
    publish("/topic/forbidden", "hidden");
    expect(connection.commands()).toEqual(["CONNECTED", "MESSAGE"]);
    expect(JSON.parse(connection.last().text())).toMatchObject({
      code: "FORBIDDEN_DESTINATION",
      receiptId: "r1",
    });
  });

  test.each([
    ["bad escape", "SEND\ndestination:/topic/a\nx:\\q\n\n\0", "MALFORMED_FRAME", 1002],
    ["unknown command", "SHOUT\ndestination:/topic/a\n\n\0", "UNKNOWN_COMMAND", 1002],
    ["no destination", "SEND\n\nhi\0", "MISSING_HEADER", 1002],
    ["no id", "SUBSCRIBE\ndestination:/topic/a\n\n\0", "MISSING_HEADER", 1002],
    [
      "unknown ack mode",
      "SUBSCRIBE\nid:1\nack:later\ndestination:/topic/a\n\n\0",
      "INVALID_HEADER",
      1002,
    ],
    [
      "too large a frame",
      `SEND\ndestination:/topic/a\n\n${"x".repeat(5_000)}\0`,
      "FRAME_TOO_LARGE",
      1009,
    ],
    ["too many headers", `SEND\n${"a:b\n".repeat(17)}\n\0`, "HEADER_LIMIT_EXCEEDED", 1002],
    ["an ACK of nothing", "ACK\nid:1-x\n\n\0", "UNKNOWN_ACK", 1002],
  ])("of the protocol end the connection: %s", (_name, frame, code, closeCode) => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    session.receive(frame);
    expectError(connection, code, closeCode);
    session.receive("SEND\ndestination:/app/x\n\nafter\0");
    expect(application.handled).toEqual(["connected", "disconnected"]);
  });

  test("name the receipt of the frame that caused them", () => {
    const { connection, session } = sessionHarness().connect();
    session.receive("SEND\nreceipt:r9\n\nhi\0");
    expect(connection.last().header("receipt-id")).toBe("r9");
  });

  test("an unknown destination is an error of the domain", () => {
    const { connection, session } = sessionHarness().connect();
    session.receive(
      "SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0SEND\ndestination:/nowhere\n\nhi\0",
    );
    expect(JSON.parse(connection.last().text())).toMatchObject({
      code: "UNKNOWN_DESTINATION",
      destination: "/nowhere",
    });
  });
});

describe("a client that does not listen to its errors", () => {
  const refused = () => {
    throw new AppError("RATE_LIMITED", "slower");
  };

  test.each([
    ["a SUBSCRIBE", "SUBSCRIBE\nid:1\ndestination:/topic/forbidden\n\n\0", "FORBIDDEN_DESTINATION"],
    ["a SEND to a topic", "SEND\ndestination:/topic/forbidden\n\nhi\0", "FORBIDDEN_DESTINATION"],
    ["a SEND to nowhere", "SEND\ndestination:/nowhere\n\nhi\0", "UNKNOWN_DESTINATION"],
  ])("gets an ERROR for %s that is refused", (_name, frame, code) => {
    const { connection, session } = sessionHarness().connect();
    session.receive(frame);
    expectError(connection, code, 1008);
  });

  test("gets an ERROR for what it wants a receipt of", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    application.onSend = refused;
    session.receive("SEND\ndestination:/app/x\nreceipt:r1\n\nhi\0");
    expectError(connection, "RATE_LIMITED", 1013);
    expect(connection.last().header("receipt-id")).toBe("r1");
  });

  test("lives on when the application refuses what it wants no receipt of", () => {
    const { application, connect } = sessionHarness();
    const { connection, session } = connect();
    application.onSend = refused;
    session.receive("SEND\ndestination:/app/x\n\nhi\0");
    expect(connection.commands()).toEqual(["CONNECTED"]);
    expect(connection.closedWith).toBeNull();
  });
});

test("long ids of subscriptions count as held", () => {
  const { session } = sessionHarness().connect();
  const id = "x".repeat(400);
  session.receive(`SUBSCRIBE\nid:${id}\ndestination:/topic/t\n\n\0`);
  expect(session.heldBytes).toBeGreaterThan(2 * id.length);
  session.receive(`UNSUBSCRIBE\nid:${id}\n\n\0`);
  expect(session.heldBytes).toBe(0);
});

test("a connection that stays blocked is dropped, one that moves is not", () => {
  const { clock, connect, cutOffs } = sessionHarness();
  const { connection, session } = connect();
  connection.buffered = 1;
  session.check(clock.monotonicMs());
  session.check(clock.monotonicMs() + 19_999);
  connection.buffered = 0;
  session.check(clock.monotonicMs() + 20_000);
  connection.buffered = 1;
  session.check(clock.monotonicMs() + 20_001);
  session.check(clock.monotonicMs() + 40_000);
  expect(connection.isTerminated).toBe(false);
  session.check(clock.monotonicMs() + 40_001);
  expect(connection.isTerminated).toBe(true);
  expect(cutOffs).toEqual(["slow-reader"]);
});

test("what waits for a client that is away does not make it a slow reader", () => {
  const { clock, connect, cutOffs } = sessionHarness();
  const { connection, session } = connect();
  connection.buffered = 1;
  session.check(clock.monotonicMs());
  connection.isReading = false;
  session.check(clock.monotonicMs() + 20_000);
  expect(connection.isTerminated).toBe(false);
  session.closed();
  expect(cutOffs).toEqual([]);
});

test("one for which more waits than may is cut off, and counted once", () => {
  const { clock, connect, cutOffs } = sessionHarness();
  for (const isSeenBefore of [false, true]) {
    const { connection, session } = connect();
    connection.buffered = 1;
    if (isSeenBefore) session.check(clock.monotonicMs());
    session.overflowed();
    session.closed();
    expect(connection.isTerminated).toBe(true);
  }
  expect(cutOffs).toEqual(["slow-reader", "slow-reader"]);
});
