import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { JwtVerifier } from "../../src/auth/jwt-verifier.ts";
import type { Principal } from "../../src/auth/principal.ts";
import { CookieAuthenticator, type SignedCookie } from "../../src/auth/session-cookie.ts";
import { credentials } from "../support/credentials.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { hmacToken, secretToken, unsignedToken } from "../support/issuers.ts";
import { refusalOf } from "../support/refusal.ts";
import { expressCookie, sign } from "../support/signed-cookies.ts";

const clock = new FakeClock(Date.UTC(2026, 5, 1));
const NOW = clock.now();
const SECRET = "the secret that signs cookies now";
const FORMER = "the secret that signed them before";
const JWT_SECRET = "the secret that signs JWTs, another";

const verifier = new JwtVerifier({
  ...{ algorithms: ["HS256"], secret: Buffer.from(JWT_SECRET), publicKeys: [] },
  ...{ leewayMs: 0, requireExpiry: false, clock },
  claims: { userId: "sub", name: "name", roles: "roles" },
});

function authenticate(cookie: string | undefined, signed: Partial<SignedCookie> = {}) {
  const authenticator = new CookieAuthenticator({
    jwt: { name: "jwt", verifier },
    signed: { name: "user", secrets: [SECRET, FORMER], requireExpiry: false, ...signed },
    clock,
  });
  const requestHeaders = cookie === undefined ? {} : { cookie };
  return authenticator.authenticate(credentials({ requestHeaders }));
}

function refused(cookie: string, signed: Partial<SignedCookie> = {}): Promise<string> {
  return refusalOf(() => authenticate(cookie, signed));
}

describe("a cookie with a JWT", () => {
  test("names the user, and is told to be a cookie", async () => {
    const token = await secretToken(JWT_SECRET, { sub: "alice", name: "Alice", jti: "t" });
    expect(await authenticate(`theme=dark; jwt=${token}`)).toMatchObject({
      ...{ userId: "alice", name: "Alice", tokenId: "t", byCookie: true },
    });
  });

  test("that is forged or over is refused", async () => {
    const expired = await secretToken(JWT_SECRET, { sub: "a", exp: NOW / 1000 - 1 });
    expect(await refused(`jwt=${expired}`)).toBe("TOKEN_EXPIRED");
    for (const token of [
      hmacToken(SECRET, { alg: "HS256" }, { sub: "a" }),
      unsignedToken({ alg: "none" }, { sub: "a" }),
      "nonsense",
    ]) {
      expect(await refused(`jwt=${token}`)).toBe("AUTHENTICATION_FAILED");
    }
  });
});

describe("a signed cookie", () => {
  const document = {
    userId: "alice",
    name: "Alice",
    roles: ["admin"],
    issuedAt: NOW - 60_000,
    expiresAt: new Date(NOW + 60_000).toISOString(),
    tokenId: "session-1",
  };
  const expected: Principal = {
    userId: "alice",
    name: "Alice",
    roles: ["admin"],
    issuedMs: NOW - 60_000,
    expiresMs: NOW + 60_000,
    tokenId: "session-1",
    byCookie: true,
  };
  const json = JSON.stringify(document);
  const base64url = Buffer.from(json).toString("base64url");
  const padded = `${json}.${createHmac("sha256", SECRET).update(json).digest("base64")}`;
  const urlSafe = `${json}.${createHmac("sha256", SECRET).update(json).digest("base64url")}`;

  test.each([
    ["as Express sends an object", expressCookie(document, SECRET)],
    ["without Express's prefixes, as Fastify does it", encodeURIComponent(sign(json, SECRET))],
    ["with padding, as Hono does it", encodeURIComponent(padded)],
    ["with a base64url signature", encodeURIComponent(urlSafe)],
    ["with its JSON in base64url", `s:${sign(base64url, SECRET)}`],
    ["by a former secret", expressCookie(document, FORMER)],
  ])("%s names the user", async (_, value) => {
    expect(await authenticate(`user=${value}`)).toEqual(expected);
  });

  test("may name a user by a number, and nothing else", async () => {
    expect(await authenticate(`user=${expressCookie({ userId: 42 }, SECRET)}`)).toMatchObject({
      ...{ userId: "42", name: "42", roles: [], issuedMs: null, expiresMs: null, byCookie: true },
    });
  });

  test.each([
    ["by another secret", expressCookie(document, "a secret that is none of the two of them")],
    ["by an empty secret", expressCookie(document, "")],
    ["by the secret of JWTs", expressCookie(document, JWT_SECRET)],
    ["without a signature", encodeURIComponent(`s:j:${json}`)],
    ["with an empty signature", encodeURIComponent(`s:j:${json}.`)],
    ["with half a signature", expressCookie(document, SECRET).slice(0, -20)],
    ["with a longer signature", `${expressCookie(document, SECRET)}AA`],
    ["whose value was changed", expressCookie(document, SECRET).replace("alice", "admin")],
    ["that names a user plainly", `s:${sign("alice", SECRET)}`],
    ["of another purpose, such as a session's id", `s:${sign(crypto.randomUUID(), SECRET)}`],
    ["without a userId", expressCookie({ user: "alice" }, SECRET)],
    ["with an empty userId", expressCookie({ userId: "" }, SECRET)],
    ["with a userId that is none", expressCookie({ userId: "a/b" }, SECRET)],
    ["with roles that are none", expressCookie({ userId: "a", roles: "admin" }, SECRET)],
    ["with a time that is none", expressCookie({ userId: "a", expiresAt: "soon" }, SECRET)],
    ["that is a list", expressCookie(["alice"], SECRET)],
    ["that is broken JSON", `s:${sign("j:{", SECRET)}`],
    ["that breaks percent encoding", "%E0%A4%A"],
    ["that is a dot", "."],
    ["that is only a signature", sign("", SECRET)],
  ])("%s is refused", async (_, value) => {
    expect(await refused(`user=${value}`)).toBe("AUTHENTICATION_FAILED");
  });

  test("is over at its end", async () => {
    const until = (expiresAt: unknown) =>
      `user=${expressCookie({ userId: "a", expiresAt }, SECRET)}`;
    expect(await refused(until(NOW))).toBe("TOKEN_EXPIRED");
    expect(await refused(until(new Date(NOW - 1).toISOString()))).toBe("TOKEN_EXPIRED");
    expect(await authenticate(until(NOW + 1))).toMatchObject({ expiresMs: NOW + 1 });
  });

  test("may be asked for an end", async () => {
    const requireExpiry = true;
    const forGood = `user=${expressCookie({ userId: "a" }, SECRET)}`;
    expect(await refused(forGood, { requireExpiry })).toBe("AUTHENTICATION_FAILED");
    const value = `user=${expressCookie(document, SECRET)}`;
    expect(await authenticate(value, { requireExpiry })).toEqual(expected);
  });

  test("of which there are two counts as the first of them", async () => {
    const good = expressCookie(document, SECRET);
    expect(await authenticate(`user=${good}; user=forged`)).toEqual(expected);
    expect(await refused(`user=forged; user=${good}`)).toBe("AUTHENTICATION_FAILED");
  });
});

test("no cookie, or one by another name, is nobody's", async () => {
  for (const cookie of [
    undefined,
    "",
    "theme=dark",
    "user=",
    `User=${expressCookie({ userId: "a" }, SECRET)}`,
  ]) {
    expect(await authenticate(cookie)).toBeNull();
  }
});

test("a header of CONNECT is no cookie", async () => {
  const authenticator = new CookieAuthenticator({
    ...{ jwt: null, clock },
    signed: { name: "user", secrets: [SECRET], requireExpiry: false },
  });
  const cookie = `user=${expressCookie({ userId: "a" }, SECRET)}`;
  const given = credentials({ headers: { cookie, Cookie: cookie } });
  expect(await authenticator.authenticate(given)).toBeNull();
});
