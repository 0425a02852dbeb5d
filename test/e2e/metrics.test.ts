import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { scrape } from "../support/scrape.ts";
import { askAs, askAsServer } from "../support/server-api.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let server: ParleyProcess;
let alice: StockClient;
let bob: StockClient;

beforeAll(async () => {
  const env = { PARLEY_API_KEYS: API_KEY, PARLEY_METRICS_QUEUES: "/queue/named" };
  server = await startParley({ env });
  [alice, bob] = [await joinStock(server, "alice"), await joinStock(server, "bob")];
});

afterAll(async () => {
  await alice.close();
  await bob.close();
  expect(await server.stop()).toBe(0);
});

test("what happens is counted and measured", async () => {
  const before = await scrape(server);
  const grown = (after: ReadonlyMap<string, number>, name: string) =>
    (after.get(name) ?? Number.NaN) - (before.get(name) ?? 0);
  for (let count = 0; count < 3; count += 1) {
    const message = { conversationId: "m1", recipientId: "bob", content: "counted" };
    await alice.sent("/app/chat.send", message);
  }
  alice.send("/app/chat.send", { conversationId: "m1", content: "" });
  await alice.event("/user/alice/queue/errors");
  expect((await askAs(server, "alice", "/api/conversations/nowhere")).status).toBe(404);
  const delivered = ({ status }: Record<string, unknown>) => status === "DELIVERED";
  const confirmations = "/user/alice/queue/confirmations";
  await alice.until(() => alice.got(confirmations).filter(delivered).length === 3);

  const after = await scrape(server);
  expect(grown(after, 'parley_sends_total{kind="app"}')).toBe(4);
  expect(grown(after, "parley_chat_messages_total")).toBe(3);
  expect(grown(after, "parley_commit_messages_sum")).toBe(3);
  expect(grown(after, "parley_commit_seconds_count")).toBeGreaterThanOrEqual(1);
  expect(grown(after, "parley_delivery_seconds_count")).toBe(3);
  expect(grown(after, 'parley_refusals_total{code="VALIDATION_FAILED"}')).toBe(1);
  expect(grown(after, 'parley_refusals_total{code="CONVERSATION_NOT_FOUND"}')).toBe(1);
  expect(after.get("parley_connections")).toBe(2);
  expect(after.get("parley_users_online")).toBe(2);
  expect(after.get("parley_uncommitted_messages")).toBe(0);
  expect(after.get("parley_store_failing")).toBe(0);
  expect(after.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
  expect(grown(after, "process_cpu_seconds_total")).toBeGreaterThan(0);
  for (const name of before.keys()) expect(after.has(name)).toBe(true);
});

test("a client that leaves within its body is no fault of the server", async () => {
  const { hostname, port } = new URL(server.url);
  const { promise, resolve } = Promise.withResolvers<void>();
  const head = `POST /api/conversations HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${API_KEY}\r\n`;
  const before = await scrape(server);
  const cutOff = 'parley_refusals_total{code="INVALID_JSON"}';
  await Bun.connect({
    ...{ hostname, port: Number(port) },
    socket: {
      open(socket) {
        socket.write(`${head}Content-Length: 100\r\n\r\n{`);
        socket.flush();
        setImmediate(() => socket.terminate());
      },
      close: () => resolve(),
      data() {},
    },
  });
  await promise;
  let after = await scrape(server);
  for (let tries = 0; tries < 500 && after.get(cutOff) === before.get(cutOff); tries += 1) {
    after = await scrape(server);
  }
  expect(after.get(cutOff)).toBe((before.get(cutOff) ?? 0) + 1);
  expect(after.get('parley_refusals_total{code="INTERNAL"}')).toBe(0);
});

test("the documentation, its alerts and its dashboard name what there is", async () => {
  // Those too of which there is nothing to say on this server.
  const metrics = await (await askAsServer(server, "GET", "/metrics")).text();
  const names = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name));
  const docs = (file: string) => Bun.file(new URL(`../../docs/${file}`, import.meta.url)).text();
  const listed = [...(await docs("monitoring.md")).matchAll(/^\| `((?:parley|process)_\w+)`/gm)];
  expect(listed.map(([, name]) => name).sort()).toEqual([...names].sort());
  for (const file of ["examples/alerts.yml", "examples/dashboard.json"]) {
    const used = [...(await docs(file)).matchAll(/\b((?:parley|process)_[a-z_]+)/g)];
    expect(used.length).toBeGreaterThan(4);
    for (const [, name = ""] of used) expect(names).toContain(name.replace(/_bucket$/, ""));
  }
  const rules = Bun.YAML.parse(await docs("examples/alerts.yml"));
  expect(rules).toMatchObject({ groups: [{ rules: expect.any(Array) }] });
});

test("they are the back end's, unless they are opened to everybody", async () => {
  expect((await askAs(server, "alice", "/metrics")).status).toBe(401);
  const open = await startParley({ flags: ["--metrics-open"] });
  const answer = await fetch(`${open.url}/metrics`);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("parley_info{version=");
  expect(await open.stop()).toBe(0);
});
