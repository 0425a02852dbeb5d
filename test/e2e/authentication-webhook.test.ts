import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { AppEndpoint } from "../support/app-endpoint.ts";
import { DOORS, knock, letsIn, refuses } from "../support/doors.ts";
import { secretToken, unsignedToken } from "../support/issuers.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { TcpClient } from "../support/tcp-client.ts";

const JWT_SECRET = "a secret of the tests, long enough for HS256";
const SECRET = "the secret that signs calls of the webhook";

let app: AppEndpoint;
let server: ParleyProcess;

beforeAll(async () => {
  app = new AppEndpoint();
  server = await startParley({
    flags: ["--log-level", "trace", "--tcp-port", "0"],
    env: {
      PARLEY_JWT_SECRET: JWT_SECRET,
      PARLEY_WEBHOOK_URL: `${app.url}who`,
      PARLEY_WEBHOOK_SECRET: SECRET,
      HTTP_PROXY: "http://127.0.0.1:1", // Nobody is there: the call must go by itself.
    },
  });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await app.stop();
});

beforeEach(() => {
  app.asked.length = 0;
  app.answer = () => Response.json({ userId: "alice", name: "Alice" });
});

describe.each(DOORS)("at the %s", (door) => {
  test("the app says who connects, by the cookie", async () => {
    const knocking = { request: { cookie: "sid=a-session-of-the-app" } };
    expect(await knock(server, door, knocking)).toEqual(letsIn(door, "alice"));
    const [asked] = app.asked;
    expect(asked?.headers.get("cookie")).toBe("sid=a-session-of-the-app");
    expect(JSON.parse(asked?.body ?? "")).toEqual({ address: "127.0.0.1" });
  });

  test("the app says who connects, by a token that is no JWT", async () => {
    const knocking = { connect: { Authorization: "Bearer 7|an-opaque-token-of-the-app" } };
    expect(await knock(server, door, knocking)).toEqual(letsIn(door, "alice"));
    const [asked] = app.asked;
    expect(asked?.headers.get("authorization")).toBe("Bearer 7|an-opaque-token-of-the-app");
    expect(JSON.parse(asked?.body ?? "")).toMatchObject({ token: "7|an-opaque-token-of-the-app" });
  });

  test("the app can tell that it is the server that asks", async () => {
    await knock(server, door, { request: { cookie: "sid=1" } });
    const [asked] = app.asked;
    const signature = asked?.headers.get("x-parley-signature") ?? "";
    const seconds = /^t=(\d+),/.exec(signature)?.[1];
    const hmac = createHmac("sha256", SECRET).update(`${seconds}.${asked?.body}`).digest("hex");
    expect(signature).toBe(`t=${seconds},v1=${hmac}`);
  });

  test("a JWT is not the app's to judge", async () => {
    const good = {
      connect: { Authorization: `Bearer ${await secretToken(JWT_SECRET, { sub: "j" })}` },
    };
    expect(await knock(server, door, good)).toEqual(letsIn(door, "j"));
    const token = unsignedToken({ alg: "none" }, { sub: "admin" });
    const forged = { connect: { Authorization: `Bearer ${token}` } };
    expect(await knock(server, door, forged)).toEqual(refuses(door, "AUTHENTICATION_FAILED"));
    expect(app.asked).toEqual([]);
  });

  test("whom the app does not know is refused", async () => {
    for (const status of [401, 403]) {
      app.answer = () => new Response(null, { status });
      const knocking = { request: { cookie: "sid=forged" } };
      expect(await knock(server, door, knocking)).toEqual(refuses(door, "AUTHENTICATION_FAILED"));
    }
    app.answer = () => Response.json({ userId: "alice", expiresAt: Date.now() - 1 });
    const over = { request: { cookie: "sid=old" } };
    expect(await knock(server, door, over)).toEqual(refuses(door, "TOKEN_EXPIRED"));
  });

  test("nobody is not asked about", async () => {
    for (const knocking of [{}, { connect: { "X-User-Id": "admin" } }]) {
      expect(await knock(server, door, knocking)).toEqual(refuses(door, "AUTHENTICATION_REQUIRED"));
    }
    expect(app.asked).toEqual([]);
  });

  test("an answer that says nothing lets nobody in, and clients come again", async () => {
    const location = `${app.url}login`;
    const answers = [
      () => Response.json({ id: "admin" }),
      () => new Response("<html>", { status: 200 }),
      () => new Response(null, { status: 302, headers: { location } }),
    ];
    for (const answer of answers) {
      app.answer = answer;
      const knocking = { request: { cookie: "sid=1" } };
      expect(await knock(server, door, knocking)).toEqual(
        refuses(door, "AUTHENTICATION_UNAVAILABLE", 1013),
      );
    }
    expect(app.asked).toHaveLength(answers.length);
  });
});

test("a page that only * lets in shows tokens, and not the password that its browser adds", async () => {
  const open = await startParley({
    flags: ["--http-allowed-origins=*", "--webhook-forward-headers=authorization"],
    env: { PARLEY_WEBHOOK_URL: `${app.url}who` },
  });
  const by = (authorization: string) =>
    knock(open, "websocket", { request: { origin: "https://evil.example", authorization } });
  expect(await by("Basic YWxpY2U6cHc=")).toEqual(refuses("websocket", "AUTHENTICATION_REQUIRED"));
  expect(await by("Bearer opaque")).toEqual(letsIn("websocket", "alice"));
  expect(await open.stop()).toBe(0);
});

test("over TCP, where there is no cookie, the app says who connects by the password", async () => {
  const client = await TcpClient.open(server.tcpPort);
  client.send("CONNECT\naccept-version:1.2\nlogin:billing\npasscode:its-password\n\n\0");
  expect((await client.frame("CONNECTED")).header("user-name")).toBe("alice");
  expect(JSON.parse(app.asked[0]?.body ?? "")).toEqual({
    ...{ address: "127.0.0.1", login: "billing", token: "its-password" },
  });
  client.socket.destroy();
  await client.closed;
});

test("neither cookies nor tokens reach the log", () => {
  const log = server.log();
  expect(log).toContain("The webhook's answer is none");
  for (const word of [
    "its-password",
    "a-session-of-the-app",
    "an-opaque-token-of-the-app",
    "sid=",
    SECRET,
    app.url,
  ]) {
    expect(log).not.toContain(word);
  }
});

describe("an app that is down", () => {
  let alone: ParleyProcess;

  beforeEach(async () => {
    const gone = new AppEndpoint();
    const { url } = gone;
    await gone.stop();
    alone = await startParley({
      env: {
        PARLEY_WEBHOOK_URL: url,
        PARLEY_WEBHOOK_FAILURES: "2",
        PARLEY_WEBHOOK_PAUSE_MS: "3600000",
      },
    });
  });

  afterEach(async () => {
    expect(await alone.stop()).toBe(0);
  });

  test("lets nobody in, at any door, and is left alone after some failures", async () => {
    const knocking = { request: { cookie: "sid=1" } };
    for (const door of [...DOORS, ...DOORS]) {
      expect(await knock(alone, door, knocking)).toEqual(
        refuses(door, "AUTHENTICATION_UNAVAILABLE", 1013),
      );
    }
    const failures = alone.log().match(/The webhook does not answer/g);
    expect(failures).toHaveLength(2);
    expect(alone.log()).toContain("The webhook keeps failing");
  });
});
