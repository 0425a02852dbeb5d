import { expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { BINARY, runParley, startParley, temporaryDir } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { connectStock, subscribeAll } from "../support/stock-client.ts";

test("SIGTERM commits what was taken, tells every client, and ends with 0", async () => {
  const dataDir = temporaryDir();
  const env = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  const server = await startParley({ dataDir, env });
  const alice = await connectStock(server, "alice", { config: { reconnectDelay: 0 } });
  await subscribeAll(alice);
  const idle = await RawClient.connect(server.wsUrl, "idle");
  for (let n = 0; n < 500; n += 1) {
    alice.send("/app/chat.send", {
      conversationId: "c",
      recipientId: "bob",
      content: `${n}`,
      clientMessageId: `${n}`,
    });
  }
  await alice.event("/user/alice/queue/confirmations");
  expect(await server.stop()).toBe(0);
  expect(await idle.closed).toBe(1001);
  await alice.until(() => alice.closes.length > 0, "the close");
  expect(alice.closes).toEqual([1001]);
  const confirmed = alice
    .got("/user/alice/queue/confirmations")
    .map((event) => event.clientMessageId);

  const again = await startParley({ dataDir, env });
  const bob = await connectStock(again, "bob");
  await subscribeAll(bob);
  const kept = await bob.count("/user/bob/queue/messages", confirmed.length);
  expect(kept.map((message) => message.clientMessageId).slice(0, confirmed.length)).toEqual(
    confirmed,
  );
  await bob.close();
  expect(await again.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});

test("a second server on the same data is refused, and the first goes on", async () => {
  const server = await startParley();
  const second = Bun.spawnSync([BINARY, "serve", "--port", "0", "--data-dir", server.dataDir], {
    env: {},
    timeout: 20_000,
  });
  expect(second.exitCode).toBe(1);
  expect(second.stderr.toString()).toContain(server.dataDir);
  expect((await fetch(`${server.url}/api/websocket/health`)).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

test("a taken port is refused with a message that names it", async () => {
  const server = await startParley();
  const second = Bun.spawnSync(
    [BINARY, "serve", "--port", `${server.port}`, "--database-url", "memory:"],
    { env: {}, timeout: 20_000 },
  );
  expect(second.exitCode).toBe(1);
  expect(second.stderr.toString()).toContain(`port ${server.port}`);
  expect(await server.stop()).toBe(0);
});

test("a port that is taken is told of before anything is opened", async () => {
  const server = await startParley();
  const dataDir = temporaryDir();
  const flags = [`--port=${server.port}`, `--data-dir=${dataDir}`];
  const { exitCode, stderr } = await runParley("serve", ...flags);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`Cannot listen on 127.0.0.1 port ${server.port} (port)`);
  expect(readdirSync(dataDir)).toEqual([]);
  rmSync(dataDir, { recursive: true });
  expect(await server.stop()).toBe(0);
});
