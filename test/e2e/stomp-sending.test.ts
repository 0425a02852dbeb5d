import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { StompVersion } from "../../src/stomp/version.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { fatalErrorOf, fresh, VERSIONS } from "../support/stomp-versions.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const connect = (version: StompVersion = "1.2") =>
  RawClient.connect(server.wsUrl, "sender", version);

/** What a client that sends `frame` last ends with. */
async function refusal(version: StompVersion, command: string, headers: Record<string, string>) {
  const client = await connect(version);
  client.frameOf(command, headers);
  return fatalErrorOf(client);
}

const subscriptionsOf = (client: RawClient) =>
  client.got("MESSAGE").map((message) => message.header("subscription"));

describe.each(VERSIONS)("STOMP %s", (version) => {
  test("a SEND reaches its destination, and a sender that listens there", async () => {
    const [topic, sender, other] = [fresh("topic"), await connect(version), await connect()];
    await sender.confirmed("SUBSCRIBE", { id: "own", destination: topic });
    await other.confirmed("SUBSCRIBE", { id: "other", destination: topic });
    sender.frameOf("SEND", { destination: topic }, "hi");
    for (const client of [sender, other]) {
      const message = await client.frame("MESSAGE");
      expect([message.header("destination"), message.text()]).toEqual([topic, "hi"]);
      client.close();
    }
  });

  test("a MESSAGE has destination, message-id, subscription and the body's own headers", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "sub 1", destination: topic });
    const headers = { "content-type": "text/plain;charset=utf-8", colour: "red", priority: "4" };
    client.frameOf("SEND", { destination: topic, ...headers }, "héllo");
    client.frameOf("SEND", { destination: topic });
    const [one, two] = [await client.frame("MESSAGE"), await client.frame("MESSAGE")];
    for (const [name, value] of Object.entries(headers)) expect(one.header(name)).toBe(value);
    expect(one.header("subscription")).toBe("sub 1");
    expect(one.header("content-length")).toBe("6");
    // Short, since every subscriber gets a copy.
    expect(one.header("message-id")).toMatch(/^.{1,24}$/);
    expect(one.header("message-id")).not.toBe(two.header("message-id"));
    expect(one.header("ack")).toBeUndefined();
    expect(two.body).toHaveLength(0);
    client.close();
  });

  test("a MESSAGE has nothing of what is between its sender and the server", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "0", destination: topic });
    const forged = { "message-id": "1", subscription: "9", ack: "forged", passcode: "secret" };
    await client.confirmed("SEND", { destination: topic, ...forged }, "hi");
    const message = await client.frame("MESSAGE");
    expect(message.header("message-id")).not.toBe("1");
    expect(message.header("subscription")).toBe("0");
    for (const name of ["ack", "passcode", "receipt"]) expect(message.header(name)).toBeUndefined();
    client.close();
  });

  test("messages of one sender come in the order of sending", async () => {
    const [topic, sender, client] = [fresh("topic"), await connect(version), await connect()];
    await client.confirmed("SUBSCRIBE", { id: "0", destination: topic });
    for (let n = 0; n < 200; n += 1) sender.frameOf("SEND", { destination: topic }, `${n}`);
    for (let n = 0; n < 200; n += 1) expect((await client.frame("MESSAGE")).text()).toBe(`${n}`);
    for (const each of [sender, client]) each.close();
  });

  test("a SEND to a topic that nobody listens to is no error", async () => {
    const client = await connect(version);
    await client.confirmed("SEND", { destination: fresh("topic") }, "hi");
    client.close();
  });

  test.each([
    ["to nowhere", { destination: "/nowhere" }, "UNKNOWN_DESTINATION"],
    ["to a name without a form", { destination: "queue" }, "UNKNOWN_DESTINATION"],
    ["to another user's queue", { destination: "/user/x/queue/messages" }, "FORBIDDEN_DESTINATION"],
    ["without a destination", {}, "MISSING_HEADER"],
  ])("a SEND %s is an ERROR", async (_what, headers, code) => {
    expect(await refusal(version, "SEND", headers)).toBe(code);
  });

  test.each([
    ["to nowhere", { id: "1", destination: "/nowhere" }, "UNKNOWN_DESTINATION"],
    [
      "to another user's queue",
      { id: "1", destination: "/user/x/queue/messages" },
      "FORBIDDEN_DESTINATION",
    ],
    ["without a destination", { id: "1" }, "MISSING_HEADER"],
    [
      "with an ack mode that does not exist",
      { id: "1", destination: "/topic/a", ack: "Client" },
      "INVALID_HEADER",
    ],
  ])("a SUBSCRIBE %s is an ERROR", async (_what, headers, code) => {
    expect(await refusal(version, "SUBSCRIBE", headers)).toBe(code);
  });

  test("subscriptions of one connection to one topic each get the message", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    await client.confirmed("SUBSCRIBE", { id: "b", destination: topic, ack: "client" });
    await client.confirmed("SEND", { destination: topic }, "hi");
    await client.until("both", () => client.got("MESSAGE").length === 2);
    expect(subscriptionsOf(client).sort()).toEqual(["a", "b"]);
    client.close();
  });

  test("an id that stands for one destination cannot stand for another", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    client.frameOf("SUBSCRIBE", { id: "a", destination: fresh("topic") });
    expect(await fatalErrorOf(client)).toBe("SUBSCRIPTION_ID_IN_USE");
  });

  test("an id that stands for one ack mode cannot stand for another", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    client.frameOf("SUBSCRIBE", { id: "a", destination: topic, ack: "client" });
    expect(await fatalErrorOf(client)).toBe("SUBSCRIPTION_ID_IN_USE");
  });

  test("a SUBSCRIBE that repeats another changes nothing", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    await client.confirmed("SEND", { destination: topic }, "one");
    await client.confirmed("UNSUBSCRIBE", { id: "a" });
    await client.confirmed("SEND", { destination: topic }, "two");
    expect(client.got("MESSAGE").map((message) => message.text())).toEqual(["one"]);
    client.close();
  });

  test("an id is its connection's own, and free again after UNSUBSCRIBE", async () => {
    const [one, two] = [await connect(version), await connect(version)];
    const [topic, later] = [fresh("topic"), fresh("topic")];
    await one.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    await two.confirmed("SUBSCRIBE", { id: "a", destination: later });
    await one.confirmed("UNSUBSCRIBE", { id: "a" });
    await one.confirmed("SUBSCRIBE", { id: "a", destination: later });
    two.frameOf("SEND", { destination: later }, "hi");
    for (const client of [one, two]) {
      expect((await client.frame("MESSAGE")).header("destination")).toBe(later);
      client.close();
    }
  });

  test("after UNSUBSCRIBE nothing of the destination comes", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic });
    await client.confirmed("SUBSCRIBE", { id: "b", destination: topic });
    await client.confirmed("UNSUBSCRIBE", { id: "a" });
    await client.confirmed("SEND", { destination: topic }, "hi");
    await client.frame("MESSAGE");
    await client.confirmed("SEND", { destination: topic }, "again");
    expect(subscriptionsOf(client)).toEqual(["b", "b"]);
    client.close();
  });

  test("an UNSUBSCRIBE of an id that stands for nothing is no error", async () => {
    const client = await connect(version);
    await client.confirmed("UNSUBSCRIBE", { id: "never" });
    client.close();
  });

  test("SUBSCRIBE may carry headers that the server does not know", async () => {
    const [topic, client] = [fresh("topic"), await connect(version)];
    const headers = { selector: "colour = 'red'", "activemq.prefetchSize": "1" };
    await client.confirmed("SUBSCRIBE", { id: "a", destination: topic, ...headers });
    client.close();
  });
});

describe.each(["1.1", "1.2"] as const)("since %s", (version) => {
  test("SUBSCRIBE and UNSUBSCRIBE need an id", async () => {
    const destination = fresh("topic");
    expect(await refusal(version, "SUBSCRIBE", { destination })).toBe("MISSING_HEADER");
    expect(await refusal(version, "SUBSCRIBE", { destination, id: "" })).toBe("MISSING_HEADER");
    expect(await refusal(version, "UNSUBSCRIBE", { destination })).toBe("MISSING_HEADER");
  });
});

describe("in 1.0", () => {
  test("a subscription may have no id: its destination stands for it", async () => {
    const [topic, client] = [fresh("topic"), await connect("1.0")];
    await client.confirmed("SUBSCRIBE", { destination: topic });
    client.frameOf("SEND", { destination: topic }, "hi");
    const message = await client.frame("MESSAGE");
    expect([message.header("destination"), message.header("subscription")]).toEqual([
      topic,
      undefined,
    ]);
    await client.confirmed("UNSUBSCRIBE", { destination: topic });
    await client.confirmed("SEND", { destination: topic }, "again");
    expect(client.got("MESSAGE")).toHaveLength(1);
    client.close();
  });

  test("UNSUBSCRIBE needs an id or a destination", async () => {
    expect(await refusal("1.0", "UNSUBSCRIBE", {})).toBe("MISSING_HEADER");
  });
});
