import { afterEach, describe, expect, test } from "bun:test";
import { expectSoon, launchChromium } from "../support/browser.ts";
import { connectionsOf } from "../support/connections.ts";
import { EventSourceClient } from "../support/event-source.ts";
import { freePort } from "../support/free-port.ts";
import {
  type ParleyOptions,
  type ParleyProcess,
  startParley,
  temporaryDir,
} from "../support/parley-process.ts";
import { scrape } from "../support/scrape.ts";
import { answerOf, askAs, askAsServer, askInNameOf } from "../support/server-api.ts";
import type { Event, StockClient } from "../support/stock-client.ts";
import { StockCrowd } from "../support/stock-crowd.ts";
import { API_KEY, JWT_SECRET, tokenOf } from "../support/tokens.ts";

let server: ParleyProcess;
const crowd = new StockCrowd();
const join = (userId: string) => crowd.join(server, userId);
const sources: EventSourceClient[] = [];

async function start(options: ParleyOptions = {}): Promise<void> {
  server = await startParley({
    ...options,
    env: { PARLEY_API_KEYS: API_KEY, ...options.env },
    flags: [
      ...["--limits-messages-per-second=0", "--chat-system-messages=false"],
      ...(options.flags ?? []),
    ],
  });
}

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  await crowd.leave();
  expect(await server.stop()).toBe(0);
});

function listen(userId: string, query = "", lastEventId?: string): EventSourceClient {
  const source = new EventSourceClient({
    url: () => `${server.url}/api/events${query}`,
    headers: { "X-User-Id": userId },
    ...(lastEventId !== undefined && { lastEventId }),
  });
  sources.push(source);
  return source;
}

/** A group of the back end's. */
async function group(id: string, ...memberIds: string[]): Promise<void> {
  const made = await askAsServer(server, "POST", "/api/conversations", { id, memberIds });
  expect(made.status).toBe(201);
}

async function say(userId: string, conversationId: string, content: string): Promise<Event> {
  const path = `/api/conversations/${conversationId}/messages`;
  const { status, body } = await answerOf(await askAs(server, userId, path, "POST", { content }));
  expect(status).toBe(201);
  return body;
}

interface Polled {
  readonly events: readonly { readonly event: string; readonly data: Event }[];
  readonly cursor: string;
}

async function poll(userId: string, wait: number, cursor?: string): Promise<Polled> {
  const query = cursor === undefined ? "" : `&cursor=${cursor}`;
  const { status, body } = await answerOf(
    await askAs(server, userId, `/api/events?wait=${wait}${query}`),
  );
  expect(body.code).toBeUndefined();
  expect(status).toBe(200);
  return body;
}

const READY = { event: "ready", data: {} };

const contentsOf = ({ events }: Polled) =>
  events.filter(({ event }) => event === "message").map(({ data }) => data.content);

async function statusOf(messageId: unknown): Promise<unknown> {
  const answer = await askAs(server, "alice", `/api/messages/${messageId}/status`);
  return (await answerOf(answer)).body.status;
}

/** Alice is told DELIVERED of a message up to that seq. */
async function delivered(alice: StockClient, seq: number): Promise<void> {
  await alice.event(
    "/user/alice/queue/confirmations",
    (event) => event.status === "DELIVERED" && Number(event.seq) >= seq,
  );
}

describe("a stream of events", () => {
  test("tells what a STOMP client is told: messages, confirmations, receipts, presence, typing", async () => {
    await start({ flags: ["--presence-grace-ms=1"] });
    await group("team", "alice", "bob");
    const alice = await join("alice");
    const source = listen("bob", "?presence=true&typing=team");
    await source.ready();
    await alice.sent("/app/chat.send", {
      conversationId: "team",
      content: 'a "word"\nand more 👍',
    });
    alice.send("/app/chat.typing/team", { isTyping: true });
    await source.until(() => source.contents.length === 1 && source.named("typing").length === 1);
    const [message] = source.named("message");
    expect(message).toMatchObject({
      ...{ conversationId: "team", seq: 1, senderId: "alice", content: 'a "word"\nand more 👍' },
    });
    expect(source.lastEventId).toBe(String(message?.id));
    expect(source.named("typing")).toMatchObject([{ userId: "alice", isTyping: true }]);

    await say("bob", "team", "hello");
    const [own] = await alice.count("/user/alice/queue/messages", 1);
    await alice.sent("/app/chat.read", { id: own?.id });
    await source.until(() => source.named("receipt").length === 1, "a receipt");
    expect(source.named("receipt")).toMatchObject([{ messageId: own?.id, readerId: "alice" }]);
    expect(source.named("confirmation")).toContainEqual(
      expect.objectContaining({ messageId: own?.id, status: "SENT" }),
    );
    await alice.close();
    await source.until(
      () => source.named("presence").some(({ status }) => status === "OFFLINE"),
      "the presence of alice",
    );
    expect(source.opens).toBe(1);
  });

  test("tells of profiles, and what the back end has to say, whatever it is", async () => {
    await start();
    await group("team", "alice", "bob");
    const source = listen("bob");
    await source.ready();
    const { cursor } = await poll("carol", 0);
    const profile = { name: "Ally" };
    expect((await askAs(server, "alice", "/api/users/alice", "PATCH", profile)).status).toBe(200);
    await source.until(() => source.named("profile").length === 1, "the profile");
    expect(source.named("profile")).toMatchObject([{ userId: "alice", name: "Ally" }]);
    const said = [
      { body: '{"at":"noon"}', contentType: "application/json" },
      { body: "line\n\ndata: {}\nevent: message\n\0 \u2028", contentType: "text/plain; a=b:c" },
    ];
    for (const notice of said) {
      const told = { userIds: "online", ...notice };
      const { body } = await answerOf(await askAsServer(server, "POST", "/api/broadcast", told));
      expect(body).toEqual({ users: 2 });
    }
    await source.until(() => source.named("notice").length === 2, "the notices");
    expect(source.named("notice")).toEqual(said);
    const events = said.map((data) => ({ event: "notice", data }));
    expect((await poll("carol", 20, cursor)).events).toEqual(events);
  });

  test("counts in the metrics, as polls do", async () => {
    await start({ flags: ["--metrics-open"] });
    await group("team", "alice", "bob", "carol");
    const source = listen("bob");
    await source.ready();
    const { cursor } = await poll("carol", 0);
    const count = async () =>
      (await scrape(server)).get('parley_messages_out_total{kind="message"}') ?? Number.NaN;
    const before = await count();
    await say("alice", "team", "counted");
    await source.until(() => source.contents.length === 1);
    expect(contentsOf(await poll("carol", 20, cursor))).toEqual(["counted"]);
    expect((await count()) - before).toBe(2);
  });

  test("has the headers that proxies and browsers need", async () => {
    await start();
    const answer = await askAs(server, "bob", "/api/events");
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    await answer.body?.cancel();
    const head = await askAs(server, "bob", "/api/events", "HEAD");
    expect(head.status).toBe(200);
    expect(head.headers.get("content-type")).toStartWith("text/event-stream");
  });

  test("counts as a connection: its user is there, and has received what left for it", async () => {
    await start({ flags: ["--presence-grace-ms=1"] });
    const alice = await join("alice");
    await alice.subscribed("/topic/presence");
    const isBob = (status: string) => (event: Event) =>
      event.userId === "bob" && event.status === status;
    const source = listen("bob");
    await alice.event("/topic/presence", isBob("ONLINE"));
    await source.ready();
    await alice.sent("/app/chat.send", {
      ...{ conversationId: "ab", recipientId: "bob", content: "there?" },
    });
    await delivered(alice, 1);
    // It has left the server, and comes here in its own time.
    await source.until(() => source.contents.length > 0);
    expect(source.contents).toEqual(["there?"]);
    source.close();
    await alice.event("/topic/presence", isBob("OFFLINE"));
  });

  test("goes on after a kill of the server where it was: nothing is lost, nothing comes twice", async () => {
    const dataDir = temporaryDir();
    const restart = () => start({ dataDir });
    await restart();
    const rooms = ["one", "two", "three"];
    for (const room of rooms) await group(room, "alice", "bob");
    const source = listen("bob");
    await source.ready();
    const sent: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const writing = rooms.map(async (room) => {
        for (let count = 0; count < 40; count += 1) {
          const content = `${room} ${round} ${count}`;
          await say("alice", room, content);
          sent.push(content);
        }
      });
      await Promise.all(writing);
      // In the middle of what is on its way to Bob, and perhaps of what he is catching up with.
      await server.kill();
      await restart();
    }
    await source.until(() => source.contents.length >= sent.length, "all messages");
    await source.ready(2);
    for (const room of rooms) {
      const here = source.named("message").filter(({ conversationId }) => conversationId === room);
      expect(here.map(({ seq }) => seq)).toEqual(here.map((_, index) => index + 1));
    }
    expect(source.contents.toSorted()).toEqual(sent.toSorted());
    const ids = source.named("message").map(({ id }) => String(id));
    expect(ids).toEqual(ids.toSorted());
  }, 60_000);

  test("resumes for a device that lags behind another one of its user", async () => {
    await start();
    await group("team", "alice", "bob");
    const laptop = listen("bob");
    const phone = listen("bob");
    await laptop.ready();
    await phone.ready();
    await say("alice", "team", "both");
    await laptop.until(() => laptop.contents.length === 1);
    await phone.until(() => phone.contents.length === 1);
    phone.close();
    const { id } = await say("alice", "team", "the laptop alone");
    await say("bob", "team", "my own");
    await laptop.until(() => laptop.contents.length === 3);
    const again = listen("bob", "", phone.lastEventId);
    await again.ready();
    expect(again.contents).toEqual(["the laptop alone", "my own"]);
    expect(again.named("message")).toMatchObject([{ id, replay: true }, { replay: true }]);
    // By the query as well, for clients that cannot send the header.
    const byQuery = listen("bob", `?cursor=${phone.lastEventId}`);
    await byQuery.ready();
    expect(byQuery.contents).toEqual(["the laptop alone", "my own"]);
  });

  test("says by its id what was received, also of what was never known to be", async () => {
    await start();
    await group("team", "alice", "bob");
    const { id } = await say("alice", "team", "was it received?");
    expect(await statusOf(id)).toBe("SENT");
    const source = listen("bob", "", String(id));
    await source.ready();
    expect(source.contents).toEqual([]);
    await poll("alice", 0);
    while ((await statusOf(id)) !== "DELIVERED");
  });

  test("that nobody reads is closed, and what it missed comes at the next", async () => {
    await start({ flags: ["--limits-blocked-ms=400"] });
    await group("team", "alice", "bob");
    const reading = await askAs(server, "bob", "/api/events");
    const reader = reading.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("retry:");
    const content = "x".repeat(60_000);
    const count = () => connectionsOf(server);
    let sent = 0;
    while ((await count()) > 0) {
      await say("alice", "team", content);
      sent += 1;
    }
    await reader?.cancel();
    const source = listen("bob", "", "00000000-0000-0000-0000-000000000000");
    await source.ready();
    const seqs = source.named("message").map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  }, 60_000);

  test("ends when its user's tokens are taken back, and is refused from then on", async () => {
    await start({ env: { PARLEY_JWT_SECRET: JWT_SECRET } });
    const headers = { Authorization: `Bearer ${await tokenOf({ sub: "bob" })}` };
    const url = () => `${server.url}/api/events`;
    const source = new EventSourceClient({ url, headers });
    sources.push(source);
    await source.ready();
    await askAsServer(server, "POST", "/api/users/bob/revoke");
    await source.until(() => source.refusedWith !== null, "the refusal");
    expect(source.refusedWith).toBe(401);
    expect(source.named("error")).toMatchObject([{ code: "TOKEN_REVOKED" }]);
    expect(server.log()).not.toContain(headers.Authorization.slice("Bearer ".length));
  });

  test("ends when its token does", async () => {
    const warned = ["--authentication-expiry-warning-ms=60000", "--jwt-leeway-ms=0"];
    await start({ env: { PARLEY_JWT_SECRET: JWT_SECRET }, flags: warned });
    const exp = Math.floor(Date.now() / 1_000) + 2;
    const headers = { Authorization: `Bearer ${await tokenOf({ sub: "bob", exp })}` };
    const source = new EventSourceClient({ url: () => `${server.url}/api/events`, headers });
    sources.push(source);
    await source.until(() => source.refusedWith === 401, "the refusal");
    const codes = source.named("error").map(({ code }) => code);
    expect(codes).toEqual(["TOKEN_EXPIRING", "TOKEN_EXPIRED"]);
  });

  test("of a server that stops ends with the time to come back after", async () => {
    await start();
    const source = listen("bob");
    await source.ready();
    await server.stop();
    await source.until(() => source.named("error").length > 0);
    expect(source.named("error")).toMatchObject([{ code: "SHUTTING_DOWN" }]);
    expect(source.retryMs).toBe(Number(source.named("error")[0]?.retryAfterMs));
    source.close();
    await start();
  });

  test("is limited as other connections are", async () => {
    await start({ flags: ["--limits-connections-per-user=1"] });
    const source = listen("bob");
    await source.ready();
    const { status, body } = await answerOf(await askAs(server, "bob", "/api/events"));
    expect(status).toBe(429);
    expect(body.code).toBe("TOO_MANY_CONNECTIONS");
    expect((await poll("alice", 0)).events).toEqual([READY]);
    const health = await (await fetch(`${server.url}/api/websocket/health`)).json();
    expect(health.activeConnections).toBe(2);
  });

  test("is refused to a user who may make no more subscriptions, and begins with all or none", async () => {
    await start({
      flags: ["--limits-subscribes-per-second=1", "--limits-subscribes-burst=7"],
    });
    const opened: Response[] = [];
    for (;;) {
      const answer = await askAs(server, "bob", "/api/events");
      if (answer.status !== 200) {
        const { status, body } = await answerOf(answer);
        expect(status).toBe(429);
        expect(body.code).toBe("RATE_LIMITED");
        break;
      }
      opened.push(answer);
    }
    const health = await (await fetch(`${server.url}/api/websocket/health`)).json();
    expect(health.activeConnections).toBe(opened.length);
    for (const answer of opened) await answer.body?.cancel();
  });

  test("refuses an id that it never gave", async () => {
    await start();
    for (const id of ["17", "0199-", "x".repeat(36), "0".repeat(500)]) {
      const headers = { "X-User-Id": "bob", "Last-Event-ID": id };
      const answer = await answerOf(await fetch(`${server.url}/api/events`, { headers }));
      expect(answer.status).toBe(422);
      expect(answer.body.code).toBe("VALIDATION_FAILED");
    }
  });
});

describe("polling", () => {
  test("answers at once what there is, and waits for what there is not", async () => {
    await start();
    await group("team", "alice", "bob");
    await say("alice", "team", "first");
    const first = await poll("bob", 20);
    expect(contentsOf(first)).toEqual(["first"]);
    const nothing = await poll("bob", 0, first.cursor);
    expect(nothing.events).toEqual([]);
    const waiting = poll("bob", 20, nothing.cursor);
    await say("alice", "team", "second");
    const second = await waiting;
    expect(contentsOf(second)).toEqual(["second"]);
    // An answer that was lost on its way is asked for again.
    expect(await poll("bob", 20, nothing.cursor)).toEqual(second);
    expect((await poll("bob", 0, second.cursor)).events).toEqual([]);
  });

  test("tells of a message DELIVERED when the next poll says that it has come", async () => {
    await start();
    await group("team", "alice", "bob");
    const alice = await join("alice");
    const opened = await poll("bob", 0);
    const waiting = poll("bob", 20, opened.cursor);
    const { id } = await say("alice", "team", "there?");
    const { cursor } = await waiting;
    expect(await statusOf(id)).toBe("SENT");
    await poll("bob", 0, cursor);
    await delivered(alice, 1);
  });

  test("its client is no slow reader when it goes, whatever waits for it", async () => {
    // Its buffer is looked at many times before it counts as gone.
    const flags = ["--events-poll-grace-ms=1000", "--limits-blocked-ms=400"];
    await start({ flags: ["--presence-grace-ms=1", ...flags] });
    await group("team", "alice", "bob");
    const alice = await join("alice");
    await alice.subscribed("/topic/presence");
    await poll("bob", 0);
    await say("alice", "team", "too late");
    await alice.event(
      "/topic/presence",
      ({ userId, status }) => userId === "bob" && status === "OFFLINE",
    );
    const cutOffs = 'parley_connections_cut_off_total{cause="slow-reader"}';
    expect((await scrape(server)).get(cutOffs)).toBe(0);
    expect(contentsOf(await poll("bob", 0))).toEqual(["too late"]);
  });

  test("keeps its user there between polls, for a time", async () => {
    await start({ flags: ["--presence-grace-ms=1", "--events-poll-grace-ms=700"] });
    const alice = await join("alice");
    await alice.subscribed("/topic/presence");
    const { cursor } = await poll("bob", 0);
    await alice.event("/topic/presence", ({ userId }) => userId === "bob");
    await poll("bob", 1, cursor); // Longer than the grace, which counts from one poll to the next.
    const ofBob = () => alice.got("/topic/presence").filter(({ userId }) => userId === "bob");
    expect(ofBob().filter(({ status }) => status !== "ONLINE")).toEqual([]);
    await alice.event(
      "/topic/presence",
      ({ userId, status }) => userId === "bob" && status === "OFFLINE",
    );
  });

  test("goes on by its cursor after a kill of the server, and as a stream", async () => {
    const dataDir = temporaryDir();
    await start({ dataDir });
    await group("team", "alice", "bob");
    await say("alice", "team", "before");
    const { cursor } = await poll("bob", 0);
    await say("alice", "team", "missed");
    await server.kill();
    await start({ dataDir });
    await say("alice", "team", "after");
    const next = await poll("bob", 20, cursor);
    expect(contentsOf(next)).toEqual(["missed", "after"]);
    const source = listen("bob", "", cursor);
    await source.ready();
    expect(source.contents).toEqual(["missed", "after"]);
  });

  test("by somebody else's cursor tells nothing of theirs", async () => {
    await start();
    await group("team", "alice", "bob");
    await say("alice", "team", "for bob");
    const { cursor } = await poll("bob", 0);
    expect((await poll("mallory", 0, cursor)).events).toEqual([READY]);
    await say("alice", "team", "also for bob");
    expect(contentsOf(await poll("bob", 20, cursor))).toEqual(["also for bob"]);
  });

  test("says by `ready` when it begins anew, and what is not kept may have been missed", async () => {
    await start({ flags: ["--events-poll-grace-ms=1"] });
    const alice = await join("alice");
    await alice.subscribed("/topic/presence");
    const first = await poll("bob", 0);
    expect(first.events).toEqual([READY]);
    // The poll that waits longer than the grace is no new beginning.
    await alice.event("/topic/presence", ({ userId }) => userId === "bob");
    const count = () => connectionsOf(server);
    while ((await count()) > 1);
    const again = await poll("bob", 0, first.cursor);
    expect(again.events).toEqual([READY]);
  });

  test("tells nothing that was taken back between two polls", async () => {
    await start();
    await group("team", "alice", "bob");
    await group("other", "alice", "bob");
    const { cursor } = await poll("bob", 0);
    const { id } = await say("alice", "team", "deleted since");
    await say("alice", "other", "of a group that bob has been removed from");
    await say("alice", "team", "kept");
    expect((await askAs(server, "alice", `/api/messages/${id}`, "DELETE")).status).toBe(204);
    const removed = await askAsServer(server, "DELETE", "/api/conversations/other/members/bob");
    expect(removed.status).toBe(204);
    const { events } = await poll("bob", 20, cursor);
    const told = events.map(({ data }) => [data.content, data.deletedAt !== undefined]);
    expect(told).toContainEqual(["", true]);
    expect(told).toContainEqual(["kept", false]);
    expect(JSON.stringify(events)).not.toContain("deleted since");
    expect(JSON.stringify(events)).not.toContain("removed from");
  });

  test("is answered when the server stops", async () => {
    await start();
    const { cursor } = await poll("bob", 0);
    const waiting = poll("bob", 30, cursor);
    await poll("alice", 0); // The poll that waits has come before it.
    const stopping = server.stop();
    const { events } = await waiting;
    expect(events).toMatchObject([{ event: "error", data: { code: "SHUTTING_DOWN" } }]);
    await stopping;
    await start();
  });
});

test("a link to it makes no browser take its user's messages", async () => {
  await start({ env: { PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_COOKIE_JWT_NAME: "session" } });
  await group("team", "alice", "bob");
  const path = "/api/conversations/team/messages";
  await askInNameOf(server, "alice", "POST", path, { content: "for bob himself" });
  const browser = await launchChromium();
  try {
    const context = await browser.newContext();
    const value = await tokenOf({ sub: "bob" });
    await context.addCookies([{ name: "session", value, url: server.url }]);
    const page = await context.newPage();
    const answer = await page.goto(`${server.url}/api/events?wait=0`);
    expect(answer?.status()).toBe(403);
    expect(await answer?.json()).toMatchObject({ code: "CSRF_REJECTED" });
    await page.goto(server.url);
    const polled = await page.evaluate("fetch('/api/events?wait=0').then((it) => it.json())");
    expect(polled).toMatchObject({
      events: [{ event: "message", data: { content: "for bob himself" } }, READY],
    });
  } finally {
    await browser.close();
  }
}, 60_000);

test("a browser's EventSource, with the session cookie, goes on after a kill of the server", async () => {
  const dataDir = temporaryDir();
  const port = await freePort();
  const restart = () =>
    start({
      dataDir,
      flags: ["--port", `${port}`],
      env: { PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_COOKIE_JWT_NAME: "session" },
    });
  await restart();
  await group("team", "alice", "bob");
  const browser = await launchChromium();
  try {
    const context = await browser.newContext();
    const value = await tokenOf({ sub: "bob" });
    await context.addCookies([{ name: "session", value, url: server.url }]);
    const page = await context.newPage();
    await page.goto(server.url);
    await page.evaluate(() => {
      const got: string[] = [];
      const source = new EventSource("/api/events");
      source.addEventListener("message", ({ data }) => got.push(JSON.parse(data).content));
      source.addEventListener("ready", () => got.push("ready"));
      Object.assign(globalThis, { got });
    });
    const got = () => page.evaluate("got");
    const tell = async (content: string) => {
      const path = "/api/conversations/team/messages";
      const sent = await askInNameOf(server, "alice", "POST", path, { content });
      expect(sent.status).toBe(201);
    };
    await expectSoon(got, ["ready"]);
    await tell("before");
    await expectSoon(got, ["ready", "before"]);
    await server.kill();
    await restart();
    await tell("after");
    // It may be back before the message, or only then.
    const heard = async () => JSON.stringify(await got()).replace(/,"ready"/, "");
    await expectSoon(heard, JSON.stringify(["ready", "before", "after"]));
  } finally {
    await browser.close();
  }
}, 60_000);
