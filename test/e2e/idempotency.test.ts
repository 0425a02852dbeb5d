import { afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import {
  connectStock,
  type Event,
  type StockClient,
  subscribeAll,
  type Via,
} from "../support/stock-client.ts";
import { TcpClient } from "../support/tcp-client.ts";

let clients: StockClient[] = [];

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
});

async function join(server: ParleyProcess, userId: string, via: Via = "websocket") {
  const client = await connectStock(server, userId, { via, config: { reconnectDelay: 0 } });
  clients.push(client);
  await subscribeAll(client);
  return client;
}

const message = {
  conversationId: "c1",
  recipientId: "bob",
  content: "once",
  clientMessageId: "m-1",
};

const confirmationsOf = (client: StockClient) => client.got("/user/alice/queue/confirmations");
const messagesOf = (client: StockClient) => client.got("/user/bob/queue/messages");

/** Sends it once more and resolves with the SENT that answers. */
async function repeat(client: StockClient, changes: object = {}): Promise<Event | undefined> {
  const sent = () => confirmationsOf(client).filter(({ status }) => status === "SENT");
  const before = sent().length;
  await client.sent("/app/chat.send", { ...message, ...changes });
  await client.until(() => sent().length > before, "SENT");
  return sent()[before];
}

async function newUserDevices(server: ParleyProcess) {
  return { bob: await join(server, "bob"), alice: await join(server, "alice") };
}

for (const [name, env] of [
  ["from memory", {}],
  ["from the store alone", { PARLEY_CHAT_RECENT_MESSAGES: "0" }],
] as const) {
  test(`a repeat has the first one's id and seq, whichever way it comes in: ${name}`, async () => {
    const server = await startParley({ flags: ["--tcp-port", "0"], env });
    const { alice, bob } = await newUserDevices(server);
    const first = await repeat(alice);
    const same = { messageId: first?.messageId, seq: 1, conversationId: "c1", status: "SENT" };
    expect(first).toMatchObject(same);
    for (const via of ["websocket", "binary", "sockjs"] as const) {
      expect(await repeat(await join(server, "alice", via))).toMatchObject(same);
    }
    // Under another conversation's name too: the pair of sender and id is what counts.
    expect(await repeat(alice, { conversationId: "c2", content: "other" })).toMatchObject(same);

    const tcp = await TcpClient.connect(server.tcpPort, "alice");
    await tcp.subscribed("/user/queue/confirmations");
    tcp.send("BEGIN\ntransaction:t\n\n\0");
    const body = JSON.stringify(message);
    tcp.send(`SEND\ndestination:/app/chat.send\ntransaction:t\n\n${body}\0`);
    tcp.send("COMMIT\ntransaction:t\n\n\0");
    expect(JSON.parse((await tcp.frame("MESSAGE")).text())).toMatchObject(same);
    tcp.close();

    await alice.sent("/app/chat.send", { ...message, clientMessageId: "m-2", content: "next" });
    await bob.count("/user/bob/queue/messages", 2);
    expect(messagesOf(bob)).toMatchObject([
      { id: first?.messageId, seq: 1, content: "once" },
      { seq: 2, content: "next" },
    ]);
    expect(await server.stop()).toBe(0);
  });

  test(`two devices that send the same at once have sent it once: ${name}`, async () => {
    const server = await startParley({ env });
    const { alice, bob } = await newUserDevices(server);
    const other = await join(server, "alice", "sockjs");
    await Promise.all([alice, other].map((device) => device.sent("/app/chat.send", message)));
    await alice.sent("/app/chat.send", { ...message, clientMessageId: "m-2" });
    await bob.count("/user/bob/queue/messages", 2);
    expect(messagesOf(bob)).toMatchObject([{ clientMessageId: "m-1" }, { clientMessageId: "m-2" }]);
    const sent = ({ clientMessageId, status }: Event) =>
      clientMessageId === "m-1" && status === "SENT";
    const ids = [...confirmationsOf(alice), ...confirmationsOf(other)].filter(sent);
    expect(new Set(ids.map(({ messageId, seq }) => `${messageId} ${seq}`)).size).toBe(1);
    expect(await server.stop()).toBe(0);
  });
}

test("after a crash a repeat is told what became of the first one", async () => {
  const dataDir = temporaryDir();
  const before = await startParley({ dataDir });
  const { alice, bob } = await newUserDevices(before);
  const first = await repeat(alice);
  await bob.count("/user/bob/queue/messages", 1);
  bob.send("/app/chat.read", { id: first?.messageId });
  await alice.event("/user/alice/queue/receipts");
  await before.kill();
  const after = await startParley({ dataDir });
  const again = await newUserDevices(after);
  await again.alice.sent("/app/chat.send", message);
  const { messageId } = first ?? {};
  await again.alice.event("/user/alice/queue/receipts", (event) => event.messageId === messageId);
  expect(confirmationsOf(again.alice)).toMatchObject([
    { messageId, seq: 1, status: "SENT" },
    { messageId, seq: 1, status: "DELIVERED" },
  ]);
  expect(messagesOf(again.bob)).toEqual([]);
  expect(await after.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
