import { afterEach, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { PausingClient } from "../support/pausing-client.ts";
import { BEHIND_PROXY, ProxiedClient } from "../support/proxied-client.ts";
import { RawClient } from "../support/raw-client.ts";
import { StockCrowd } from "../support/stock-crowd.ts";

const SECRET = "a secret of the tests, long enough for HS256";
const ALICE = "203.0.113.5";
const BOB = "203.0.113.6";

let server: ParleyProcess;
const crowd = new StockCrowd();
const join = (userId: string) => crowd.join(server, userId);

afterEach(async () => {
  await crowd.leave();
  expect(await server.stop()).toBe(0);
});

const message = (to: string) => ({ conversationId: "c", recipientId: to, content: "hello" });

test("an address whose logins fail is not listened to for a while, over HTTP and STOMP", async () => {
  const keys = { PARLEY_JWT_SECRET: SECRET, PARLEY_API_KEYS: "k".repeat(32) };
  const flags = ["--proxy-trusted=127.0.0.1", "--limits-failed-logins-per-minute=4"];
  server = await startParley({ flags, env: keys });
  const jwt = await new SignJWT({ sub: "alice" })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(SECRET));
  const ask = (token: string, address: string) =>
    fetch(`${server.url}/api/conversations`, {
      headers: { Authorization: `Bearer ${token}`, "X-Forwarded-For": address },
    });
  for (let n = 0; n < 3; n += 1) expect((await ask("wrong", ALICE)).status).toBe(401);
  const guess = await fetch(`${server.url}/api/users/bob/disconnect`, {
    method: "POST",
    headers: { "X-Api-Key": "x".repeat(32), "X-Forwarded-For": ALICE },
  });
  expect(guess.status).toBe(401);

  for (const token of ["wrong", jwt]) {
    const refused = await ask(token, ALICE);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1);
    expect(await refused.json()).toMatchObject({ code: "RATE_LIMITED", retryable: true });
  }
  const stomp = await ProxiedClient.knock(server.port, ALICE);
  stomp.say(`CONNECT\naccept-version:1.2\npasscode:${jwt}\n\n\0`);
  await stomp.raw.until("code:RATE_LIMITED");
  expect(stomp.raw.text).toMatch(/retry-after-ms:\d{4,5}\n/);
  await stomp.raw.closed;

  expect((await ask(jwt, BOB)).status).toBe(200);
  // Who shows nothing guesses nothing, and this machine is not counted.
  for (let n = 0; n < 10; n += 1) {
    const headers = { "X-Forwarded-For": BOB };
    expect((await fetch(`${server.url}/api/conversations`, { headers })).status).toBe(401);
    const local = { Authorization: "Bearer wrong" };
    expect((await fetch(`${server.url}/api/conversations`, { headers: local })).status).toBe(401);
  }
  expect((await ask(jwt, BOB)).status).toBe(200);
});

test("a user who writes too fast is told when to go on", async () => {
  server = await startParley({
    flags: ["--limits-messages-per-second=1", "--limits-messages-burst=2"],
  });
  const alice = await join("alice");
  const errors = "/user/alice/queue/errors";
  for (let n = 0; n < 20; n += 1) {
    alice.send("/app/chat.send", { ...message("bob"), clientMessageId: `m${n}` });
  }
  await alice.until(() => alice.got(errors).length > 0);
  const [refusal] = alice.got(errors);
  expect(refusal).toMatchObject({
    ...{ code: "RATE_LIMITED", destination: "/app/chat.send" },
    ...{ clientMessageId: expect.any(String), retryAfterMs: expect.any(Number) },
  });
});

test("the users of one address may write so fast together", async () => {
  server = await startParley({
    flags: [
      ...BEHIND_PROXY,
      ...["--limits-address-messages-per-second=1", "--limits-address-messages-burst=4"],
    ],
  });
  const users = ["a", "b", "c"];
  const together = await Promise.all(
    users.map((user) => ProxiedClient.connect(server.port, ALICE, user)),
  );
  for (const [n, client] of together.entries()) {
    client.say("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    const body = JSON.stringify({ ...message("bob"), conversationId: `c${n}` });
    for (let sent = 0; sent < 10; sent += 1) {
      client.say(`SEND\ndestination:/app/chat.send\n\n${body}\0`);
    }
  }
  for (const client of together) await client.raw.until("RATE_LIMITED");
  const other = await ProxiedClient.connect(server.port, BOB, "d");
  const body = JSON.stringify({ ...message("bob"), conversationId: "d" });
  other.say(`SEND\ndestination:/app/chat.send\nreceipt:r\n\n${body}\0`);
  await other.raw.until("RECEIPT");
  for (const client of [...together, other]) client.close();
});

test("an address may ask the API so fast", async () => {
  const flags = [...BEHIND_PROXY, "--limits-requests-per-second=1", "--limits-requests-burst=3"];
  server = await startParley({ flags });
  const ask = async (address: string | null) => {
    const from = address === null ? {} : { "X-Forwarded-For": address };
    const headers = { "X-User-Id": "alice", ...from };
    return await fetch(`${server.url}/api/conversations`, { headers });
  };
  let refused = await ask(ALICE);
  for (let n = 0; n < 20 && refused.status === 200; n += 1) refused = await ask(ALICE);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  const standing = ({ headers }: Response) => [
    ...[headers.get("ratelimit-policy"), headers.get("ratelimit")],
  ];
  expect(standing(refused)).toEqual(['"requests";q=3;w=3', '"requests";r=0;t=3']);
  const others = await ask(BOB);
  expect(others.status).toBe(200);
  expect(standing(others)).toEqual(['"requests";q=3;w=3', '"requests";r=2;t=1']);
  expect(standing(await ask(null))).toEqual([null, null]); // Nobody counts these.
  for (let n = 0; n < 20; n += 1) expect((await ask(null)).status).toBe(200);
});

test("of a flood of typing little is told, and the last state arrives", async () => {
  server = await startParley({
    flags: ["--limits-typing-per-second=2", "--limits-typing-burst=2"],
  });
  const [alice, bob] = [await join("alice"), await join("bob")];
  await alice.sent("/app/chat.send", message("bob"));
  await bob.subscribed("/topic/typing/c");
  for (let n = 0; n < 101; n += 1) alice.send("/app/chat.typing/c", { isTyping: n % 2 === 0 });
  await alice.sent("/app/chat.typing/c", { isTyping: true });
  const told = bob.got("/topic/typing/c");
  await bob.until(() => told.length >= 3 && told.at(-1)?.isTyping === true);
  expect(told.length).toBeLessThan(20);
  expect(alice.got("/user/alice/queue/errors")).toEqual([]);
});

test("a user may send to topics and queues so fast", async () => {
  server = await startParley({ flags: ["--limits-sends-per-second=1", "--limits-sends-burst=3"] });
  const alice = await RawClient.connect(server.wsUrl, "alice");
  await alice.confirmed("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
  for (let n = 0; n < 10; n += 1) alice.frameOf("SEND", { destination: "/topic/a" });
  const refusal = await alice.frame("MESSAGE");
  expect(JSON.parse(refusal.text())).toMatchObject({
    ...{ code: "RATE_LIMITED", destination: "/topic/a", retryAfterMs: expect.any(Number) },
  });
  alice.close();
});

test("a user may subscribe so fast", async () => {
  server = await startParley({
    flags: ["--limits-subscribes-per-second=1", "--limits-subscribes-burst=3"],
  });
  const alice = await RawClient.connect(server.wsUrl, "alice");
  for (let n = 0; n < 10; n += 1) {
    alice.frameOf("SUBSCRIBE", { id: `${n}`, destination: `/topic/${n}` });
  }
  const error = await alice.frame("ERROR");
  expect(error.header("code")).toBe("RATE_LIMITED");
  expect(Number(error.header("retry-after-ms"))).toBeGreaterThan(0);
  expect(await alice.closed).toBe(1013);
});

test("a connection may hold so many subscriptions with wildcards, and more without", async () => {
  server = await startParley({ flags: ["--limits-patterns=2"] });
  const alice = await RawClient.connect(server.wsUrl, "alice");
  const subscribe = (id: string, destination: string) =>
    alice.confirmed("SUBSCRIBE", { id, destination });
  await subscribe("1", "/topic/a.*");
  await subscribe("2", "/topic/b.#");
  await alice.confirmed("UNSUBSCRIBE", { id: "1" });
  await subscribe("3", "/topic/c.*");
  await subscribe("4", "/topic/plain");
  alice.frameOf("SUBSCRIBE", { id: "5", destination: "/topic/d.*" });
  expect((await alice.frame("ERROR")).header("code")).toBe("TOO_MANY_SUBSCRIPTIONS");
});

test("syncs that wait for a subscription count as held", async () => {
  server = await startParley({ flags: ["--limits-buffered-bytes=1048576"] });
  const alice = await RawClient.connect(server.wsUrl, "alice");
  const ids = Array.from({ length: 500 }, (_, n) => `${n}`.padEnd(120, "x"));
  const body = JSON.stringify({ conversations: Object.fromEntries(ids.map((id) => [id, 1])) });
  for (let n = 0; n < 10; n += 1) alice.frameOf("SEND", { destination: "/app/chat.sync" }, body);
  expect((await alice.frame("ERROR")).header("code")).toBe("SERVER_FULL");
  await alice.closed;
});

test("a user may hold so many subscriptions with wildcards, over all connections", async () => {
  server = await startParley({ flags: ["--limits-patterns-per-user=3"] });
  const [first, second, bob] = await Promise.all(
    ["alice", "alice", "bob"].map((user) => RawClient.connect(server.wsUrl, user)),
  );
  const subscribe = (client: RawClient | undefined, id: string, destination: string) =>
    client?.confirmed("SUBSCRIBE", { id, destination });
  await subscribe(first, "1", "/topic/a.*");
  await subscribe(first, "2", "/topic/b.*");
  await subscribe(second, "3", "/topic/c.*");
  await subscribe(second, "4", "/topic/plain");
  await subscribe(bob, "5", "/topic/d.*");
  await first?.confirmed("UNSUBSCRIBE", { id: "1" });
  await subscribe(second, "6", "/topic/e.*");
  await subscribe(second, "known", "/topic/d.*"); // Bob's costs no more for it.
  second?.frameOf("SUBSCRIBE", { id: "7", destination: "/topic/f.*" });
  expect((await second?.frame("ERROR"))?.header("code")).toBe("TOO_MANY_SUBSCRIPTIONS");
});

test("when all connections hold too much the greediest is closed, and the others go on", async () => {
  server = await startParley({
    flags: [
      ...["--limits-buffered-bytes=1048576", "--limits-send-buffer-bytes=67108864"],
      "--limits-messages-per-second=0",
    ],
  });
  const alice = await join("alice");
  const deaf = await PausingClient.connect(server.port, "deaf");
  deaf.send("SUBSCRIBE\nid:t\ndestination:/topic/t\nreceipt:r\n\n\0");
  await deaf.until("the receipt", () => deaf.got("RECEIPT").length > 0);
  deaf.pause();
  for (let n = 0; n < 300; n += 1) {
    await alice.sent("/topic/t", { filling: "x".repeat(100_000) });
  }
  while (!server.log().includes("All connections held too much")) {
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  }
  expect(server.log()).toContain('"cause":"overload"');
  await alice.sent("/app/chat.send", message("bob"));
  expect(alice.connects).toBe(1);
  deaf.close();
});
