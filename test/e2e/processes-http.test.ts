import { afterAll, beforeAll, expect, test } from "bun:test";
import { Listener } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { pidsOf, startProcesses, untilTrue } from "../support/processes.ts";
import { scrape } from "../support/scrape.ts";
import { connectStock } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

/** So many that no process is without one. */
const CROWD = 30;

/** Longer than the engine lets a connection be idle unless it is told. */
const HEARTBEAT_MS = 12_000;

let postgres: PostgresServer;
let server: ParleyProcess;

beforeAll(async () => {
  postgres = await PostgresServer.start();
  const env = { PARLEY_API_KEYS: API_KEY, PARLEY_SOCKJS_RESPONSE_BYTES: "4096" };
  Object.assign(env, { PARLEY_SOCKJS_HEARTBEAT_MS: `${HEARTBEAT_MS}` });
  server = await startProcesses(postgres.url("postgres"), 3, [], env);
}, 30_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await postgres[Symbol.asyncDispose]();
});

test.each(["xhr-streaming", "xhr-polling"] as const)(
  "stock sockjs-clients by %s need no stickiness",
  async (transport) => {
    const clients = await Promise.all(
      Array.from({ length: CROWD }, (_, index) =>
        Listener.on(server, `${transport}-${index}`, transport),
      ),
    );
    const [first] = clients;
    if (first === undefined) throw new TypeError("no client");
    const topic = `/topic/${transport}`;
    for (const each of clients) await each.listen(topic, first.client);
    // More than a streaming response holds, so that each client asks again and again.
    const body = "x".repeat(500);
    for (const { client } of clients) {
      for (let count = 0; count < 5; count += 1) client.stomp.publish({ destination: topic, body });
    }
    for (const each of clients) {
      const heard = await each.count(5 * CROWD);
      expect(heard.every((message) => message.body === body)).toBe(true);
      expect(new Set(heard.map(({ headers }) => headers["message-id"])).size).toBe(5 * CROWD);
    }
    for (const { client } of clients) {
      expect(client.closes).toEqual([]);
      await client.close();
    }
  },
);

test("a stream on which nothing happens lives from one heart-beat to the next one", async () => {
  const ends = Array.from({ length: 6 }, async (_, index) => {
    const url = `${server.url}/ws/000/idle-${index}/xhr_streaming`;
    const { body } = await fetch(url, { method: "POST" });
    let text = "";
    for await (const piece of body ?? []) {
      text += Buffer.from(piece).toString();
      if (text.endsWith("\nh\nh\n")) return text.replace(/^h+/, "");
    }
    return text;
  });
  for (const text of await Promise.all(ends)) expect(text).toBe("\no\nh\nh\n");
});

test("a client that polls its events finds its mailbox in whatever process", async () => {
  const headers = { "X-User-Id": "polling" };
  const poll = async (query: string) => {
    const answer = await fetch(`${server.url}/api/events?wait=0${query}`, {
      ...{ headers: { ...headers, Connection: "close" } },
    });
    expect(answer.status).toBe(200);
    return (await answer.json()) as { cursor: string; events: unknown[] };
  };
  const { cursor } = await poll("");
  const mailbox = cursor.split(".")[1];
  expect(mailbox).toBeString();
  let last = cursor;
  for (let count = 0; count < CROWD; count += 1) {
    last = (await poll(`&cursor=${last}`)).cursor;
    expect(last.split(".")[1]).toBe(mailbox ?? "");
  }
});

test("whoever asks says where a request comes from, and not the client", async () => {
  // The session's owner is the peer's address: one who claims another does not find the session.
  const at = (session: string, transport: string) => `${server.url}/ws/000/${session}/${transport}`;
  for (let count = 0; count < 12; count += 1) {
    const session = `claims-${count}`;
    const opened = await fetch(at(session, "xhr"), { method: "POST" });
    expect(await opened.text()).toBe("o\n");
    const sent = await fetch(at(session, "xhr_send"), {
      ...{ method: "POST", body: '["CONNECT\\naccept-version:1.2\\nlogin:a\\n\\n\\u0000"]' },
      headers: { "parley-peer-address": "192.0.2.1", Connection: "close" },
    });
    expect(sent.status).toBe(204);
    const answer = await fetch(at(session, "xhr"), { method: "POST" });
    expect(await answer.text()).toStartWith('a["CONNECTED\\n');
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
});

test("refusals come through as they are", async () => {
  for (let count = 0; count < 12; count += 1) {
    const url = `${server.url}/ws/000/none-${count}/xhr_send`;
    const missing = await fetch(url, { method: "POST", body: '["x"]' });
    expect(missing.status).toBe(404);
    const foreign = { Origin: "https://elsewhere.example" };
    const refused = await fetch(url, { method: "POST", body: '["x"]', headers: foreign });
    expect(refused.status).toBe(403);
    const tooLong = await fetch(url.replace("xhr_send", "xhr"), {
      ...{ method: "POST", body: "x".repeat(2 * 1024 * 1024) },
    });
    expect(tooLong.status).toBe(413);
  }
});

test("a page of the server's own host is known by it, behind a proxy too", async () => {
  for (let count = 0; count < 12; count += 1) {
    const proxied = { Host: "chat.example", "X-Forwarded-For": "192.0.2.7" };
    const answer = await fetch(`${server.url}/ws/000/own-${count}/xhr`, {
      ...{ method: "POST", headers: { ...proxied, Origin: "http://chat.example" } },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe("http://chat.example");
    expect(await answer.text()).toBe("o\n");
  }
});

test("a client that breaks off is gone for the process that has its session", async () => {
  const connections = async () => {
    const values = await scrape(server);
    const each = [1, 2, 3].map((n) => values.get(`parley_connections{process="${n}"}`) ?? 0);
    return each.reduce((sum, count) => sum + count);
  };
  const settle = async (isReached: (count: number) => boolean) => {
    const late = AbortSignal.timeout(20_000); // Sooner than who says nothing is cut off.
    while (!isReached(await connections())) {
      if (late.aborted) throw new Error(`there are ${await connections()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await settle((count) => count === 0);
  const breaking = new AbortController();
  for (let count = 0; count < 12; count += 1) {
    const url = `${server.url}/ws/000/breaks-${count}/xhr_streaming`;
    await fetch(url, { method: "POST", signal: breaking.signal });
  }
  expect(await connections()).toBe(12);
  breaking.abort();
  await settle((count) => count === 0);
});

test("one scrape has the metrics of all processes", async () => {
  const before = await scrape(server);
  const labels = [1, 2, 3].map((number) => `{process="${number}"}`);
  for (const label of labels) {
    expect(before.get(`parley_process_up${label}`)).toBe(1);
    expect(before.get(`process_resident_memory_bytes${label}`)).toBeGreaterThan(1_000_000);
  }
  const clients = await Promise.all(
    Array.from({ length: CROWD }, (_, index) => connectStock(server, `scraped-${index}`)),
  );
  const values = await scrape(server);
  const connections = labels.map((label) => values.get(`parley_connections${label}`) ?? Number.NaN);
  expect(connections.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(CROWD);
  for (const count of connections) expect(count).toBeGreaterThan(0);
  for (const client of clients) await client.close();
});

test("a session whose process is gone ends, and the stock client comes back", async () => {
  const clients = await Promise.all(
    Array.from({ length: CROWD }, (_, index) =>
      connectStock(server, `lost-${index}`, {
        ...{ via: "xhr-streaming", config: { reconnectDelay: 100 } },
      }),
    ),
  );
  const [victim = 0] = pidsOf(server);
  const { length } = pidsOf(server);
  process.kill(victim, "SIGKILL");
  await untilTrue(() => pidsOf(server).length === length + 1);
  const isBack = () => clients.every(({ stomp }) => stomp.connected);
  await untilTrue(() => clients.some(({ closes }) => closes.length > 0) && isBack());
  for (const client of clients) await client.close();
});
