import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type IFrame, type IMessage, type StompConfig, Versions } from "@stomp/stompjs";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { connectStock, type StockClient, type Via } from "../support/stock-client.ts";
import { fresh, VERSIONS } from "../support/stomp-versions.ts";

let server: ParleyProcess;
const clients: StockClient[] = [];

beforeAll(async () => {
  server = await startParley();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function connect(config: StompConfig = {}, via: Via = "websocket"): Promise<StockClient> {
  const client = await connectStock(server, "stock", { via, config });
  clients.push(client);
  return client;
}

const speaking = (...versions: string[]): StompConfig => ({
  stompVersions: new Versions(versions),
});

/** Subscribes; what comes, once the server has the subscription. */
async function listen(
  client: StockClient,
  destination: string,
  headers: Record<string, string> = {},
): Promise<IMessage[]> {
  const got: IMessage[] = [];
  const take = (message: IMessage) => {
    got.push(message);
    client.note();
  };
  await receipted(client, (receipt) =>
    client.stomp.subscribe(destination, take, { ...headers, receipt }),
  );
  return got;
}

let receipts = 0;

/** Resolves with the RECEIPT that `act` asks for. */
function receipted(client: StockClient, act: (receipt: string) => unknown): Promise<IFrame> {
  receipts += 1;
  const receipt = `stock-${receipts}`;
  const { promise, resolve } = Promise.withResolvers<IFrame>();
  client.stomp.watchForReceipt(receipt, resolve);
  act(receipt);
  return promise;
}

const send = (client: StockClient, destination: string, body: string, headers = {}) =>
  receipted(client, (receipt) =>
    client.stomp.publish({ destination, body, headers: { ...headers, receipt } }),
  );

const bodies = (messages: readonly IMessage[]) => messages.map(({ body }) => body);

describe.each(VERSIONS)("forced to STOMP %s", (version) => {
  test("it is told so, and the WebSocket's subprotocol says so", async () => {
    const told: IFrame[] = [];
    const lines: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = await connect({ ...speaking(version), debug: (line) => lines.push(line) });
    client.stomp.onConnect = (frame) => {
      told.push(frame);
      resolve();
    };
    expect(client.stomp.connectedVersion).toBe(version);
    expect(client.stomp.webSocket).toHaveProperty("protocol", `v${version.replace(".", "")}.stomp`);
    client.stomp.forceDisconnect();
    await promise;
    expect(told[0]?.headers).toMatchObject({ version, "user-name": "stock" });
    expect(told[0]?.headers.server).toMatch(/^parley\//i);
    expect(lines.some((line) => line.startsWith("connected to server parley/"))).toBe(true);
  });

  test("receipts come for SUBSCRIBE, SEND, ACK, UNSUBSCRIBE and DISCONNECT", async () => {
    const queue = fresh("queue");
    const client = await connect(speaking(version));
    const got = await listen(client, queue, { id: "mine", ack: "client" });
    await send(client, queue, "hi");
    await client.until(() => got.length === 1);
    await receipted(client, (receipt) => got[0]?.ack({ receipt }));
    await receipted(client, (receipt) => client.stomp.unsubscribe("mine", { receipt }));
    const { promise, resolve } = Promise.withResolvers<IFrame>();
    client.stomp.onDisconnect = resolve;
    client.stomp.disconnectHeaders = { receipt: "good bye" };
    await client.close();
    expect((await promise).headers["receipt-id"]).toBe("good bye");
  });

  test.each([
    ["client", ["3"]],
    ["client-individual", ["1", "3"]],
  ])("message.ack() covers in ack:%s what it should", async (ack, left) => {
    const queue = fresh("queue");
    const [client, heir] = [await connect(speaking(version)), await connect()];
    const got = await listen(client, queue, { ack });
    for (const body of ["1", "2", "3"]) await send(client, queue, body);
    await client.until(() => got.length === 3);
    await receipted(client, (receipt) => got[1]?.ack({ receipt }));
    await client.close();
    const inherited = await listen(heir, queue);
    await heir.until(() => inherited.length === left.length);
    expect(bodies(inherited)).toEqual(left);
    expect(inherited.every(({ headers }) => headers.redelivered === "true")).toBe(true);
  });

  test("message.nack() brings it again", async () => {
    const queue = fresh("queue");
    const client = await connect(speaking(version));
    const got = await listen(client, queue, { ack: "client-individual" });
    await send(client, queue, "hi");
    await client.until(() => got.length === 1);
    got[0]?.nack();
    await client.until(() => got.length === 2);
    expect([got[1]?.body, got[1]?.headers.redelivered]).toEqual(["hi", "true"]);
    await receipted(client, (receipt) => got[1]?.ack({ receipt }));
  });

  test("a transaction takes SEND, ack and nack together at commit(), and none at abort()", async () => {
    const [queue, topic] = [fresh("queue"), fresh("topic")];
    const client = await connect(speaking(version));
    const heard = await listen(client, topic);
    const got = await listen(client, queue, { ack: "client-individual" });
    for (const body of ["a", "b"]) await send(client, queue, body);
    await client.until(() => got.length === 2);
    const act = (say: string) => {
      const { id, commit, abort } = client.stomp.begin();
      client.stomp.publish({ destination: topic, body: say, headers: { transaction: id } });
      got[0]?.ack({ transaction: id });
      got[1]?.nack({ transaction: id, requeue: "false" });
      return { commit, abort };
    };
    act("never").abort();
    await send(client, topic, "aborted");
    act("committed").commit();
    await send(client, topic, "after");
    await client.until(() => heard.length === 3);
    expect(bodies(heard)).toEqual(["aborted", "committed", "after"]);
    const dead = await listen(client, `/queue/dead-letter${queue.slice("/queue".length)}`);
    await client.until(() => dead.length === 1);
    expect(bodies(dead)).toEqual(["b"]);
  });

  test("text of all scripts arrives, with content-length and without", async () => {
    const topic = fresh("topic");
    const client = await connect(speaking(version));
    const got = await listen(client, topic);
    const body = "Grüße, 世界 👋\u2028\ufeff\n";
    client.stomp.publish({ destination: topic, body });
    client.stomp.publish({ destination: topic, body, skipContentLengthHeader: true });
    await client.until(() => got.length === 2);
    expect(bodies(got)).toEqual([body, body]);
  });
});

describe.each(["websocket", "binary"] as const)("over %s", (via) => {
  test("binary bodies arrive octet for octet: NULs, and what is no UTF-8", async () => {
    const topic = fresh("topic");
    const [client, other] = [
      await connect({}, via),
      await connect({}, via === "binary" ? "websocket" : "binary"),
    ];
    const got = [await listen(client, topic), await listen(other, topic)];
    const sent = [
      Uint8Array.from({ length: 256 }, (_, octet) => octet),
      new Uint8Array(1_000),
      Uint8Array.of(0xff, 0xfe, 0, 10, 0),
      new TextEncoder().encode("text, as it happens\0"),
      crypto.getRandomValues(new Uint8Array(60_000)),
    ];
    const headers = { "content-type": "application/octet-stream" };
    for (const binaryBody of sent)
      client.stomp.publish({ destination: topic, binaryBody, headers });
    await client.until(() => got[0]?.length === sent.length);
    await other.until(() => got[1]?.length === sent.length);
    for (const messages of got) {
      expect(messages.map(({ binaryBody }) => new Uint8Array(binaryBody))).toEqual(sent);
      expect(messages.map(({ headers: { "content-type": type } }) => type)).toEqual(
        sent.map(() => "application/octet-stream"),
      );
    }
  });

  test("a text with NULs in it arrives whole", async () => {
    const topic = fresh("topic");
    const client = await connect({}, via);
    const got = await listen(client, topic);
    client.stomp.publish({ destination: topic, body: "\0a\0\0ü\0" });
    await client.until(() => got.length === 1);
    expect(got[0]?.body).toBe("\0a\0\0ü\0");
  });
});

test("large frames, split into small WebSocket messages, arrive whole", async () => {
  const topic = fresh("topic");
  const client = await connect({ splitLargeFrames: true, maxWebSocketChunkSize: 64 });
  const got = await listen(client, topic);
  const body = "Ωµέγα\n\0".repeat(8_000);
  client.stomp.publish({ destination: topic, body, headers: { long: "ж".repeat(2_000) } });
  await send(client, topic, "small");
  await client.until(() => got.length === 2);
  expect(got[0]?.body).toBe(body);
  expect(got[0]?.headers.long).toBe("ж".repeat(2_000));
});

test.each(["websocket", "sockjs"] as const)(
  "headers carry what escaping must carry, over %s",
  async (via) => {
    const topic = fresh("topic");
    const client = await connect({}, via);
    const got = await listen(client, topic, { id: "an id: with\r\n\\ all" });
    // The library undoes its escapes one kind after the other, so a backslash before n is beyond it.
    const headers = {
      colon: "a:b::c",
      lines: "one\ntwo\r\nthree\rfour",
      backslash: "C:\\ \\\\ \\",
      scripts: "Grüße 世界 👋",
      empty: "",
    };
    await send(client, topic, "hi", headers);
    await client.until(() => got.length === 1);
    expect(got[0]?.headers).toMatchObject({ ...headers, subscription: "an id: with\r\n\\ all" });
  },
);

test("unsubscribe() ends the messages of that subscription alone", async () => {
  const topic = fresh("topic");
  const client = await connect();
  const [one, two] = [await listen(client, topic, { id: "1" }), await listen(client, topic)];
  const stray: IMessage[] = [];
  client.stomp.onUnhandledMessage = (message) => stray.push(message);
  client.stomp.unsubscribe("1");
  await send(client, topic, "hi");
  await client.until(() => two.length === 1);
  expect([one, stray]).toEqual([[], []]);
});

test("an ERROR reaches onStompError with its headers, and the client comes back", async () => {
  const client = await connect();
  const { promise, resolve } = Promise.withResolvers<IFrame>();
  client.stomp.onStompError = resolve;
  client.stomp.publish({ destination: "/nowhere", headers: { receipt: "r: 1" } });
  const { headers, body } = await promise;
  expect(headers).toMatchObject({ code: "UNKNOWN_DESTINATION", "receipt-id": "r: 1" });
  expect(headers.message).toContain("/nowhere");
  expect(body).toStartWith("UNKNOWN_DESTINATION");
  await client.until(() => client.connects === 2);
  expect(client.closes).toEqual([1008]);
});
