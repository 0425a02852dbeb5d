import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Glob } from "bun";
import { assertKnownRoute } from "../../src/app/destinations.ts";
import {
  HTTP_TARGETS,
  type HttpTarget,
  STOMP_TARGETS,
  type StompTarget,
  type Victim,
} from "../support/attack-targets.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { TcpClient } from "../support/tcp-client.ts";
import { API_KEY, JWT_SECRET, tokenOf } from "../support/tokens.ts";

const seconds = () => Math.floor(Date.now() / 1_000);
const MISSING: Victim = {
  ...{ conversationId: "nowhere", messageId: "0193a-not-there" },
  attachmentId: "0193a000-0000-7000-8000-000000000000",
};

let server: ParleyProcess;
let alice: RawClient;
let victim: Victim;
/** By who is attacking: what their CONNECT, or their request, comes with. */
const attackers = new Map<string, Readonly<Record<string, string>>>();
let revoked: string;

/** Nobody whom the server knows, and what each is told. */
const NOBODIES = [
  ["not authenticated", "AUTHENTICATION_REQUIRED"],
  ["a forged X-User-Id", "AUTHENTICATION_REQUIRED"],
  ["a token of another secret", "AUTHENTICATION_FAILED"],
  ["a token without a signature", "AUTHENTICATION_FAILED"],
  ["an expired token", "TOKEN_EXPIRED"],
  ["a revoked token", "TOKEN_REVOKED"],
] as const;

/** Users whom Alice's conversation is no concern of. */
const STRANGERS = ["another user", "a removed member"] as const;

beforeAll(async () => {
  const env = { PARLEY_JWT_SECRET: JWT_SECRET, PARLEY_API_KEYS: API_KEY };
  const rules = "/topic/staff/** all role:staff,/queue/staff all role:staff";
  const flags = ["--access-rules", rules, "--tcp-port", "0", "--limits-messages-per-second", "0"];
  flags.push("--chat-system-messages=false"); // What one attack made would come to the next.
  server = await startParley({ env, flags });

  await asServer("POST", "/api/conversations", {
    ...{ id: "secrets", memberIds: ["alice", "bob", "removed"] },
  });
  const staff = await tokenOf({ sub: "alice", roles: ["staff"] });
  alice = await signIn({ passcode: staff });
  for (const queue of ["messages", "confirmations", "receipts", "profiles", "notices", "errors"]) {
    await alice.confirmed("SUBSCRIBE", { id: queue, destination: `/user/queue/${queue}` });
  }
  await alice.confirmed("SUBSCRIBE", { id: "typing", destination: "/topic/typing/secrets" });
  await alice.confirmed("SUBSCRIBE", { id: "staff", destination: "/topic/staff/news" });
  await alice.confirmed("SUBSCRIBE", { id: "jobs", destination: "/queue/staff" });
  const uploaded = await fetch(`${server.url}/api/attachments`, {
    ...{ method: "POST", headers: { Authorization: `Bearer ${staff}` }, body: "for three" },
  });
  const { id: attachmentId } = await uploaded.json();
  const body = JSON.stringify({
    ...{ conversationId: "secrets", content: "for three", type: "TEXT" },
    attachments: [attachmentId],
  });
  await alice.confirmed("SEND", { destination: "/app/chat.send" }, body);
  const { messages } = await (await asUser(staff, "/api/conversations/secrets/messages")).json();
  victim = { conversationId: "secrets", messageId: messages.at(-1).id, attachmentId };
  await asServer("DELETE", "/api/conversations/secrets/members/removed");

  revoked = await tokenOf({ sub: "alice", jti: "lost" });
  await asServer("POST", "/api/tokens/lost/revoke");
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  attackers.set("not authenticated", {});
  attackers.set("a forged X-User-Id", { "X-User-Id": "alice", login: "alice" });
  attackers.set(
    "a token of another secret",
    bearer(await tokenOf({ sub: "alice" }, "?".repeat(40))),
  );
  attackers.set("a token without a signature", bearer(unsigned("alice")));
  attackers.set(
    "an expired token",
    bearer(await tokenOf({ sub: "alice", iat: seconds() - 7_200, exp: seconds() - 3_600 })),
  );
  attackers.set("a revoked token", bearer(revoked));
  attackers.set("another user", bearer(await tokenOf({ sub: "mallory" })));
  attackers.set("a removed member", bearer(await tokenOf({ sub: "removed" })));
});

afterAll(async () => {
  alice.close();
  expect(await server.stop()).toBe(0);
});

function unsigned(sub: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "JWT" })}.${part({ sub, exp: seconds() + 600 })}.`;
}

function headersOf(attacker: string): Readonly<Record<string, string>> {
  return attackers.get(attacker) ?? expect.unreachable(attacker);
}

async function signIn(headers: Readonly<Record<string, string>>): Promise<RawClient> {
  const client = await RawClient.open(server.wsUrl);
  client.frameOf("CONNECT", { "accept-version": "1.2", ...headers });
  await client.frame("CONNECTED");
  return client;
}

function asUser(token: string, path: string): Promise<Response> {
  return fetch(server.url + path, { headers: { Authorization: `Bearer ${token}` } });
}

async function asServer(method: string, path: string, body?: object): Promise<void> {
  const headers = { "X-Api-Key": API_KEY };
  const answer = await fetch(server.url + path, {
    ...{ method, headers, body: body === undefined ? null : JSON.stringify(body) },
  });
  expect([path, answer.ok]).toEqual([path, true]);
}

function frameOf({ command, destination, body }: StompTarget, about: Victim): string {
  const headers = [`destination:${destination(about)}`, "receipt:r"];
  if (command === "SUBSCRIBE") headers.push("id:target");
  const content = body(about);
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return `${command}\n${headers.join("\n")}\n\n${text}\0`;
}

function connectFrame(headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ "accept-version": "1.2", host: "parley", ...headers });
  return `CONNECT\n${lines.map(([name, value]) => `${name}:${value}\n`).join("")}\n\0`;
}

/** Every frame that came, as the code of an ERROR or its command, until the connection ended. */
async function answersOverWebSocket(frames: readonly string[]): Promise<string[]> {
  const client = await RawClient.open(server.wsUrl);
  client.send(frames.join(""));
  await client.closed;
  return client.frames.map((frame) => frame.header("code") ?? frame.command);
}

/** As over WebSocket, by polling. */
async function answersOverSockJs(frames: string): Promise<string[]> {
  const session = `${server.url}/ws/000/${crypto.randomUUID()}`;
  const post = async (path: string, body = "") =>
    (await fetch(`${session}/${path}`, { method: "POST", body })).text();
  expect(await post("xhr")).toBe("o\n");
  await post("xhr_send", JSON.stringify([frames]));
  const codes: string[] = [];
  for (let answer = await post("xhr"); !answer.startsWith("c"); answer = await post("xhr")) {
    for (const message of JSON.parse(answer.slice(1))) {
      codes.push(/^code:(.*)$/m.exec(message)?.[1] ?? message);
    }
  }
  return codes;
}

/** Alice has got nothing since the last call but what she has just sent herself. */
async function expectAliceUnharmed(): Promise<void> {
  const before = alice.got("MESSAGE").length;
  await alice.confirmed("SEND", { destination: "/topic/staff/news" }, "marker");
  await alice.until("the marker", () => alice.got("MESSAGE").length > before);
  const got = alice.got("MESSAGE").map((frame) => frame.text());
  expect(got.slice(before)).toEqual(["marker"]);
}

describe("the targets are all that there are", () => {
  const source = (pattern: string) =>
    [...new Glob(pattern).scanSync(resolve(import.meta.dir, "../../src"))]
      .map((file) => readFileSync(resolve(import.meta.dir, "../../src", file), "utf8"))
      .join("\n");

  test("routes of the API", async () => {
    const { paths } = await (await fetch(`${server.url}/api/openapi.json`)).json();
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(Object(operations)).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const declared = source("http/*.ts").matchAll(
      /\bapi\.(get|post|put|patch|delete)\(\s*"([^"]+)"/g,
    );
    const others = [...declared].map(
      ([, method = "", route]) => `${method.toUpperCase()} ${route}`,
    );
    expect([...described, ...others].sort()).toEqual(
      HTTP_TARGETS.map(({ method, route }) => `${method} ${route}`).sort(),
    );
  });

  test("destinations of the application", () => {
    const declared = source("app/*router.ts").matchAll(/"(\/app\/[a-z.]+[a-z])\/?"/g);
    const attacked = new Set(
      STOMP_TARGETS.map(({ destination }) => destination(MISSING).replace("/nowhere", "")),
    );
    for (const [, destination = ""] of declared) {
      expect(attacked).toContain(destination);
      // Also by a transaction, which asks before it begins.
      expect(() =>
        assertKnownRoute(`${destination}/nowhere`.replace(/(?<!typing)\/nowhere$/, "")),
      ).not.toThrow();
    }
  });
});

describe.each(NOBODIES)("%s", (attacker, code) => {
  test.each(STOMP_TARGETS)("$name is refused at CONNECT", async (target) => {
    const frames = [connectFrame(headersOf(attacker)), frameOf(target, victim)];
    expect(await answersOverWebSocket(frames)).toEqual([code]);
  });

  test("over SockJS and TCP too", async () => {
    const frames =
      connectFrame(headersOf(attacker)) + STOMP_TARGETS.map((t) => frameOf(t, victim)).join("");
    const tcp = await TcpClient.open(server.tcpPort);
    tcp.send(frames);
    await tcp.closed;
    expect(tcp.frames.map((frame) => frame.header("code"))).toEqual([code]);
    expect(await answersOverSockJs(frames)).toEqual([code]);
  });

  test.each(HTTP_TARGETS.filter(({ by }) => by !== "anybody"))(
    "$method $route is refused",
    async (target) => {
      const answer = await ask(target, victim, headersOf(attacker));
      expect(answer.status).toBe(401);
      // A bearer token stands where an API key might.
      const isKey = target.by === "server";
      const expected = isKey && code !== "AUTHENTICATION_REQUIRED" ? "AUTHENTICATION_FAILED" : code;
      expect(answer.body).toMatchObject({ code: expected });
    },
  );

  test("and Alice saw nothing of it", expectAliceUnharmed);
});

describe("without a CONNECT", () => {
  test.each(STOMP_TARGETS)("$name is refused", async (target) => {
    expect(await answersOverWebSocket([frameOf(target, victim)])).toEqual(["NOT_CONNECTED"]);
  });
});

describe.each(STRANGERS)("%s", (attacker) => {
  test.each(STOMP_TARGETS)("$name is refused, or without effect", async (target) => {
    const answers = await answersOf(attacker, target, victim);
    const codes = answers.flatMap(({ code }) => (code === undefined ? [] : [code]));
    expect(codes).toEqual(target.code === null ? [] : [target.code]);
  });

  test.each(STOMP_TARGETS)("$name tells nothing of what is there", async (target) => {
    const [there, missing] = [
      await answersOf(attacker, target, victim),
      await answersOf(attacker, target, MISSING),
    ];
    expect(withoutIds(there, victim)).toEqual(withoutIds(missing, MISSING));
  });

  test.each(HTTP_TARGETS)("$method $route is refused, or about oneself", async (target) => {
    const { status, body } = await ask(target, victim, headersOf(attacker));
    if (target.code === null) {
      expect(status).toBeOneOf([200, 201, 204]);
      expect(JSON.stringify(body)).not.toContain("secrets");
      expect(JSON.stringify(body)).not.toContain(victim.messageId);
      expect(JSON.stringify(body)).not.toContain(victim.attachmentId);
      return;
    }
    expect(status).toBeOneOf([401, 403, 404]);
    expect(body).toMatchObject({ code: target.code });
    const missing = await ask(target, MISSING, headersOf(attacker));
    expect(withoutIds([body], victim)).toEqual(withoutIds([missing.body], MISSING));
  });

  test("and Alice saw nothing of it", expectAliceUnharmed);
});

describe("a page of another origin", () => {
  const headers = async (): Promise<Record<string, string>> => ({
    Authorization: `Bearer ${await tokenOf({ sub: "alice" })}`,
    Origin: "https://evil.example",
  });

  test.each(HTTP_TARGETS)("$method $route is refused", async (target) => {
    const answer = await ask(target, victim, await headers());
    expect([answer.status, answer.body]).toMatchObject([403, { code: "ORIGIN_FORBIDDEN" }]);
  });

  test.each(["/ws", "/ws/websocket", "/ws/000/s1/websocket"])(
    "a WebSocket on %s is refused",
    async (path) => {
      const handshake = {
        ...{ Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" },
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      };
      const answer = await fetch(server.url + path, {
        headers: { ...(await headers()), ...handshake },
      });
      expect(answer.status).toBe(403);
    },
  );

  test.each([
    ["POST", "xhr"],
    ["POST", "xhr_streaming"],
    ["POST", "xhr_send"],
    ["POST", "jsonp_send"],
    ["GET", "jsonp?c=callback"],
    ["GET", "eventsource"],
    ["GET", "htmlfile?c=callback"],
  ])("SockJS's %s %s is refused", async (method, transport) => {
    const answer = await fetch(`${server.url}/ws/000/s2/${transport}`, {
      ...{ method, headers: await headers() },
    });
    expect(answer.status).toBe(403);
  });
});

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string };
}

async function ask(
  { method, path, body }: HttpTarget,
  about: Victim,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const answer = await fetch(server.url + path(about), {
    ...{ method, headers, body: typeof body === "object" ? JSON.stringify(body) : (body ?? null) },
  });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

interface Event {
  readonly code?: string;
  readonly command?: string;
}

/** What a frame makes come, on all of the attacker's own queues, until a later one is answered. */
async function answersOf(attacker: string, target: StompTarget, about: Victim): Promise<Event[]> {
  const client = await signIn(headersOf(attacker));
  for (const queue of ["messages", "confirmations", "errors"]) {
    await client.confirmed("SUBSCRIBE", { id: queue, destination: `/user/queue/${queue}` });
  }
  client.send(frameOf(target, about));
  await client.confirmed("SUBSCRIBE", { id: "end", destination: "/user/queue/errors" });
  // What waits for the disk or for another turn comes before this, of the same kind, does.
  const sync = JSON.stringify({ conversations: { end: 0 } });
  await client.confirmed("SEND", { destination: "/app/chat.sync" }, sync);
  const isEnd = (text: string) => text.includes('"conversations":{"end"');
  await client.until("the end", () => client.got("MESSAGE").some((frame) => isEnd(frame.text())));
  // What is written elsewhere than messages may take longer.
  await client.until("the answer", () =>
    client.frames.some(
      (frame) => frame.header("receipt-id") === "r" || frame.text().includes('"code":'),
    ),
  );
  const events = client.got("MESSAGE").map((frame) => frame.text());
  const commands = client.frames.filter((frame) => frame.header("receipt-id") === "r");
  client.close();
  return [
    ...events.filter((text) => !isEnd(text)).map((text): Event => JSON.parse(text)),
    ...commands.map(({ command }) => ({ command })),
  ];
}

/** Ids that were asked for, and times, are the only things that may differ. */
function withoutIds(answers: readonly object[], { conversationId, messageId }: Victim): string {
  return JSON.stringify(answers)
    .replaceAll(conversationId, "{conversation}")
    .replaceAll(messageId, "{message}")
    .replace(/"timestamp":"[^"]+"/g, '"timestamp":"{time}"')
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "{new}");
}
