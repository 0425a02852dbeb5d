import { afterEach, expect, test } from "bun:test";
import { connectionsOf } from "../support/connections.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { BEHIND_PROXY, ProxiedClient } from "../support/proxied-client.ts";
import { RawClient } from "../support/raw-client.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { TcpClient } from "../support/tcp-client.ts";

const ALICE = "203.0.113.5";
const BOB = "203.0.113.6";

let server: ParleyProcess;

afterEach(async () => {
  expect(await server.stop()).toBe(0);
});

async function knockUntilRefused(address: string | null, most: number): Promise<ProxiedClient[]> {
  const clients: ProxiedClient[] = [];
  for (let n = 0; n < most; n += 1) {
    const client = await ProxiedClient.knock(server.port, address);
    clients.push(client);
    if (client.status !== 101) break;
  }
  return clients;
}

function openSockJs(session: string, address: string): Promise<Response> {
  const headers = { "X-Forwarded-For": address };
  return fetch(`${server.url}/ws/000/${session}/xhr`, { method: "POST", headers });
}

/** Resolves when there are so many. */
async function untilConnections(count: number): Promise<void> {
  while ((await connectionsOf(server)) !== count);
}

test("an address may come so often; others, and this machine, come beside it", async () => {
  const flags = [...BEHIND_PROXY, "--limits-connects-per-second=1", "--limits-connects-burst=3"];
  server = await startParley({ flags });
  const clients = await knockUntilRefused(ALICE, 20);
  expect(clients.length).toBeGreaterThan(3);
  const last = clients.at(-1);
  expect(last?.status).toBe(429);
  expect(last?.retryAfter).toBe(1);
  expect(last?.raw.text).toContain("RATE_LIMITED");
  const sockJs = await openSockJs("alice", ALICE);
  expect([sockJs.status, sockJs.headers.get("retry-after")]).toEqual([429, "1"]);
  const bob = await ProxiedClient.knock(server.port, BOB);
  expect(bob.status).toBe(101);
  const local = await knockUntilRefused(null, 20);
  expect(local.map(({ status }) => status)).toEqual(Array(20).fill(101));
  for (const client of [...clients, bob, ...local]) client.close();
});

test("one /64 of IPv6 is one address", async () => {
  const flags = [...BEHIND_PROXY, "--limits-connections-per-address=1"];
  server = await startParley({ flags });
  const first = await ProxiedClient.knock(server.port, "2001:db8::1");
  const neighbour = await ProxiedClient.knock(server.port, "2001:db8::2");
  const other = await ProxiedClient.knock(server.port, "2001:db8:0:1::1");
  expect([first.status, neighbour.status, other.status]).toEqual([101, 429, 101]);
  for (const client of [first, neighbour, other]) client.close();
});

test("an address may have so many connections; one that closes makes room", async () => {
  const flags = [...BEHIND_PROXY, "--limits-connections-per-address=2"];
  server = await startParley({ flags });
  const [first, second, third] = await knockUntilRefused(ALICE, 5);
  expect([first?.status, second?.status, third?.status]).toEqual([101, 101, 429]);
  expect(third?.raw.text).toContain("TOO_MANY_CONNECTIONS");
  expect(third?.retryAfter).toBeGreaterThanOrEqual(5);
  expect((await openSockJs("alice", ALICE)).status).toBe(429);
  expect((await openSockJs("bob", BOB)).status).toBe(200);
  first?.close();
  await untilConnections(2);
  expect((await ProxiedClient.knock(server.port, ALICE)).status).toBe(101);
});

test("an address may have so many that have sent no CONNECT", async () => {
  const flags = [...BEHIND_PROXY, "--limits-strangers-per-address=1"];
  server = await startParley({ flags });
  const alice = await ProxiedClient.connect(server.port, ALICE, "alice");
  const stranger = await ProxiedClient.knock(server.port, ALICE);
  const another = await ProxiedClient.knock(server.port, ALICE);
  const bob = await ProxiedClient.knock(server.port, BOB);
  expect([stranger, another, bob].map(({ status }) => status)).toEqual([101, 429, 101]);
  for (const client of [alice, stranger, another, bob]) client.close();
});

test("a body that belongs to no session is answered before it has come; of a session, few wait", async () => {
  server = await startParley();
  const upload = async (session: string) => {
    const raw = await RawSocket.open(server.port);
    raw.write(
      `POST /ws/000/${session}/xhr_send HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: ${ALICE}\r\nContent-Length: 9\r\n\r\n["`,
    );
    return raw;
  };
  const unknown = await upload("nobody");
  await unknown.answered();
  expect(unknown.status).toBe(404);

  expect((await openSockJs("alice", ALICE)).status).toBe(200);
  const uploads = await Promise.all(Array.from({ length: 5 }, () => upload("alice")));
  await Promise.race(uploads.map((each) => each.answered()));
  expect(uploads.map(({ status }) => status).filter((status) => status !== null)).toEqual([503]);
  for (const raw of [unknown, ...uploads]) raw.end();
});

test("who is no trusted proxy cannot say who it is", async () => {
  server = await startParley({ flags: ["--limits-connections-per-address=1"] });
  const clients = await knockUntilRefused(ALICE, 3);
  expect(clients.map(({ status }) => status)).toEqual([101, 101, 101]);
  // The operator is told, one time: it may be a proxy.
  expect(server.log().split("proxy.trusted does not name")).toHaveLength(2);
  for (const client of clients) client.close();
});

test("the server has so many connections in total, over every transport", async () => {
  server = await startParley({ flags: ["--limits-connections=3", "--tcp-port=0"] });
  const alice = await RawClient.connect(server.wsUrl, "alice");
  const bob = await TcpClient.connect(server.tcpPort, "bob");
  const carol = await openSockJs("carol", "127.0.0.1");
  expect(carol.status).toBe(200);

  const refused = await ProxiedClient.knock(server.port, null);
  expect(refused.status).toBe(503);
  expect(refused.retryAfter).toBeGreaterThanOrEqual(5);
  expect(refused.raw.text).toContain("SERVER_FULL");
  const sockJs = await openSockJs("dave", "127.0.0.1");
  expect([sockJs.status, Number(sockJs.headers.get("retry-after"))]).toEqual([
    503,
    expect.any(Number),
  ]);
  expect((await fetch(`${server.url}/ws/info`)).status).toBe(503);
  const tcp = await TcpClient.open(server.tcpPort);
  const error = await tcp.frame("ERROR");
  expect(error.header("code")).toBe("SERVER_FULL");
  expect(Number(error.header("retry-after-ms"))).toBeGreaterThanOrEqual(5_000);
  await tcp.closed;

  bob.close();
  await untilConnections(2);
  const late = await RawClient.connect(server.wsUrl, "late");
  for (const client of [alice, late]) client.close();
});

test.skipIf(process.platform !== "linux" || Bun.which("prlimit") === null)(
  "without a limit of one's own there are as many as the file descriptors allow, and one can still be refused",
  async () => {
    server = await startParley({ prefix: ["prlimit", "--nofile=200:200"] });
    const alice = await RawClient.connect(server.wsUrl, "alice");
    const clients = await knockUntilRefused(null, 250);
    expect(clients.at(-1)?.status).toBe(503);
    expect(clients).toHaveLength(180);
    await alice.confirmed("SEND", { destination: "/topic/a" });
    for (const client of clients) client.close();
    await untilConnections(1);
    alice.close();
  },
);

test("a peer that is refused over TCP and does not close is dropped", async () => {
  server = await startParley({ flags: ["--limits-connections=1", "--tcp-port=0"] });
  const alice = await RawClient.connect(server.wsUrl, "alice");
  const stubborn = await TcpClient.open(server.tcpPort, { keepsOpen: true });
  await stubborn.frame("ERROR");
  await stubborn.closed;
  alice.close();
});

test("a user may have so many connections, from wherever they come", async () => {
  const flags = [...BEHIND_PROXY, "--limits-connections-per-user=2", "--tcp-port=0"];
  server = await startParley({ flags });
  const first = await RawClient.connect(server.wsUrl, "alice");
  const second = await ProxiedClient.connect(server.port, BOB, "alice");
  const third = await RawClient.open(server.wsUrl);
  third.frameOf("CONNECT", { "accept-version": "1.2", "X-User-Id": "alice" });
  expect((await third.frame("ERROR")).header("code")).toBe("TOO_MANY_CONNECTIONS");
  expect(await third.closed).toBe(1013);
  const bob = await RawClient.connect(server.wsUrl, "bob");
  second.close();
  await untilConnections(2);
  const again = await RawClient.connect(server.wsUrl, "alice");
  for (const client of [first, bob, again]) client.close();
});

test("before CONNECT is accepted a frame is small; after it frames are as large as ever", async () => {
  server = await startParley();
  const stranger = await RawClient.open(server.wsUrl);
  const padding = "x".repeat(8_000);
  const headers = Array.from({ length: 13 }, (_, n) => [`h${n}`, padding]);
  stranger.frameOf("CONNECT", { "X-User-Id": "alice", ...Object.fromEntries(headers) });
  expect((await stranger.frame("ERROR")).header("code")).toBe("FRAME_TOO_LARGE");
  expect(await stranger.closed).toBe(1009);

  const alice = await RawClient.connect(server.wsUrl, "alice");
  await alice.confirmed("SEND", { destination: "/topic/a" }, "x".repeat(100_000));
  alice.close();
});
