import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Frame } from "../../src/stomp/frame.ts";
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

const connect = (version: StompVersion = "1.2", user = "worker") =>
  RawClient.connect(server.wsUrl, user, version);

/** A consumer of a new queue that has got so many messages, named 1, 2, 3 … */
async function consumer(version: StompVersion, ack: string, count: number) {
  const [queue, client] = [fresh("queue"), await connect(version)];
  await client.confirmed("SUBSCRIBE", { id: "c", destination: queue, ack });
  for (let n = 1; n <= count; n += 1) client.frameOf("SEND", { destination: queue }, `${n}`);
  const messages: Frame[] = [];
  for (let n = 1; n <= count; n += 1) messages.push(await client.frame("MESSAGE"));
  const name = (n: number) => naming(version, messages[n - 1]);
  return { queue, client, messages, name };
}

/** What is in the queue once the client is gone: text, and whether it came before. */
async function left(queue: string, client: RawClient): Promise<string[]> {
  client.close();
  await client.closed;
  const heir = await connect();
  heir.frameOf("SEND", { destination: queue }, "end");
  heir.frameOf("SUBSCRIBE", { id: "heir", destination: queue, ack: "client" });
  const isEnd = (message: Frame) => message.text() === "end";
  await heir.until("the end", () => heir.got("MESSAGE").some(isEnd));
  const messages = heir.got("MESSAGE").filter((message) => !isEnd(message));
  await heir.confirmed("ACK", naming("1.2", heir.got("MESSAGE").at(-1)));
  heir.close();
  return messages.map(
    (message) => message.text() + (message.header("redelivered") === "true" ? "*" : ""),
  );
}

describe.each(VERSIONS)("STOMP %s", (version) => {
  test("ack:auto, the default, needs no ACK", async () => {
    const { queue, client } = await consumer(version, "auto", 2);
    expect(await left(queue, client)).toEqual([]);
    const [other, silent] = [fresh("queue"), await connect(version)];
    await silent.confirmed("SUBSCRIBE", { id: "c", destination: other });
    silent.frameOf("SEND", { destination: other }, "hi");
    await silent.frame("MESSAGE");
    expect(await left(other, silent)).toEqual([]);
  });

  test("ack:client: an ACK covers its message and all before", async () => {
    const { queue, client, name } = await consumer(version, "client", 4);
    await client.confirmed("ACK", name(3));
    expect(await left(queue, client)).toEqual(["4*"]);
  });

  test("ack:client-individual: an ACK covers its message alone", async () => {
    const { queue, client, name } = await consumer(version, "client-individual", 4);
    await client.confirmed("ACK", name(3));
    await client.confirmed("ACK", name(1));
    expect(await left(queue, client)).toEqual(["2*", "4*"]);
  });

  test.each(["client", "client-individual"])(
    "ack:%s: what was not acknowledged when the connection ends comes again, marked",
    async (ack) => {
      const { queue, client } = await consumer(version, ack, 3);
      expect(await left(queue, client)).toEqual(["1*", "2*", "3*"]);
    },
  );

  test("what was not acknowledged at the UNSUBSCRIBE goes to another", async () => {
    const { queue, client, name } = await consumer(version, "client-individual", 2);
    await client.confirmed("ACK", name(1));
    await client.confirmed("UNSUBSCRIBE", { id: "c" });
    expect(await left(queue, client)).toEqual(["2*"]);
  });

  test("a NACK gives the message back", async () => {
    const { client, messages, name } = await consumer(version, "client-individual", 1);
    client.frameOf("NACK", name(1));
    const again = await client.frame("MESSAGE");
    expect(again.header("redelivered")).toBe("true");
    expect(again.text()).toBe(messages[0]?.text() ?? "");
    client.close();
  });

  test("ack:client: a NACK covers all before as well", async () => {
    const { client, name } = await consumer(version, "client", 3);
    client.frameOf("NACK", name(2));
    const again = [await client.frame("MESSAGE"), await client.frame("MESSAGE")];
    expect(again.map((message) => message.text())).toEqual(["1", "2"]);
    client.close();
  });

  test("a NACK with requeue:false discards to the dead letters", async () => {
    const { queue, client, name } = await consumer(version, "client-individual", 1);
    await client.confirmed("NACK", { ...name(1), requeue: "false" });
    const dead = `/queue/dead-letter${queue.slice("/queue".length)}`;
    expect(await left(queue, client)).toEqual([]);
    expect(await left(dead, await connect())).toEqual(["1"]);
  });

  test.each(["ACK", "NACK"])("%s of a message acknowledged before is an ERROR", async (command) => {
    const { client, name } = await consumer(version, "client-individual", 1);
    await client.confirmed("ACK", name(1));
    client.frameOf(command, name(1));
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_ACK");
  });

  test.each(["ACK", "NACK"])("%s of what a cumulative one covered is an ERROR", async (command) => {
    const { client, name } = await consumer(version, "client", 2);
    await client.confirmed("ACK", name(2));
    client.frameOf(command, name(1));
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_ACK");
  });

  test.each(["ACK", "NACK"])("%s of what was never delivered is an ERROR", async (command) => {
    const client = await connect(version);
    client.frameOf(command, { id: "1-x", "message-id": "x", subscription: "c" });
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_ACK");
  });

  test("an ACK of another connection's message is an ERROR, and the message stays", async () => {
    const { queue, client, name } = await consumer(version, "client", 1);
    const thief = await connect(version);
    await thief.confirmed("SUBSCRIBE", { id: "c", destination: fresh("queue"), ack: "client" });
    thief.frameOf("ACK", name(1));
    expect(await fatalErrorOf(thief)).toBe("UNKNOWN_ACK");
    expect(await left(queue, client)).toEqual(["1*"]);
  });

  test("an ACK in ack:auto is an ERROR: nothing waits for it", async () => {
    const { client, messages } = await consumer(version, "auto", 1);
    const id = messages[0]?.header("message-id") ?? "";
    client.frameOf("ACK", { "message-id": id, subscription: "c", id });
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_ACK");
  });

  test("an ACK that names nothing is an ERROR", async () => {
    const { client } = await consumer(version, "client", 1);
    client.frameOf("ACK", {});
    expect(await fatalErrorOf(client)).toBe("MISSING_HEADER");
  });

  test("topics can be acknowledged too, and need it only to stay within the limit", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "t", destination: topic, ack: "client" });
    client.frameOf("SEND", { destination: topic }, "hi");
    await client.confirmed("ACK", naming(version, await client.frame("MESSAGE")));
    client.close();
  });

  test("a user's own messages come again until they are acknowledged", async () => {
    const [from, to] = [fresh("queue"), fresh("queue")].map((name) => name.split("/")[2] ?? "");
    const sender = await connect("1.2", from);
    const body = JSON.stringify({
      conversationId: `${from}-${to}`,
      recipientId: to,
      content: "hi",
    });
    await sender.confirmed("SEND", { destination: "/app/chat.send" }, body);
    const subscription = { id: "m", destination: "/user/queue/messages", ack: "client" };
    const ids: (string | undefined)[] = [];
    for (let round = 0; round < 2; round += 1) {
      const client = await connect(version, to);
      client.frameOf("SUBSCRIBE", subscription);
      const message = await client.frame("MESSAGE");
      ids.push(JSON.parse(message.text()).id);
      if (round === 1) await client.confirmed("ACK", naming(version, message));
      client.close();
      await client.closed;
    }
    expect(ids[0]).toBe(ids[1]);
    const sent = JSON.stringify({ conversationId: `${from}-${to}`, content: "later" });
    await sender.confirmed("SEND", { destination: "/app/chat.send" }, sent);
    const last = await connect(version, to);
    last.frameOf("SUBSCRIBE", subscription);
    expect(JSON.parse((await last.frame("MESSAGE")).text()).content).toBe("later");
    for (const client of [sender, last]) client.close();
  });
});

describe("ACK names its message", () => {
  test("in 1.2 by the MESSAGE's ack header, which is there in both modes that need it", async () => {
    for (const ack of ["client", "client-individual"]) {
      const { client, messages } = await consumer("1.2", ack, 2);
      const acks = messages.map((message) => message.header("ack"));
      expect(new Set(acks).size).toBe(2);
      expect(acks.every(Boolean)).toBe(true);
      client.frameOf("ACK", { "message-id": messages[0]?.header("message-id") ?? "" });
      expect(await fatalErrorOf(client)).toBe("MISSING_HEADER");
    }
  });

  test("in 1.1 by message-id and subscription, both", async () => {
    const { client, messages } = await consumer("1.1", "client", 1);
    expect(messages[0]?.header("ack")).toBeUndefined();
    client.frameOf("ACK", { "message-id": messages[0]?.header("message-id") ?? "" });
    expect(await fatalErrorOf(client)).toBe("MISSING_HEADER");
  });

  test("in 1.1 by the subscription that it came on, and no other", async () => {
    const { client, messages } = await consumer("1.1", "client", 1);
    const id = messages[0]?.header("message-id") ?? "";
    client.frameOf("ACK", { "message-id": id, subscription: "d" });
    expect(await fatalErrorOf(client)).toBe("UNKNOWN_ACK");
  });

  test("in 1.0 by message-id, with a subscription that has no id", async () => {
    const [queue, client] = [fresh("queue"), await connect("1.0")];
    await client.confirmed("SUBSCRIBE", { destination: queue, ack: "client" });
    client.frameOf("SEND", { destination: queue }, "hi");
    await client.confirmed("ACK", naming("1.0", await client.frame("MESSAGE")));
    expect(await left(queue, client)).toEqual([]);
  });
});
