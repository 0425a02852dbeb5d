import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { startParley, temporaryDir } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { historyOf, SteadySender } from "../support/steady-sender.ts";
import { connectStock, subscribeAll } from "../support/stock-client.ts";

test("a server that drains takes nobody new, says so, and goes on for those it has", async () => {
  const server = await startParley({ flags: ["--shutdown-drain-ms=3000", "--tcp-port=0"] });
  const answer = async (path: string) => {
    const response = await fetch(server.url + path);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  expect(await answer("/readyz")).toMatchObject({ status: 200, text: "ready\n" });
  expect(await answer("/healthz")).toMatchObject({ status: 200 });
  const alice = await connectStock(server, "alice", { config: { reconnectDelay: 0 } });
  await subscribeAll(alice);
  const stopped = server.stop();
  while ((await answer("/readyz")).status === 200);
  expect(await answer("/readyz")).toMatchObject({ status: 503, text: "the server is stopping\n" });
  expect(await answer("/healthz")).toMatchObject({ status: 200 });
  const health = await answer("/api/websocket/health");
  expect(health.status).toBe(503);
  expect(JSON.parse(health.text)).toMatchObject({ status: "DOWN", activeConnections: 1 });
  const info = await answer("/ws/info");
  expect(info.status).toBe(503);
  expect(info.headers.get("retry-after")).toBe("5");
  await expect(RawClient.open(server.wsUrl)).rejects.toThrow("refused");
  await alice.sent("/app/chat.send", {
    ...{ conversationId: "c", recipientId: "bob", content: "while it drains" },
  });
  const sent = await alice.event("/user/alice/queue/confirmations");
  expect(sent).toMatchObject({ seq: 1, status: "SENT" });
  const told = await alice.event("/user/alice/queue/errors");
  expect(told).toMatchObject({ code: "SHUTTING_DOWN", destination: "" });
  expect(Number(told.retryAfterMs)).toBeGreaterThanOrEqual(0);
  expect(Number(told.retryAfterMs)).toBeLessThanOrEqual(5_000);
  await alice.until(() => alice.closes.length > 0, "the close");
  expect(alice.closes).toEqual([1001]);
  expect(await stopped).toBe(0);
});

test("whatever is sent to a server that is stopped under load is confirmed, refused or sent again", async () => {
  const dataDir = temporaryDir();
  const env = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  const confirmed = [new Map(), new Map()];
  for (let round = 0; round < 5; round += 1) {
    const server = await startParley({ dataDir, env });
    const senders = [
      await SteadySender.start(server, `c-${round}-0`, "alice", "bob"),
      await SteadySender.start(server, `c-${round}-1`, "bob", "alice"),
    ];
    for (const sender of senders) await sender.until(50 + 40 * round);
    expect(await server.stop()).toBe(0); // Mid-load: each has messages in flight.
    for (const [index, sender] of senders.entries()) {
      await sender.close();
      for (const [id, event] of sender.confirmed) confirmed[index]?.set(id, event);
    }
  }
  const server = await startParley({ dataDir, env });
  for (let round = 0; round < 5; round += 1) {
    for (const index of [0, 1]) {
      const conversationId = `c-${round}-${index}`;
      const history = await historyOf(server, conversationId, "alice");
      expect(history.map(({ seq }) => Number(seq))).toEqual(history.map((_, at) => at + 1));
      const kept = new Map(history.map((message) => [message.clientMessageId, message.id]));
      expect(kept.size).toBe(history.length);
      const missing = [...(confirmed[index] ?? [])].filter(
        ([id, event]) =>
          event.conversationId === conversationId && kept.get(id) !== event.messageId,
      );
      expect(missing).toEqual([]);
    }
  }
  expect(server.log()).toContain("the database was closed in order");
  expect(await server.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
