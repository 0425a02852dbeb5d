import { describe, expect, test } from "bun:test";
import { turn } from "../support/held-queue-store.ts";
import { type FakeConnection, sessionHarness } from "../support/session-harness.ts";

const QUEUE = "/queue/q";

function setUp() {
  const harness = sessionHarness();
  const producer = harness.connect("producer");
  const send = (body: string, headers = "") =>
    producer.session.receive(`SEND\ndestination:${QUEUE}\n${headers}\n${body}\0`);
  const consumer = async (ack: string, headers = "", version = "1.2") => {
    const { connection, session } = harness.connect("consumer", version);
    session.receive(`SUBSCRIBE\nid:s\ndestination:${QUEUE}\nack:${ack}\n${headers}\n\0`);
    await turn();
    return { connection, session };
  };
  return { ...harness, producer, send, consumer };
}

const messages = (connection: FakeConnection) =>
  connection.frames().filter(({ command }) => command === "MESSAGE");
const bodies = (connection: FakeConnection) => messages(connection).map((frame) => frame.text());
const receipts = (connection: FakeConnection) =>
  connection
    .frames()
    .filter(({ command }) => command === "RECEIPT")
    .map((frame) => frame.header("receipt-id"));

describe("a consumer", () => {
  test("gets the message with its headers, its own subscription and an ack id", async () => {
    const { send, consumer } = setUp();
    const { connection } = await consumer("client-individual");
    send("work", "colour:red\n");
    const frame = connection.last();
    expect(frame.command).toBe("MESSAGE");
    expect(frame.header("subscription")).toBe("s");
    expect(frame.header("destination")).toBe(QUEUE);
    expect(frame.header("colour")).toBe("red");
    expect(frame.header("ack")).toBe(`1-${frame.header("message-id")}`);
    expect(frame.header("redelivered")).toBeUndefined();
  });

  test("that subscribed twice gives its messages to others when it ends, and gets none itself", async () => {
    const { send, consumer } = setUp();
    const { connection, session } = await consumer("client-individual", "prefetch-count:1\n");
    session.receive(`SUBSCRIBE\nid:t\ndestination:${QUEUE}\nack:client-individual\n\n\0`);
    await turn();
    send("1");
    session.receive("FROBNICATE\n\n\0");
    expect(connection.last().command).toBe("ERROR");
    const next = await consumer("client-individual");
    expect(messages(next.connection)[0]?.header("redelivered")).toBe("true");
    expect(bodies(connection)).toEqual(["1"]);
  });

  test("has no more than its prefetch-count", async () => {
    const { send, consumer } = setUp();
    const { connection, session } = await consumer("client-individual", "prefetch-count:2\n");
    for (const body of ["1", "2", "3", "4"]) send(body);
    expect(bodies(connection)).toEqual(["1", "2"]);
    session.receive(`ACK\nid:${messages(connection)[1]?.header("ack")}\n\n\0`);
    expect(bodies(connection)).toEqual(["1", "2", "3"]);
  });

  test("in client mode acknowledges all up to one", async () => {
    const { send, consumer } = setUp();
    const { connection, session } = await consumer("client", "prefetch-count:3\n");
    for (const body of ["1", "2", "3", "4", "5"]) send(body);
    session.receive(`ACK\nid:${messages(connection)[1]?.header("ack")}\n\n\0`);
    expect(bodies(connection)).toEqual(["1", "2", "3", "4", "5"]);
    session.close(1000, "");
    const next = await consumer("client");
    expect(bodies(next.connection)).toEqual(["3", "4", "5"]);
  });

  test("in auto mode has consumed what has left, and no more", async () => {
    const { send, consumer } = setUp();
    const { connection, session } = await consumer("auto");
    send("1");
    await turn();
    connection.buffered = 1;
    send("2");
    await turn();
    session.closed();
    expect(bodies(connection)).toEqual(["1", "2"]);
    expect(bodies((await consumer("auto")).connection)).toEqual(["2"]);
  });

  test("whose connection takes nothing gets nothing, until it drains", async () => {
    const { send, consumer } = setUp();
    const { connection, session } = await consumer("client-individual");
    connection.buffered = 2_000;
    send("1");
    expect(bodies(connection)).toEqual([]);
    connection.buffered = 0;
    session.drained();
    expect(bodies(connection)).toEqual(["1"]);
  });

  test("that refuses leaves the message to others", async () => {
    const { send, consumer } = setUp();
    const one = await consumer("client-individual");
    send("1");
    const two = await consumer("client-individual");
    one.session.receive(`NACK\nid:${one.connection.last().header("ack")}\n\n\0`);
    expect(bodies(two.connection)).toEqual(["1"]);
    expect(two.connection.last().header("redelivered")).toBe("true");
  });

  test("that unsubscribes gives back what it has not acknowledged", async () => {
    const { send, consumer } = setUp();
    const one = await consumer("client");
    send("1");
    one.session.receive("UNSUBSCRIBE\nid:s\n\n\0");
    expect(bodies((await consumer("client")).connection)).toEqual(["1"]);
    one.session.receive(`ACK\nid:${one.connection.last().header("ack")}\n\n\0`);
    expect(one.connection.last().header("code")).toBe("UNKNOWN_ACK");
  });

  test.each(["1.0", "1.1"])("of STOMP %s acknowledges by message-id", async (version) => {
    const { send, consumer } = setUp();
    const { connection, session } = await consumer("client", "prefetch-count:1\n", version);
    send("1");
    send("2");
    const id = connection.last().header("message-id");
    expect(connection.last().header("ack")).toBeUndefined();
    session.receive(`ACK\nsubscription:s\nmessage-id:${id}\n\n\0`);
    expect(bodies(connection)).toEqual(["1", "2"]);
  });

  test("with a senseless prefetch-count is refused", async () => {
    const { connection } = await setUp().consumer("auto", "prefetch-count:many\n");
    expect(connection.last().header("code")).toBe("INVALID_HEADER");
  });
});

describe("a producer", () => {
  test("has its receipt for a persistent message after the commit", async () => {
    const { producer, store, send } = setUp();
    send("1", "persistent:true\nreceipt:r1\n");
    await turn();
    expect(receipts(producer.connection)).toEqual([]);
    await store.finish();
    expect(receipts(producer.connection)).toEqual(["r1"]);
  });

  test("is told that a message could not be kept", async () => {
    const { producer, store, send } = setUp();
    producer.session.receive("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    send("1", "persistent:true\nreceipt:r1\n");
    await store.fail();
    expect(JSON.parse(producer.connection.last().text())).toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      receiptId: "r1",
      destination: QUEUE,
    });
  });

  test("is told that the queue is full", () => {
    const { producer, send } = setUp();
    for (let count = 0; count < 8; count += 1) send("1");
    expect(producer.connection.closedWith).toBeNull();
    send("1");
    expect(producer.connection.last().header("code")).toBe("QUEUE_FULL");
  });

  test("with a senseless expiry is refused", () => {
    const { producer, send } = setUp();
    send("1", "expires:soon\n");
    expect(producer.connection.last().header("code")).toBe("INVALID_HEADER");
  });
});

test("the receipt of an ACK says that a persistent message is gone for good", async () => {
  const { store, send, consumer } = setUp();
  const { connection, session } = await consumer("client");
  send("1", "persistent:true\n");
  await store.finish();
  session.receive(`ACK\nid:${connection.last().header("ack")}\nreceipt:r\n\n\0`);
  await turn();
  expect(receipts(connection)).toEqual([]);
  await store.finish();
  expect(receipts(connection)).toEqual(["r"]);
  expect(store.kept.size).toBe(0);
});

test("the receipt of a DISCONNECT waits for the disk", async () => {
  const { producer, store, send } = setUp();
  send("1", "persistent:true\n");
  producer.session.receive("DISCONNECT\nreceipt:bye\n\n\0");
  await turn();
  expect(receipts(producer.connection)).toEqual([]);
  await store.finish();
  expect(receipts(producer.connection)).toEqual(["bye"]);
});
