import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOORS, knock, letsIn, refuses } from "../support/doors.ts";
import {
  hmacToken,
  type Issuer,
  makeIssuer,
  secretToken,
  unsignedToken,
} from "../support/issuers.ts";
import { KeyEndpoint } from "../support/key-endpoint.ts";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";

const SECRET = "a secret of the tests, long enough for HS256";
const NOW = Math.floor(Date.now() / 1000);

let folder: string;
let endpoint: KeyEndpoint;
let server: ParleyProcess;
/** In the file. */
let rsa: Issuer;
let pss: Issuer;
/** At the endpoint. */
let ec: Issuer;
let ed: Issuer;
/** Of nobody that the server knows. */
let stranger: Issuer;
const used: string[] = [];

beforeAll(async () => {
  folder = temporaryDir();
  [rsa, pss, ec, ed, stranger] = await Promise.all([
    makeIssuer("RS256"),
    makeIssuer("PS256"),
    makeIssuer("ES256", "ec"),
    makeIssuer("EdDSA", "ed"),
    makeIssuer("ES256", "ec"),
  ]);
  const file = join(folder, "issuer.pem");
  writeFileSync(file, rsa.pem + pss.pem);
  endpoint = new KeyEndpoint([ec.jwk, ed.jwk]);
  server = await startParley({
    flags: ["--log-level", "trace"],
    env: {
      PARLEY_JWT_SECRET: SECRET,
      PARLEY_JWT_PUBLIC_KEY_FILE: file,
      PARLEY_JWT_JWKS_URL: endpoint.url,
      PARLEY_JWT_AUDIENCE: "chat",
      PARLEY_JWT_USER_ID_CLAIM: "user.id",
    },
  });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await endpoint.stop();
  rmSync(folder, { recursive: true });
});

function claims(id: unknown, others: Record<string, unknown> = {}) {
  return { user: { id }, aud: "chat", exp: NOW + 600, ...others };
}

function bearer(token: string) {
  used.push(token);
  return { connect: { Authorization: `Bearer ${token}` } };
}

describe.each(DOORS)("at the %s", (door) => {
  test("tokens by secret, by key file and by JWK set are accepted at once", async () => {
    const tokens = {
      hs: await secretToken(SECRET, claims("hs")),
      rs: await rsa.sign(claims("rs")),
      ps: await pss.sign(claims("ps")),
      es: await ec.sign(claims("es")),
      ed: await ed.sign(claims("ed")),
    };
    for (const [user, token] of Object.entries(tokens)) {
      expect(await knock(server, door, bearer(token))).toEqual(letsIn(door, user));
    }
  });

  test("forged tokens are refused", async () => {
    const admin = claims("admin");
    const forged = {
      unsigned: unsignedToken({ alg: "none" }, admin),
      "public key as a secret": hmacToken(rsa.pem, { alg: "HS256" }, admin),
      "JWK as a secret": hmacToken(JSON.stringify(ec.jwk), { alg: "HS256", kid: "ec" }, admin),
      "another secret": await secretToken("another secret that is long enough too", admin),
      "another algorithm": await secretToken(SECRET.repeat(2), admin, "HS512"),
      "another's key": await stranger.sign(admin),
      "a key of its own": await stranger.sign(admin, { jwk: stranger.jwk }),
      "an address of its own": await stranger.sign(admin, { jku: endpoint.url, x5u: endpoint.url }),
      "an unknown kid": await stranger.sign(admin, { kid: "../../dev/null" }),
      "an unknown extension": hmacToken(SECRET, { alg: "HS256", crit: ["x"], x: 1 }, admin),
      "another audience": await secretToken(SECRET, { ...admin, aud: "shop" }),
      "not yet valid": await secretToken(SECRET, { ...admin, nbf: NOW + 600 }),
      "no user": await secretToken(SECRET, { sub: "admin", aud: "chat" }),
      "no id": await secretToken(SECRET, claims("a/b")),
      nonsense: "nonsense",
    };
    for (const [name, token] of Object.entries(forged)) {
      const answer = await knock(server, door, bearer(token));
      expect([name, answer]).toEqual([name, refuses(door, "AUTHENTICATION_FAILED")]);
    }
    const expired = await ec.sign(claims("alice", { exp: NOW - 600 }));
    expect(await knock(server, door, bearer(expired))).toEqual(refuses(door, "TOKEN_EXPIRED"));
  });

  test("nobody else is let in", async () => {
    for (const knocking of [
      {},
      { connect: { "X-User-Id": "admin" } },
      { request: { "X-User-Id": "admin" } },
      { request: { cookie: `token=${await secretToken(SECRET, claims("admin"))}` } },
    ]) {
      expect(await knock(server, door, knocking)).toEqual(refuses(door, "AUTHENTICATION_REQUIRED"));
    }
  });
});

test("tokens with ever new kids do not make the server fetch", async () => {
  const before = endpoint.requests;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const token = await stranger.sign(claims("admin"), { kid: crypto.randomUUID() });
    await knock(server, "api", bearer(token));
  }
  expect(endpoint.requests).toBe(before);
});

test("while the issuer's keys were never had, clients are told to come again", async () => {
  const down = new KeyEndpoint([ec.jwk]);
  down.fail();
  const waiting = await startParley({
    env: { PARLEY_JWT_JWKS_URL: down.url, PARLEY_JWT_JWKS_COOLDOWN_MS: "1000" },
  });
  const knocking = bearer(await ec.sign({ sub: "alice" }));
  for (const door of DOORS) {
    expect(await knock(waiting, door, knocking)).toEqual(
      refuses(door, "AUTHENTICATION_UNAVAILABLE", 1013),
    );
  }
  const response = await fetch(`${waiting.url}/api/conversations`, { headers: knocking.connect });
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).not.toBeNull();
  expect(waiting.log()).toContain("The issuer's keys (jwt.jwks_url) cannot be fetched");
  expect(await waiting.stop()).toBe(0);
  await down.stop();
});

test("no token reaches the log", () => {
  const log = server.log();
  expect(used.length).toBeGreaterThan(50);
  expect(used.filter((token) => token.length > 20 && log.includes(token))).toEqual([]);
  const signatures = used
    .map((token) => token.split(".")[2] ?? "")
    .filter(({ length }) => length > 20);
  expect(signatures.filter((signature) => log.includes(signature))).toEqual([]);
});
