import { describe, expect, test } from "bun:test";
import type { Credentials } from "../../src/auth/authenticator.ts";
import { JwtAuthenticator } from "../../src/auth/jwt.ts";
import { JwtVerifier, type JwtVerifierOptions } from "../../src/auth/jwt-verifier.ts";
import type { Principal } from "../../src/auth/principal.ts";
import { PublicKeys } from "../../src/auth/public-keys.ts";
import type { PublicKeyAlgorithm, SecretAlgorithm } from "../../src/config.ts";
import { bearer, credentials } from "../support/credentials.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { hmacToken, makeIssuer, secretToken, unsignedToken } from "../support/issuers.ts";
import { refusalOf } from "../support/refusal.ts";

const clock = new FakeClock(Date.UTC(2026, 5, 1));
const NOW = clock.now() / 1000;
const SECRET = "a secret of these tests that is as long as even HS512 needs it: 64 bytes";
const CLAIMS = { userId: "sub", name: "name", roles: "roles" };

type Options = Partial<JwtVerifierOptions> & { readonly leavesOpaqueTokens?: boolean };

function authenticator(options: Options = {}): JwtAuthenticator {
  const { leavesOpaqueTokens = false, ...others } = options;
  const verifier = new JwtVerifier({
    ...{ algorithms: ["HS256"], secret: Buffer.from(SECRET), publicKeys: [] },
    ...{ leewayMs: 30_000, requireExpiry: false, claims: CLAIMS, clock },
    ...others,
  });
  return new JwtAuthenticator({ verifier, leavesOpaqueTokens });
}

function accepted(token: string, options: Options = {}): Promise<Principal | null> {
  return authenticator(options).authenticate(bearer(token));
}

function refused(token: string, options: Options = {}): Promise<string> {
  return refusalOf(() => accepted(token, options));
}

describe("a token by secret", () => {
  test.each<SecretAlgorithm>(["HS256", "HS384", "HS512"])("%s is accepted", async (algorithm) => {
    const token = await secretToken(SECRET, { sub: "alice" }, algorithm);
    expect(await accepted(token, { algorithms: [algorithm] })).toMatchObject({ userId: "alice" });
  });

  test("may stand in Authorization or in passcode, and nobody is named without one", async () => {
    const token = await secretToken(SECRET, { sub: "alice" });
    const call = (given: Credentials) => authenticator().authenticate(given);
    for (const headers of [{ Authorization: `bearer  ${token}` }, { passcode: token }]) {
      expect(await call(credentials({ headers }))).toMatchObject({ userId: "alice" });
    }
    for (const headers of [{}, { passcode: "" }, { Authorization: "Basic YTpi" }]) {
      expect(await call(credentials({ headers }))).toBeNull();
    }
    expect(
      await call(credentials({ requestHeaders: { authorization: `Bearer ${token}` } })),
    ).toBeNull();
  });

  test("says who, when and until when", async () => {
    const claims = { sub: "u1", name: "Ursula", iat: NOW - 60, exp: NOW + 60, jti: "t-1" };
    expect(await accepted(await secretToken(SECRET, claims))).toEqual({
      userId: "u1",
      name: "Ursula",
      roles: [],
      issuedMs: (NOW - 60) * 1000,
      expiresMs: (NOW + 60) * 1000,
      tokenId: "t-1",
      byCookie: false,
    });
  });

  test("by another secret, or another algorithm than the list has, is refused", async () => {
    const other = await secretToken("another secret, long enough for HS256", { sub: "alice" });
    expect(await refused(other)).toBe("AUTHENTICATION_FAILED");
    const hs512 = await secretToken(SECRET, { sub: "alice" }, "HS512");
    expect(await refused(hs512)).toBe("AUTHENTICATION_FAILED");
  });

  test("with a part that was changed is refused", async () => {
    const [head = "", claims = "", signature = ""] = (
      await secretToken(SECRET, { sub: "alice" })
    ).split(".");
    const forged = Buffer.from('{"sub":"admin"}').toString("base64url");
    const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    for (const token of [
      `${head}.${forged}.${signature}`,
      `${head}.${claims}.${flipped}`,
      `${head}.${claims}.`,
      `${head}.${claims}.${signature}.`,
      `${head}..${signature}`,
      `.${claims}.${signature}`,
      "..",
      "nonsense",
    ]) {
      expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
    }
  });

  test("larger than any token is refused before it is looked at", async () => {
    const token = await secretToken(SECRET, { sub: "alice", padding: "x".repeat(16_384) });
    expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
  });
});

describe("a token by public key", () => {
  test.each<PublicKeyAlgorithm>([
    ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
    ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
  ])("%s is accepted, and by another key refused", async (algorithm) => {
    const issuer = await makeIssuer(algorithm);
    const stranger = await makeIssuer(algorithm);
    const options = {
      algorithms: [algorithm],
      secret: null,
      publicKeys: [PublicKeys.of([issuer.jwk])],
    };
    expect(await accepted(await issuer.sign({ sub: "a" }), options)).toMatchObject({ userId: "a" });
    expect(await refused(await stranger.sign({ sub: "a" }), options)).toBe("AUTHENTICATION_FAILED");
  });

  test("and others by secret are accepted at once, each by its own algorithms", async () => {
    const issuer = await makeIssuer("ES256");
    const options: Options = {
      algorithms: ["HS256", "ES256"],
      publicKeys: [PublicKeys.of([issuer.jwk])],
    };
    expect(await accepted(await issuer.sign({ sub: "a" }), options)).toMatchObject({ userId: "a" });
    const bySecret = await secretToken(SECRET, { sub: "b" });
    expect(await accepted(bySecret, options)).toMatchObject({ userId: "b" });
  });

  test("names its key by kid, or may be by any", async () => {
    const first = await makeIssuer("ES256", "first");
    const second = await makeIssuer("ES256", "second");
    const options: Options = {
      ...{ algorithms: ["ES256"], secret: null },
      publicKeys: [PublicKeys.of([first.jwk, second.jwk])],
    };
    const sub = "a";
    expect(await accepted(await second.sign({ sub }), options)).toMatchObject({ userId: sub });
    const without = await second.sign({ sub }, { kid: undefined });
    expect(await accepted(without, options)).toMatchObject({ userId: sub });
    const wrong = await second.sign({ sub }, { kid: "first" });
    expect(await refused(wrong, options)).toBe("AUTHENTICATION_FAILED");
  });

  test.each([
    "../../../../dev/null",
    "' OR '1'='1",
    "__proto__",
    "first\u0000",
    "",
    "x".repeat(8_000),
    "http://127.0.0.1:9/key",
  ])("finds no key by the kid %p", async (kid) => {
    const issuer = await makeIssuer("ES256", "first");
    const options: Options = {
      ...{ algorithms: ["ES256"], secret: null },
      publicKeys: [PublicKeys.of([issuer.jwk])],
    };
    expect(await refused(await issuer.sign({ sub: "a" }, { kid }), options)).toBe(
      "AUTHENTICATION_FAILED",
    );
  });

  test.each([[5], [null], [{}], [["first"]]])(
    "is refused with the kid %p, which is no text",
    async (kid) => {
      const token = hmacToken(SECRET, { alg: "HS256", kid }, { sub: "a" });
      expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
    },
  );
});

describe("forged heads", () => {
  test.each(["none", "None", "NONE", "nOnE", "", "HS257", "hs256", "HS256 "])(
    "alg %p is refused, with a signature and without",
    async (alg) => {
      for (const signature of ["", "AAAA"]) {
        const token = unsignedToken({ alg }, { sub: "admin" }, signature);
        expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
      }
      expect(await refused(hmacToken(SECRET, { alg }, { sub: "admin" }))).toBe(
        "AUTHENTICATION_FAILED",
      );
    },
  );

  test.each([[undefined], [null], [["HS256"]], [{ HS256: 1 }], [256]])(
    "alg %p is refused",
    async (alg) => {
      const token = hmacToken(SECRET, { alg }, { sub: "admin" });
      expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
    },
  );

  test("an issuer's public key is no secret, in whatever form it is taken for one", async () => {
    const issuer = await makeIssuer("RS256", "k");
    const options: Options = {
      algorithms: ["HS256", "RS256"],
      publicKeys: [PublicKeys.of([issuer.jwk])],
    };
    const pem = issuer.pem;
    const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
    for (const key of [pem, pem.trim(), `${pem.trim()}\n`, der, JSON.stringify(issuer.jwk)]) {
      for (const head of [
        { alg: "HS256" },
        { alg: "HS256", kid: "k" },
        { alg: "RS256", kid: "k" },
      ]) {
        const token = hmacToken(key, head, { sub: "admin" });
        expect(await refused(token, options)).toBe("AUTHENTICATION_FAILED");
      }
    }
    const byKeysAlone: Options = { ...options, algorithms: ["RS256"], secret: null };
    expect(await refused(hmacToken(pem, { alg: "HS256" }, { sub: "admin" }), byKeysAlone)).toBe(
      "AUTHENTICATION_FAILED",
    );
  });

  test("an empty secret signs nothing where there is none", async () => {
    const issuer = await makeIssuer("ES256");
    const options: Options = {
      ...{ algorithms: ["HS256", "ES256"], secret: null },
      publicKeys: [PublicKeys.of([issuer.jwk])],
    };
    for (const key of ["", "\0", "undefined", "null"]) {
      const token = hmacToken(key, { alg: "HS256" }, { sub: "admin" });
      expect(await refused(token, options)).toBe("AUTHENTICATION_FAILED");
    }
  });

  test("a key that the token brings along verifies nothing, and no address in it is asked", async () => {
    let asked = 0;
    const attacker = await makeIssuer("ES256", "k");
    const server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1" },
      fetch() {
        asked += 1;
        return Response.json({ keys: [attacker.jwk] });
      },
    });
    const url = server.url.href;
    const issuer = await makeIssuer("ES256", "k");
    const options: Options = {
      ...{ algorithms: ["ES256"], secret: null },
      publicKeys: [PublicKeys.of([issuer.jwk])],
    };
    for (const head of [
      { jwk: attacker.jwk },
      { jku: url },
      { x5u: url },
      { jku: url, x5u: url, jwk: attacker.jwk, kid: url },
    ]) {
      expect(await refused(await attacker.sign({ sub: "admin" }, head), options)).toBe(
        "AUTHENTICATION_FAILED",
      );
    }
    const genuine = await issuer.sign({ sub: "alice" }, { jku: url, jwk: attacker.jwk });
    expect(await accepted(genuine, options)).toMatchObject({ userId: "alice" });
    await server.stop(true);
    expect(asked).toBe(0);
  });

  test.each([
    { crit: ["x"], x: 1 },
    { crit: ["exp"], exp: 1 },
    { crit: [] },
    { crit: "b64" },
    { crit: ["alg"] },
    { crit: ["b64"], b64: false },
  ])("%j asks for what is not understood, and is refused", async (head) => {
    const token = hmacToken(SECRET, { alg: "HS256", ...head }, { sub: "admin" });
    expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
  });

  test.each(["null", "[]", "5", '"HS256"', "{", "\u0000"])(
    "a head that is %p is refused",
    async (head) => {
      const [, claims, signature] = hmacToken(SECRET, { alg: "HS256" }, { sub: "a" }).split(".");
      const token = `${Buffer.from(head).toString("base64url")}.${claims}.${signature}`;
      expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
    },
  );
});

describe("claims", () => {
  const withClaims = async (claims: Record<string, unknown>, options: Options = {}) =>
    accepted(await secretToken(SECRET, { sub: "alice", ...claims }), options);
  const refusedWith = (claims: Record<string, unknown>, options: Options = {}) =>
    refusalOf(() => withClaims(claims, options));

  test("exp is honoured, with leeway for clocks that differ", async () => {
    expect(await refusedWith({ exp: NOW - 31 })).toBe("TOKEN_EXPIRED");
    const late = await withClaims({ exp: NOW - 29 });
    expect(late?.expiresMs).toBe((NOW + 1) * 1000);
    expect((await withClaims({ exp: NOW + 1 }))?.expiresMs).toBe((NOW + 1) * 1000);
  });

  test("exp that is no number is refused, and one beyond all dates is the last", async () => {
    expect(await refusedWith({ exp: "tomorrow" })).toBe("AUTHENTICATION_FAILED");
    expect((await withClaims({ exp: 1e300 }))?.expiresMs).toBe(8.64e15);
  });

  test("exp may be asked for", async () => {
    expect((await withClaims({}))?.expiresMs).toBeNull();
    expect(await refusedWith({}, { requireExpiry: true })).toBe("AUTHENTICATION_FAILED");
    expect(await withClaims({ exp: NOW + 1 }, { requireExpiry: true })).not.toBeNull();
  });

  test("nbf is honoured, with leeway", async () => {
    expect(await refusedWith({ nbf: NOW + 31 })).toBe("AUTHENTICATION_FAILED");
    expect(await withClaims({ nbf: NOW + 29 })).not.toBeNull();
  });

  test("aud and iss must fit where they are set", async () => {
    const options: Options = { audience: "chat", issuer: "https://id.example" };
    const good = { aud: "chat", iss: "https://id.example" };
    expect(await withClaims(good, options)).not.toBeNull();
    expect(await withClaims({ ...good, aud: ["shop", "chat"] }, options)).not.toBeNull();
    for (const claims of [
      { ...good, aud: "shop" },
      { ...good, aud: undefined },
      { ...good, iss: "https://id.example.evil" },
      { ...good, iss: undefined },
    ]) {
      expect(await refusedWith(claims, options)).toBe("AUTHENTICATION_FAILED");
    }
  });

  test.each([
    ["an array", ["admin", "editor"]],
    ["separated by spaces", "admin  editor"],
    ["an array with what is no text", ["admin", 5, null, "", "editor"]],
  ])("roles may be %s", async (_, roles) => {
    expect((await withClaims({ roles }))?.roles).toEqual(["admin", "editor"]);
  });

  test.each([[5], [null], [{ admin: true }], [""]])("roles that are %j are none", async (roles) => {
    expect((await withClaims({ roles }))?.roles).toEqual([]);
  });

  test("id, name and roles may be other claims, within objects too", async () => {
    const claims = {
      userId: "user.id",
      name: "preferred_username",
      roles: "realm_access.roles",
    };
    const given = {
      user: { id: 42 },
      preferred_username: "Ursula",
      realm_access: { roles: ["member"] },
    };
    expect(await withClaims(given, { claims })).toMatchObject({
      userId: "42",
      name: "Ursula",
      roles: ["member"],
    });
  });

  test("a claim whose own name has dots is found by it", async () => {
    const claims = { ...CLAIMS, roles: "https://app.example/roles" };
    const given = { "https://app.example/roles": ["member"] };
    expect((await withClaims(given, { claims }))?.roles).toEqual(["member"]);
  });

  test.each(["toString", "constructor.name", "__proto__", "realm.missing.id", "sub.length"])(
    "%s is no claim, and names nobody",
    async (userId) => {
      const claims = { ...CLAIMS, userId };
      expect(await refusedWith({ realm: {} }, { claims })).toBe("AUTHENTICATION_FAILED");
    },
  );

  test.each([
    [undefined],
    [null],
    [""],
    [{}],
    [["alice"]],
    [1.5],
    ["a/b"],
    ["a b"],
    ["*"],
    ["a\nb"],
    ["x".repeat(129)],
  ])("the id %p is refused", async (sub) => {
    expect(await refusedWith({ sub })).toBe("AUTHENTICATION_FAILED");
  });
});

describe("a token that is no JWT", () => {
  test.each(["opaque", "1|Qm9iQm9i", "a.b", "a.b.c", "v4.public.abc", "a.b.c.d.e"])(
    "%s is left to another authenticator if there is one, else refused",
    async (token) => {
      expect(await accepted(token, { leavesOpaqueTokens: true })).toBeNull();
      expect(await refused(token)).toBe("AUTHENTICATION_FAILED");
    },
  );

  test("is not one that only lacks its signature", async () => {
    const token = unsignedToken({ alg: "none" }, { sub: "admin" });
    expect(await refused(token, { leavesOpaqueTokens: true })).toBe("AUTHENTICATION_FAILED");
  });
});
