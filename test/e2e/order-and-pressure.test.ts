import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { connectionsOf } from "../support/connections.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { StockCrowd } from "../support/stock-crowd.ts";

let server: ParleyProcess;
const crowd = new StockCrowd();
const join = (userId: string) => crowd.join(server, userId);

beforeAll(async () => {
  server = await startParley({ env: { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" } });
});

afterAll(async () => {
  await crowd.leave();
  expect(await server.stop()).toBe(0);
});

test("native publishes and single sends to one connection keep the order of the program", async () => {
  const alice = await join("order-a");
  const bob = await join("order-b");
  const count = 2_000;
  // RECEIPTs go by ws.send, copies and confirmations by native topics: SENT precedes its RECEIPT.
  const order: string[] = [];
  alice.stomp.subscribe("/user/queue/confirmations", (message) => {
    const { status, clientMessageId } = JSON.parse(message.body);
    if (status === "SENT") order.push(clientMessageId);
  });
  for (let n = 0; n < count; n += 1) {
    const id = `${n}`;
    alice.stomp.watchForReceipt(id, () => order.push(`receipt ${id}`));
    const body = {
      conversationId: "order",
      recipientId: "order-b",
      content: id,
      clientMessageId: id,
    };
    alice.send("/app/chat.send", body, { receipt: id });
  }
  const received = await bob.count("/user/order-b/queue/messages", count);
  expect(received.map((message) => message.seq)).toEqual(
    Array.from({ length: count }, (_, index) => index + 1),
  );
  await alice.until(() => order.length === 2 * count, "all receipts");
  const late = order.filter(
    (entry, index) => entry.startsWith("receipt ") && order.indexOf(entry.slice(8)) > index,
  );
  expect(late).toEqual([]);
});

/** A WebSocket client that reads nothing once it is subscribed. */
async function openDeafSubscriber(userId: string): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  const said = (text: string) =>
    new Promise<void>((resolve) => {
      let heard = "";
      const listen = (data: Buffer) => {
        heard += data.toString("latin1");
        if (!heard.includes(text)) return;
        socket.off("data", listen);
        resolve();
      };
      socket.on("data", listen);
    });
  const write = (frame: string) => {
    const payload = Buffer.from(frame);
    const mask = Buffer.alloc(4); // Masked with zeros: allowed, and readable here.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload]));
  };
  const upgraded = said("\r\n\r\n");
  socket.write(
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await upgraded;
  const connected = said("CONNECTED");
  write(`CONNECT\naccept-version:1.2\nX-User-Id:${userId}\n\n\0`);
  await connected;
  const subscribed = said("receipt-id:s");
  write("SUBSCRIBE\nid:m\ndestination:/user/queue/messages\nreceipt:s\n\n\0");
  await subscribed;
  socket.pause();
  return socket;
}

test("a reader that reads nothing is closed, its messages are not DELIVERED, and it gets them when it returns", async () => {
  const alice = await join("deaf-a");
  const socket = await openDeafSubscriber("deaf-b");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {}); // A reset is what the test provokes.
  const content = "x".repeat(60_000);
  const confirmations = () => alice.got("/user/deaf-a/queue/confirmations");
  const delivered = () => confirmations().filter((event) => event.status === "DELIVERED").length;
  const online = () => connectionsOf(server);
  const before = await online();
  let sent = 0;
  // The kernel takes some megabytes before the server's own buffer fills.
  while ((await online()) === before && sent < 1_000) {
    await alice.sent("/app/chat.send", { conversationId: "deaf", recipientId: "deaf-b", content });
    sent += 1;
  }
  expect(sent).toBeLessThan(1_000);
  expect(delivered()).toBeLessThan(sent);
  socket.destroy();
  await closed;
  const bob = await join("deaf-b");
  const got = () => bob.got("/user/deaf-b/queue/messages").map((message) => Number(message.seq));
  await bob.until(() => got().includes(sent), "the last message");
  // Everything from the first that had not left the server, and that was before the last.
  const [first = 0] = got();
  expect(first).toBeLessThanOrEqual(sent);
  expect(got()).toEqual(Array.from({ length: sent - first + 1 }, (_, index) => first + index));
  await alice.until(() => delivered() === sent, "DELIVERED of all");
  expect(bob.connects).toBe(1);
});
