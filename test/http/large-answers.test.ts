import { afterEach, beforeEach, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { Hono } from "hono";
import { AddressList } from "../../src/address-list.ts";
import { LimitKeys } from "../../src/auth/limit-keys.ts";
import type { ApiEnvironment } from "../../src/http/api.ts";
import { LargeAnswers } from "../../src/http/large-answers.ts";
import { refusalOf } from "../support/refusal.ts";
import { LOCAL } from "../support/remote.ts";

const ALICE = { ...LOCAL, peerAddress: "203.0.113.5", address: "203.0.113.5" };
const BOB = { ...LOCAL, peerAddress: "203.0.113.6", address: "203.0.113.6" };
/** More than the system's own buffers between the two take. */
const LONG = "ü👋".repeat(3_000_000);

const PAGE = "x".repeat(64 * 1_024);
const PAGES = 1_000;
let made: number;
let isEnded: boolean;

async function* pages(): AsyncGenerator<string> {
  for (made = 0; made < PAGES; made += 1) yield PAGE;
}

let answers: LargeAnswers;
let server: ReturnType<typeof Bun.serve>;
let sockets: Socket[];

/** Its answers are long at `/long`. */
beforeEach(() => {
  answers = new LargeAnswers({
    keys: new LimitKeys(AddressList.parse([])),
    limitBytes: 40_000_000,
    callerHeaders: ["Authorization", "x-user-id", "authorization"],
  });
  const api = new Hono<ApiEnvironment>();
  const ended = () => {
    isEnded = true;
  };
  api.get("/pages", (context) => answers.stream(context, "text/plain", pages, ended));
  api.get("/:what", (context) =>
    answers.json(context, { content: context.req.param("what") === "long" ? LONG : "short" }),
  );
  server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, idleTimeout: 0 },
    fetch: (request) => api.fetch(request, { remote: ALICE }),
  });
  sockets = [];
  made = 0;
  isEnded = false;
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.stop(true);
});

/** Asks, and takes nothing of the answer. */
function askedInVain(path = "/long"): Socket {
  const socket = connect(server.port ?? 0, "127.0.0.1");
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  sockets.push(socket);
  return socket;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

test("answers are whole, and JSON", async () => {
  for (const [what, content] of [
    ["long", LONG],
    ["short", "short"],
  ]) {
    const answer = await fetch(new URL(`/${what}`, server.url));
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect((await answer.json()).content === content).toBe(true);
  }
  await until(() => answers.bytes === 0);
  expect((await fetch(new URL("/long", server.url), { method: "HEAD" })).status).toBe(200);
  expect(answers.bytes).toBe(0);
});

test("who has one already is told so, whatever its length, and kept from nobody else's", async () => {
  for (const what of ["long", "short"]) {
    const ask = (known?: string) =>
      fetch(new URL(`/${what}`, server.url), {
        ...(known !== undefined && { headers: { "If-None-Match": known } }),
      });
    const first = await ask();
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"\w+"$/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    expect(first.headers.get("vary")).toBe("authorization, x-user-id");
    await first.arrayBuffer();
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await ask(known);
      expect([again.status, await again.text()]).toEqual([304, ""]);
      expect(again.headers.get("etag")).toBe(etag);
      expect(again.headers.get("cache-control")).toBe("private, no-cache");
      expect(again.headers.get("vary")).toBe("authorization, x-user-id");
    }
    const other = await ask('"other"');
    expect([other.status, other.headers.get("etag")]).toEqual([200, etag]);
    await other.arrayBuffer();
  }
});

test("who does not take them gets no more, until they do or are gone", async () => {
  const first = askedInVain();
  await until(() => answers.bytes > 0);
  expect(await refusalOf(() => answers.assertRoom(ALICE))).toBe("RATE_LIMITED");
  expect(await refusalOf(() => answers.assertRoom(BOB))).toBe("not refused");
  first.resume();
  await until(() => answers.bytes === 0);
  const second = askedInVain();
  await until(() => answers.bytes > 0);
  second.destroy();
  await until(() => answers.bytes === 0);
  expect(await refusalOf(() => answers.assertRoom(ALICE))).toBe("not refused");
});

test("nor does anybody when all together leave too much", async () => {
  for (let n = 0; n < 3; n += 1) askedInVain();
  await until(() => answers.bytes > 40_000_000);
  expect(await refusalOf(() => answers.assertRoom(BOB))).toBe("SERVER_FULL");
  expect(await refusalOf(() => answers.assertRoom(LOCAL))).toBe("SERVER_FULL");
});

/** None is made in so many turns: the maker waits for the client. */
async function untilStill(): Promise<number> {
  for (;;) {
    const before = made;
    for (let turn = 0; turn < 500; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (made > 0 && made === before) return made;
  }
}

test("what comes in pages is made as the client takes it, and is whole", async () => {
  const socket = askedInVain("/pages");
  expect(await untilStill()).toBeLessThan(PAGES / 2);
  socket.resume();
  await until(() => isEnded);
  expect(made).toBe(PAGES);
  const whole = await fetch(new URL("/pages", server.url));
  expect((await whole.text()).length).toBe(PAGES * PAGE.length);
  expect((await fetch(new URL("/pages", server.url), { method: "HEAD" })).status).toBe(200);
  await until(() => answers.bytes === 0);
});

test("of a client that is gone, no page is made any more", async () => {
  const socket = askedInVain("/pages");
  await untilStill();
  socket.destroy();
  await until(() => isEnded);
  expect(made).toBeLessThan(PAGES);
  await until(() => answers.bytes === 0);
});
