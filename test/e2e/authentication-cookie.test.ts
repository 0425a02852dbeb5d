import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DOORS, knock, letsIn, refuses } from "../support/doors.ts";
import { hmacToken, secretToken, unsignedToken } from "../support/issuers.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { expressCookie, sign } from "../support/signed-cookies.ts";

const JWT_SECRET = "the secret of the app's JWTs in cookies";
const SECRET = "the secret that signs cookies now";
const FORMER = "the secret that signed them before";

let server: ParleyProcess;
const used: string[] = [];

beforeAll(async () => {
  server = await startParley({
    flags: ["--log-level", "trace"],
    env: {
      PARLEY_JWT_SECRET: JWT_SECRET,
      PARLEY_COOKIE_JWT_NAME: "session",
      PARLEY_COOKIE_SIGNED_NAME: "user",
      PARLEY_COOKIE_SECRETS: `${SECRET},${FORMER}`,
    },
  });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

function cookie(name: string, value: string) {
  used.push(value);
  return { request: { cookie: `theme=dark; ${name}=${value}; lang=en` } };
}

describe.each(DOORS)("at the %s", (door) => {
  test("a JWT in a cookie, and a signed cookie, name the user", async () => {
    const jwt = await secretToken(JWT_SECRET, { sub: "j" });
    expect(await knock(server, door, cookie("session", jwt))).toEqual(letsIn(door, "j"));
    for (const secret of [SECRET, FORMER]) {
      const value = expressCookie({ userId: "s", expiresAt: Date.now() + 60_000 }, secret);
      expect(await knock(server, door, cookie("user", value))).toEqual(letsIn(door, "s"));
    }
  });

  test("a token that is sent on purpose comes before the cookie", async () => {
    const Authorization = `Bearer ${await secretToken(JWT_SECRET, { sub: "t" })}`;
    const value = expressCookie({ userId: "s" }, SECRET);
    const knocking = { ...cookie("user", value), connect: { Authorization } };
    expect(await knock(server, door, knocking)).toEqual(letsIn(door, "t"));
  });

  test("forged cookies are refused", async () => {
    const admin = { userId: "admin" };
    const forged = {
      unsigned: cookie("session", unsignedToken({ alg: "none" }, { sub: "admin" })),
      "by the other secret": cookie(
        "session",
        hmacToken(SECRET, { alg: "HS256" }, { sub: "admin" }),
      ),
      nonsense: cookie("session", "nonsense"),
      "signed by another": cookie(
        "user",
        expressCookie(admin, "a secret of somebody else entirely"),
      ),
      "not signed": cookie("user", encodeURIComponent(`s:j:${JSON.stringify(admin)}`)),
      changed: cookie("user", expressCookie({ userId: "alice" }, SECRET).replace("alice", "admin")),
      "a bare id": cookie("user", `s:${sign("admin", SECRET)}`),
    };
    for (const [name, knocking] of Object.entries(forged)) {
      const answer = await knock(server, door, knocking);
      expect([name, answer]).toEqual([name, refuses(door, "AUTHENTICATION_FAILED")]);
    }
    const over = expressCookie({ userId: "alice", expiresAt: Date.now() - 1 }, SECRET);
    expect(await knock(server, door, cookie("user", over))).toEqual(refuses(door, "TOKEN_EXPIRED"));
  });

  test("other cookies name nobody, and nor does a header of CONNECT", async () => {
    const value = expressCookie({ userId: "admin" }, SECRET);
    const other = cookie("other", value);
    expect(await knock(server, door, other)).toEqual(refuses(door, "AUTHENTICATION_REQUIRED"));
    if (door === "api") return;
    const inConnect = { connect: { cookie: `user=${value}`, Cookie: `user=${value}` } };
    expect(await knock(server, door, inConnect)).toEqual(refuses(door, "AUTHENTICATION_REQUIRED"));
  });
});

test("a page of another origin does not get in by its user's cookie", async () => {
  const value = expressCookie({ userId: "alice" }, SECRET);
  const request = { cookie: `user=${value}`, origin: "https://evil.example" };
  expect(await knock(server, "websocket", { request })).toMatchObject({ code: "nothing" });
  expect(await knock(server, "api", { request })).toEqual({ code: "ORIGIN_FORBIDDEN" });
  const opening = await fetch(`${server.url}/ws/000/evil/xhr`, {
    method: "POST",
    headers: request,
  });
  expect(opening.status).toBe(403);
});

test("no cookie reaches the log", () => {
  const log = server.log();
  expect(used.length).toBeGreaterThan(30);
  expect(used.filter((value) => value.length > 20 && log.includes(value))).toEqual([]);
});
