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
  RawClient.connect(server.wsUrl, "errant", version);

const receiptIds = (client: RawClient) =>
  client.got("RECEIPT").map((frame) => frame.header("receipt-id"));

describe.each(VERSIONS)("RECEIPT in %s", (version) => {
  test("answers every client frame that asks for one, DISCONNECT too", async () => {
    const [queue, client] = [fresh("queue"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "c", destination: queue, ack: "client-individual" });
    await client.confirmed("SEND", { destination: queue }, "one");
    await client.confirmed("ACK", naming(version, await client.frame("MESSAGE")));
    await client.confirmed("SEND", { destination: queue }, "two");
    const nack = { ...naming(version, await client.frame("MESSAGE")), requeue: "false" };
    await client.confirmed("NACK", nack);
    await client.confirmed("BEGIN", { transaction: "t" });
    await client.confirmed("SEND", { destination: queue, transaction: "t" }, "three");
    await client.confirmed("COMMIT", { transaction: "t" });
    const inTransaction = { ...naming(version, await client.frame("MESSAGE")), transaction: "u" };
    await client.confirmed("BEGIN", { transaction: "u" });
    await client.confirmed("ACK", inTransaction);
    await client.confirmed("ABORT", { transaction: "u" });
    await client.confirmed("UNSUBSCRIBE", { id: "c" });
    await client.confirmed("DISCONNECT");
    expect(await client.closed).toBe(1000);
    expect(client.got("RECEIPT")).toHaveLength(13);
  });

  test("has the receipt-id alone, and no body", async () => {
    const client = await connect(version);
    client.frameOf("SEND", { destination: fresh("topic"), receipt: "a-1" }, "hi");
    const receipt = await client.frame("RECEIPT");
    expect(receipt.headers).toEqual(["receipt-id", "a-1"]);
    expect(receipt.body).toHaveLength(0);
    client.close();
  });

  test("says that all before was received: receipts come in the order of the frames", async () => {
    const client = await connect(version);
    const ids = Array.from({ length: 50 }, (_, n) => `${n}`);
    for (const id of ids) client.frameOf("SEND", { destination: "/topic/x", receipt: id });
    await client.confirmed("DISCONNECT");
    expect(receiptIds(client).slice(0, -1)).toEqual(ids);
  });
});

describe("RECEIPT", () => {
  test("carries any id back, escaped", async () => {
    const client = await connect();
    client.frameOf("SEND", { destination: "/topic/x", receipt: "a\\cb\\n\\\\ ключ " });
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("a:b\n\\ ключ ");
    client.close();
  });

  test("of a frame that comes again is sent again: ids are the client's own", async () => {
    const client = await connect();
    for (let n = 0; n < 2; n += 1) {
      client.frameOf("SEND", { destination: "/topic/x", receipt: "same" });
      expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("same");
    }
    client.close();
  });

  test("of a persistent SEND comes before the message, as soon as it is on disk", async () => {
    const [queue, client] = [fresh("queue"), await connect()];
    client.frameOf("SEND", { destination: queue, persistent: "true", receipt: "kept" }, "hi");
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("kept");
    client.frameOf("SUBSCRIBE", { id: "1", destination: queue, ack: "client" });
    await client.confirmed("ACK", naming("1.2", await client.frame("MESSAGE")));
    client.close();
  });
});

describe.each(VERSIONS)("ERROR in %s", (version) => {
  test("has message, content-type, content-length, and the receipt-id of the frame", async () => {
    const client = await connect(version);
    client.frameOf("SEND", { destination: "/nowhere", receipt: "r-1" }, "hi");
    const error = await client.frame("ERROR");
    expect(error.header("message")).toContain("/nowhere");
    expect(error.header("receipt-id")).toBe("r-1");
    expect(error.header("content-type")).toBe("text/plain");
    expect(error.header("content-length")).toBe(String(Buffer.byteLength(error.text())));
    expect(error.text()).toStartWith("UNKNOWN_DESTINATION");
    await client.closed;
    expect(client.got("RECEIPT")).toEqual([]);
  });

  test("has no receipt-id when the frame asked for no receipt", async () => {
    const client = await connect(version);
    client.frameOf("COMMIT", { transaction: "none" });
    expect((await client.frame("ERROR")).header("receipt-id")).toBeUndefined();
    await client.closed;
  });

  test.each([
    ["a frame of the protocol's", "COMMIT\ntransaction:none\n\n\0"],
    ["what is no frame", "no frame\n\n\0"],
    ["an undefined destination", "SEND\ndestination:/nowhere\n\n\0"],
  ])(
    "is the last: nothing after %s is processed, in one message or in several",
    async (_what, bad) => {
      const [topic, witness] = [fresh("topic"), await connect()];
      await witness.confirmed("SUBSCRIBE", { id: "w", destination: topic });
      const send = (text: string) => `SEND\ndestination:${topic}\nreceipt:${text}\n\n${text}\0`;
      const joined = await connect(version);
      joined.send(`${send("before 1")}${bad}${send("after 1")}`);
      const apart = await connect(version);
      for (const each of [send("before 2"), bad, send("after 2"), send("after 3")])
        apart.send(each);
      for (const client of [joined, apart]) {
        expect(await fatalErrorOf(client)).toBeString();
        expect(client.frames.at(-1)?.command).toBe("ERROR");
        expect(client.got("ERROR")).toHaveLength(1);
        expect(receiptIds(client)).toHaveLength(1);
      }
      await witness.confirmed("SEND", { destination: topic }, "end");
      const texts = witness.got("MESSAGE").map((message) => message.text());
      expect(texts.sort()).toEqual(["before 1", "before 2", "end"]);
      witness.close();
    },
  );

  test("ends subscriptions: what they had not acknowledged goes to others", async () => {
    const [queue, client, other] = [fresh("queue"), await connect(version), await connect()];
    await client.confirmed("SUBSCRIBE", { id: "c", destination: queue, ack: "client" });
    await client.confirmed("SEND", { destination: queue }, "job");
    await client.frame("MESSAGE");
    await other.confirmed("SUBSCRIBE", { id: "o", destination: queue, ack: "client" });
    client.frameOf("FROBNICATE");
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_COMMAND");
    const message = await other.frame("MESSAGE");
    expect([message.text(), message.header("redelivered")]).toEqual(["job", "true"]);
    await other.confirmed("ACK", naming("1.2", message));
    other.close();
  });
});

describe.each(VERSIONS)("DISCONNECT in %s", (version) => {
  test("without a receipt closes the connection", async () => {
    const client = await connect(version);
    client.frameOf("DISCONNECT");
    expect(await client.closed).toBe(1000);
    expect(client.frames.map(({ command }) => command)).toEqual(["CONNECTED"]);
  });

  test("is the last: what comes after it is not processed", async () => {
    const [topic, client, witness] = [fresh("topic"), await connect(version), await connect()];
    await witness.confirmed("SUBSCRIBE", { id: "w", destination: topic });
    const send = (text: string) => `SEND\ndestination:${topic}\n\n${text}\0`;
    client.send(`${send("before")}DISCONNECT\nreceipt:bye\n\n\0${send("after")}COMMIT\n\n\0`);
    expect(await client.closed).toBe(1000);
    expect(client.frames.map(({ command }) => command)).toEqual(["CONNECTED", "RECEIPT"]);
    await witness.confirmed("SEND", { destination: topic }, "end");
    const texts = witness.got("MESSAGE").map((message) => message.text());
    expect(texts).toEqual(["before", "end"]);
    witness.close();
  });
});

describe("a frame that the application refuses", () => {
  test("is told on the errors queue of a client that listens there, and the connection lives", async () => {
    const client = await connect();
    await client.confirmed("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
    client.frameOf("SEND", { destination: "/nowhere", receipt: "r" }, "hi");
    const event = JSON.parse((await client.frame("MESSAGE")).text());
    expect(event).toMatchObject({ code: "UNKNOWN_DESTINATION", receiptId: "r" });
    await client.confirmed("SEND", { destination: "/topic/x" }, "still here");
    expect(receiptIds(client)).not.toContain("r");
    client.close();
  });

  test("is an ERROR within a transaction all the same", async () => {
    const client = await connect();
    await client.confirmed("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
    await client.confirmed("BEGIN", { transaction: "t" });
    client.frameOf("SEND", { destination: "/nowhere", transaction: "t" }, "hi");
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_DESTINATION");
  });
});
