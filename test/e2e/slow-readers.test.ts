import { afterEach, expect, test } from "bun:test";
import { connectionsOf } from "../support/connections.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { PausingClient } from "../support/pausing-client.ts";
import { RawHttp } from "../support/raw-http.ts";
import type { StockClient } from "../support/stock-client.ts";
import { StockCrowd } from "../support/stock-crowd.ts";
import { TcpClient } from "../support/tcp-client.ts";

const CONTENT = "x".repeat(60_000);
const MESSAGES = "/user/queue/messages";

/** Takes nothing after its subscription. */
interface SlowReader {
  readonly userId: string;
  close(): void;
}

let server: ParleyProcess;
const crowd = new StockCrowd();
const join = (userId: string) => crowd.join(server, userId);

afterEach(async () => {
  await crowd.leave();
  expect(await server.stop()).toBe(0);
});

const connections = () => connectionsOf(server);

async function slowWebSocket(userId: string): Promise<SlowReader> {
  const client = await PausingClient.connect(server.port, userId);
  client.send(`SUBSCRIBE\nid:m\ndestination:${MESSAGES}\nreceipt:s\n\n\0`);
  await client.until("the receipt", () => client.got("RECEIPT").length > 0);
  client.pause();
  return { userId, close: () => client.close() };
}

async function slowTcp(userId: string): Promise<SlowReader> {
  const client = await TcpClient.connect(server.tcpPort, userId);
  await client.subscribed(MESSAGES);
  client.socket.pause();
  return { userId, close: () => client.close() };
}

/** A SockJS session whose streaming response nobody reads. */
async function slowXhrStreaming(userId: string): Promise<SlowReader> {
  const path = `/ws/000/${userId}`;
  const post = async (url: string, body: string) => {
    const answer = await fetch(server.url + url, { method: "POST", body });
    expect(answer.status).toBe(204);
  };
  const stream = await RawHttp.open(server.port);
  await stream.start("POST", `${path}/xhr_streaming`);
  const until = async (text: string) => {
    while (!(await stream.chunk()).includes(text));
  };
  await until("o\n");
  const connect = `CONNECT\naccept-version:1.2\nX-User-Id:${userId}\n\n\0`;
  await post(`${path}/xhr_send`, JSON.stringify([connect]));
  await until("CONNECTED");
  const subscribe = `SUBSCRIBE\nid:m\ndestination:${MESSAGES}\nreceipt:s\n\n\0`;
  await post(`${path}/xhr_send`, JSON.stringify([subscribe]));
  await until("RECEIPT");
  stream.pause();
  return { userId, close: () => void stream.close() };
}

/** Sends to the reader until its connection is gone; returns how many. */
async function sendUntilClosed(alice: StockClient, reader: SlowReader): Promise<number> {
  const before = await connections();
  let sent = 0;
  while ((await connections()) === before) {
    expect(sent).toBeLessThan(2_000);
    await alice.sent("/app/chat.send", {
      ...{ conversationId: reader.userId, recipientId: reader.userId, content: CONTENT },
    });
    sent += 1;
  }
  return sent;
}

/** What was not DELIVERED is there when the user comes back, and then it is. */
async function expectCompleteOnReturn(alice: StockClient, userId: string, sent: number) {
  const delivered = () =>
    alice
      .got("/user/alice/queue/confirmations")
      .filter((event) => event.status === "DELIVERED" && event.conversationId === userId)
      .map(({ seq }) => Number(seq));
  const before = delivered().length;
  expect(before).toBeLessThan(sent);
  const back = await join(userId);
  const got = () => back.got(`/user/${userId}/queue/messages`).map(({ seq }) => Number(seq));
  await back.until(() => got().includes(sent), "the last message");
  const [first = 0] = got();
  expect(first).toBeLessThanOrEqual(before + 1);
  expect(got()).toEqual(Array.from({ length: sent - first + 1 }, (_, index) => first + index));
  await alice.until(() => delivered().length === sent, "DELIVERED of all");
}

for (const [name, open] of [
  ["a WebSocket", slowWebSocket],
  ["a TCP connection", slowTcp],
  ["a SockJS stream", slowXhrStreaming],
] as const) {
  test(`${name} that takes nothing is closed when its buffer is full, and complete on return`, async () => {
    server = await startParley({
      flags: ["--tcp-port=0"],
      env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
    });
    const alice = await join("alice");
    const reader = await open("slow");
    const sent = await sendUntilClosed(alice, reader);
    reader.close();
    await expectCompleteOnReturn(alice, "slow", sent);
  });

  test(`${name} that takes nothing for too long is closed, and complete on return`, async () => {
    server = await startParley({
      flags: ["--tcp-port=0", "--limits-blocked-ms=200", "--limits-send-buffer-bytes=1000000000"],
      env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
    });
    const alice = await join("alice");
    const reader = await open("slow");
    // Enough to fill what the kernel takes; then it is time that ends it.
    const sent = await sendUntilClosed(alice, reader);
    reader.close();
    await expectCompleteOnReturn(alice, "slow", sent);
    expect(server.log()).toContain('"cause":"slow-reader"');
  });
}

test("fifty slow readers harm nobody beside them", async () => {
  server = await startParley({ env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });
  const alice = await join("alice");
  const bob = await join("bob");
  const readers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => slowWebSocket(`slow-${index}`)),
  );
  const others = 2; // Alice and Bob.
  let rounds = 0;
  while ((await connections()) > others) {
    rounds += 1;
    expect(rounds).toBeLessThan(500);
    await Promise.all(
      readers.map(({ userId }) =>
        alice.sent("/app/chat.send", {
          ...{ conversationId: userId, recipientId: userId, content: CONTENT },
        }),
      ),
    );
    await alice.sent("/app/chat.send", {
      ...{ conversationId: "healthy", recipientId: "bob", content: `${rounds}` },
    });
  }
  const got = await bob.count("/user/bob/queue/messages", rounds);
  expect(got.map(({ seq, content }) => `${seq} ${content}`)).toEqual(
    Array.from({ length: rounds }, (_, index) => `${index + 1} ${index + 1}`),
  );
  expect([alice.connects, bob.connects]).toEqual([1, 1]);
  for (const reader of readers) reader.close();
});
