import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { StompVersion } from "../../src/stomp/version.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { fatalErrorOf, fresh, naming, VERSIONS } from "../support/stomp-versions.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const connect = (version: StompVersion = "1.2") =>
  RawClient.connect(server.wsUrl, "transactor", version);

/** A client that has got so many messages of a queue, 1, 2, 3 …, and a topic with a listener. */
async function scene(version: StompVersion, count: number, ack = "client-individual") {
  const [queue, topic] = [fresh("queue"), fresh("topic")];
  const [client, listener] = [await connect(version), await connect()];
  await listener.confirmed("SUBSCRIBE", { id: "l", destination: topic });
  await client.confirmed("SUBSCRIBE", { id: "c", destination: queue, ack });
  for (let n = 1; n <= count; n += 1) client.frameOf("SEND", { destination: queue }, `${n}`);
  await client.until("the messages", () => client.got("MESSAGE").length === count);
  const name = (n: number) => ({
    ...naming(version, client.got("MESSAGE")[n - 1]),
    transaction: "t",
  });
  const say = (text: string) =>
    client.frameOf("SEND", { destination: topic, transaction: "t" }, text);
  /** What the listener has, once everything sent so far has come. */
  const heard = async () => {
    const marker = await connect();
    marker.frameOf("SEND", { destination: topic }, "marker");
    await listener.until("the marker", () => listener.got("MESSAGE").at(-1)?.text() === "marker");
    marker.close();
    return listener.got("MESSAGE").map((message) => message.text());
  };
  /** What the queue still has once the client is gone. */
  const left = async () => {
    client.close();
    await client.closed;
    const heir = await connect();
    heir.frameOf("SUBSCRIBE", { id: "heir", destination: queue, ack: "client" });
    heir.frameOf("SEND", { destination: queue }, "end");
    await heir.until("the end", () => heir.got("MESSAGE").at(-1)?.text() === "end");
    const texts = heir.got("MESSAGE").map((message) => message.text());
    for (const each of [heir, listener]) each.close();
    return texts.slice(0, -1);
  };
  return { queue, client, name, say, heard, left };
}

describe.each(VERSIONS)("STOMP %s", (version) => {
  test("what is sent in a transaction comes after its COMMIT, in order", async () => {
    const { client, say, heard } = await scene(version, 0);
    await client.confirmed("BEGIN", { transaction: "t" });
    say("one");
    say("two");
    await client.confirmed("SEND", { destination: fresh("topic") }, "the SENDs are handled");
    expect(await heard()).toEqual(["marker"]);
    await client.confirmed("COMMIT", { transaction: "t" });
    expect(await heard()).toEqual(["marker", "one", "two", "marker"]);
    client.close();
  });

  test("ABORT forgets what was sent", async () => {
    const { client, say, heard } = await scene(version, 0);
    client.frameOf("BEGIN", { transaction: "t" });
    say("never");
    await client.confirmed("ABORT", { transaction: "t" });
    expect(await heard()).toEqual(["marker"]);
    client.close();
  });

  test("a MESSAGE does not tell of the transaction", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "l", destination: topic });
    client.frameOf("BEGIN", { transaction: "t" });
    client.frameOf("SEND", { destination: topic, transaction: "t", receipt: "r" }, "hi");
    client.frameOf("COMMIT", { transaction: "t" });
    const message = await client.frame("MESSAGE");
    expect([message.header("transaction"), message.header("receipt")]).toEqual([
      undefined,
      undefined,
    ]);
    client.close();
  });

  test("an ACK in a transaction takes effect at the COMMIT", async () => {
    const { client, name, left } = await scene(version, 3);
    client.frameOf("BEGIN", { transaction: "t" });
    client.frameOf("ACK", name(1));
    client.frameOf("ACK", name(3));
    await client.confirmed("COMMIT", { transaction: "t" });
    expect(await left()).toEqual(["2"]);
  });

  test("a cumulative ACK in a transaction covers what was before it", async () => {
    const { client, name, left } = await scene(version, 3, "client");
    client.frameOf("BEGIN", { transaction: "t" });
    client.frameOf("ACK", name(2));
    await client.confirmed("COMMIT", { transaction: "t" });
    expect(await left()).toEqual(["3"]);
  });

  test("after ABORT the message can be acknowledged again", async () => {
    const { client, name, left } = await scene(version, 2);
    client.frameOf("BEGIN", { transaction: "t" });
    client.frameOf("ACK", name(1));
    client.frameOf("ACK", name(2));
    client.frameOf("ABORT", { transaction: "t" });
    const { transaction: _, ...outside } = name(1);
    await client.confirmed("ACK", outside);
    expect(await left()).toEqual(["2"]);
  });

  test("a NACK in a transaction gives back at the COMMIT", async () => {
    const { client, name } = await scene(version, 1);
    client.frameOf("BEGIN", { transaction: "t" });
    await client.confirmed("NACK", name(1));
    expect(client.got("MESSAGE")).toHaveLength(1);
    await client.confirmed("COMMIT", { transaction: "t" });
    await client.until("it again", () => client.got("MESSAGE").length === 2);
    expect(client.got("MESSAGE")[1]?.header("redelivered")).toBe("true");
    client.close();
  });

  test.each(["a broken connection", "DISCONNECT"])(
    "an open transaction is aborted at %s",
    async (end) => {
      const { client, name, say, heard, left } = await scene(version, 1);
      client.frameOf("BEGIN", { transaction: "t" });
      say("never");
      await client.confirmed("ACK", name(1));
      if (end === "DISCONNECT") await client.confirmed("DISCONNECT");
      client.close();
      await client.closed;
      expect(await heard()).toEqual(["marker"]);
      expect(await left()).toEqual(["1"]);
    },
  );

  test("transactions stand side by side, and their names are the connection's own", async () => {
    const { client, heard } = await scene(version, 0);
    const other = await connect(version);
    for (const each of [client, other]) {
      await each.confirmed("BEGIN", { transaction: "t" });
      await each.confirmed("BEGIN", { transaction: "u" });
    }
    await other.confirmed("ABORT", { transaction: "t" });
    await client.confirmed("ABORT", { transaction: "u" });
    await client.confirmed("COMMIT", { transaction: "t" });
    await client.confirmed("BEGIN", { transaction: "t" });
    await other.confirmed("COMMIT", { transaction: "u" });
    expect(await heard()).toEqual(["marker"]);
    for (const each of [client, other]) each.close();
  });

  test("a name that is open cannot be begun again", async () => {
    const client = await connect(version);
    await client.confirmed("BEGIN", { transaction: "t" });
    client.frameOf("BEGIN", { transaction: "t" });
    expect(await fatalErrorOf(client)).toBe("TRANSACTION_IN_USE");
  });

  test.each(["BEGIN", "COMMIT", "ABORT"])("%s needs a transaction header", async (command) => {
    const client = await connect(version);
    client.frameOf(command);
    expect(await fatalErrorOf(client)).toBe("MISSING_HEADER");
  });

  test.each(["COMMIT", "ABORT"])("%s of a name that is not open is an ERROR", async (command) => {
    const client = await connect(version);
    await client.confirmed("BEGIN", { transaction: "t" });
    await client.confirmed(command, { transaction: "t" });
    client.frameOf(command, { transaction: "t" });
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_TRANSACTION");
  });

  test.each(["SEND", "ACK", "NACK"])(
    "%s in a name that is not open is an ERROR",
    async (command) => {
      const { client, name, heard } = await scene(version, 1);
      client.frameOf(command, { ...name(1), destination: fresh("topic"), transaction: "other" });
      expect(await fatalErrorOf(client)).toBe("UNKNOWN_TRANSACTION");
      expect(await heard()).toEqual(["marker"]);
    },
  );

  test("a COMMIT of which one part is refused does nothing, and is an ERROR", async () => {
    const { client, name, say, heard, left } = await scene(version, 1);
    client.frameOf("BEGIN", { transaction: "t" });
    say("never");
    await client.confirmed("ACK", name(1));
    await client.confirmed("UNSUBSCRIBE", { id: "c" });
    client.frameOf("COMMIT", { transaction: "t", receipt: "c" });
    const error = await client.frame("ERROR");
    expect([error.header("code"), error.header("receipt-id")]).toEqual(["UNKNOWN_ACK", "c"]);
    await client.closed;
    expect(await heard()).toEqual(["marker"]);
    expect(await left()).toEqual(["1"]);
  });
});
