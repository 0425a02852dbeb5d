import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { RECEIPT_DEFERRED } from "../../src/session/ports.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import { turn } from "../support/held-queue-store.ts";
import { type FakeConnection, sessionHarness } from "../support/session-harness.ts";

const QUEUE = "/queue/q";

const sendFrame = (destination: string, body: string, headers = "") =>
  `SEND\ndestination:${destination}\ntransaction:t\n${headers}\n${body}\0`;
const begin = (name = "t") => `BEGIN\ntransaction:${name}\n\n\0`;
const commit = (headers = "") => `COMMIT\ntransaction:t\n${headers}\n\0`;
const abort = "ABORT\ntransaction:t\n\n\0";

function setUp() {
  const harness = sessionHarness();
  const { connection, session } = harness.connect();
  const listener = harness.connect("listener");
  listener.session.receive("SUBSCRIBE\nid:l\ndestination:/topic/a\n\n\0");
  return { ...harness, connection, session, listener: listener.connection };
}

const bodies = (connection: FakeConnection) =>
  connection
    .frames()
    .filter(({ command }) => command === "MESSAGE")
    .map((frame) => frame.text());
const receipts = (connection: FakeConnection) =>
  connection
    .frames()
    .filter(({ command }) => command === "RECEIPT")
    .map((frame) => frame.header("receipt-id"));

describe("a transaction", () => {
  test("sends its messages at the COMMIT, in order", () => {
    const { session, listener, application } = setUp();
    session.receive(begin() + sendFrame("/topic/a", "1") + sendFrame("/app/x", "2"));
    session.receive(sendFrame("/topic/a", "3"));
    expect([bodies(listener), application.handled.includes("/app/x 2")]).toEqual([[], false]);
    session.receive(commit());
    expect(bodies(listener)).toEqual(["1"]);
  });

  test("hands over in order also what the application takes its time for", async () => {
    const { session, listener, application } = setUp();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    application.onSend = () => promise;
    session.receive(begin() + sendFrame("/app/x", "1") + sendFrame("/topic/a", "2") + commit());
    await turn();
    expect(bodies(listener)).toEqual([]);
    resolve(undefined);
    await turn();
    expect(bodies(listener)).toEqual(["2"]);
  });

  test("that is aborted sends nothing, and its name is free again", () => {
    const { connection, session, listener } = setUp();
    session.receive(begin() + sendFrame("/topic/a", "1") + abort + begin());
    expect(bodies(listener)).toEqual([]);
    expect(connection.closedWith).toBeNull();
  });

  test("that is open at the end sends nothing", () => {
    const { session, listener } = setUp();
    session.receive(`${begin()}${sendFrame("/topic/a", "1")}DISCONNECT\nreceipt:r\n\n\0`);
    expect(bodies(listener)).toEqual([]);
  });

  test("confirms its frames as they are taken, and the COMMIT when all is done", async () => {
    const { connection, session, application } = setUp();
    const frames: Frame[] = [];
    application.onSend = (frame) => {
      frames.push(frame);
      return RECEIPT_DEFERRED;
    };
    session.receive(begin() + sendFrame("/app/x", "1", "receipt:r1\n") + commit("receipt:r2\n"));
    await turn();
    expect(receipts(connection)).toEqual(["r1"]);
    for (const frame of frames) session.settle(frame, null);
    await turn();
    expect(receipts(connection)).toEqual(["r1", "r2"]);
  });

  test("tells what the application refuses as outside of transactions", async () => {
    const { connection, session, application } = setUp();
    session.receive("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    application.onSend = () => {
      throw new AppError("VALIDATION_FAILED", "content: is missing");
    };
    session.receive(begin() + sendFrame("/app/x", "1") + commit("receipt:r\n"));
    await turn();
    expect(bodies(connection).map((body) => JSON.parse(body).code)).toEqual(["VALIDATION_FAILED"]);
    expect(receipts(connection)).toEqual(["r"]);
  });
});

describe("ACKs in a transaction", () => {
  async function consuming(mode: string) {
    const all = setUp();
    all.session.receive(`SUBSCRIBE\nid:s\nack:${mode}\ndestination:${QUEUE}\n\n\0`);
    await turn();
    for (const body of ["1", "2"]) {
      all.session.receive(`SEND\ndestination:${QUEUE}\n\n${body}\0`);
    }
    const ids = all.connection.frames().flatMap((frame) => frame.header("ack") ?? []);
    const rest = async () => {
      all.session.closed();
      const next = all.connect("next");
      next.session.receive(`SUBSCRIBE\nid:s\nack:client\ndestination:${QUEUE}\n\n\0`);
      await turn();
      return bodies(next.connection);
    };
    return { ...all, ids, rest };
  }
  const ack = (id: string | undefined) => `ACK\nid:${id}\ntransaction:t\n\n\0`;

  test("count at the COMMIT", async () => {
    const { session, ids, rest } = await consuming("client-individual");
    session.receive(begin() + ack(ids[1]) + commit());
    expect(await rest()).toEqual(["1"]);
  });

  test("do not count after an ABORT, and can be given again", async () => {
    const { connection, session, ids, rest } = await consuming("client-individual");
    session.receive(begin() + ack(ids[0]) + abort);
    session.receive(`ACK\nid:${ids[0]}\n\n\0`);
    expect(connection.closedWith).toBeNull();
    expect(await rest()).toEqual(["2"]);
  });

  test("do not count when the connection ends before the COMMIT", async () => {
    const { session, ids, rest } = await consuming("client");
    session.receive(begin() + ack(ids[1]));
    expect(await rest()).toEqual(["1", "2"]);
  });

  test("keep their places when they are aborted", async () => {
    const { session, ids, rest } = await consuming("client");
    session.receive(begin() + ack(ids[0]) + abort);
    session.receive(`ACK\nid:${ids[1]}\n\n\0`);
    expect(await rest()).toEqual([]);
  });

  test("of one message twice are an error", async () => {
    const { connection, session, ids } = await consuming("client-individual");
    session.receive(begin() + ack(ids[0]) + ack(ids[0]));
    expect(connection.last().header("code")).toBe("UNKNOWN_ACK");
  });

  test("whose subscription has ended make the COMMIT fail as a whole", async () => {
    const { connection, session, listener, ids } = await consuming("client");
    session.receive(begin() + sendFrame("/topic/a", "never") + ack(ids[0]));
    session.receive(`UNSUBSCRIBE\nid:s\n\n\0${commit()}`);
    expect(connection.last().header("code")).toBe("UNKNOWN_ACK");
    expect(bodies(listener)).toEqual([]);
  });

  test("of chat messages reach the application at the COMMIT", () => {
    const { session, connection, publish, application } = setUp();
    session.receive("SUBSCRIBE\nid:s\nack:client\ndestination:/topic/b\n\n\0");
    publish("/topic/b", "1");
    session.receive(begin() + ack(connection.last().header("ack")));
    expect(application.acked).toEqual([]);
    session.receive(commit());
    expect(application.acked).toEqual([["1"]]);
  });
});

describe("a transaction with persistent messages", () => {
  const persistent = sendFrame(QUEUE, "kept", "persistent:true\n");

  test("is done after the commit of the store, all of it", async () => {
    const { connection, session, store, listener } = setUp();
    session.receive(begin() + sendFrame("/topic/a", "1") + persistent + commit("receipt:r\n"));
    await turn();
    expect([bodies(listener), receipts(connection)]).toEqual([[], []]);
    await store.finish();
    expect([bodies(listener), receipts(connection)]).toEqual([["1"], ["r"]]);
    expect(store.kept.size).toBe(1);
  });

  test("that cannot be written is not done at all", async () => {
    const { connection, session, store, listener } = setUp();
    session.receive(begin() + sendFrame("/topic/a", "1") + persistent + commit("receipt:r\n"));
    await store.fail();
    expect(connection.last().header("code")).toBe("STORAGE_UNAVAILABLE");
    expect(connection.last().header("receipt-id")).toBe("r");
    expect(connection.closedWith).toEqual([1013, "STORAGE_UNAVAILABLE"]);
    expect(bodies(listener)).toEqual([]);
  });
});

describe("refused, and the connection ends, is", () => {
  test.each([
    ["a second BEGIN of one name", begin() + begin(), "TRANSACTION_IN_USE"],
    ["a BEGIN without a name", "BEGIN\n\n\0", "MISSING_HEADER"],
    ["a SEND in a transaction that is not open", sendFrame("/topic/a", ""), "UNKNOWN_TRANSACTION"],
    ["an ACK in one", "ACK\nid:1-x\ntransaction:t\n\n\0", "UNKNOWN_TRANSACTION"],
    ["a COMMIT of one", commit(), "UNKNOWN_TRANSACTION"],
    ["an ABORT of one", abort, "UNKNOWN_TRANSACTION"],
    ["a second COMMIT", begin() + commit() + commit(), "UNKNOWN_TRANSACTION"],
    ["one transaction too many", begin() + begin("u") + begin("v"), "TRANSACTION_LIMIT_EXCEEDED"],
    [
      "one frame too many",
      begin() + sendFrame("/topic/a", "").repeat(7),
      "TRANSACTION_LIMIT_EXCEEDED",
    ],
    [
      "one byte too many",
      begin() + sendFrame("/topic/a", "x".repeat(1_024)).repeat(2),
      "TRANSACTION_LIMIT_EXCEEDED",
    ],
    [
      "a SEND that would be refused outside",
      `SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0${begin()}${sendFrame("/topic/forbidden", "")}`,
      "FORBIDDEN_DESTINATION",
    ],
  ])("%s", (_name, frames, code) => {
    const { connection, session } = setUp();
    session.receive(frames);
    expect(connection.last().header("code")).toBe(code);
    expect(connection.closedWith).not.toBeNull();
  });
});
