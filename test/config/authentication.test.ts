import { describe, expect, test } from "bun:test";
import {
  authenticationOrder,
  checkStartAllowed,
  jwtAlgorithms,
  loadSettings,
  startWarnings,
} from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const JWT = ["--jwt-secret", SECRET];
const COOKIE = ["--cookie-signed-name=user", "--cookie-secrets", SECRET];
const WEBHOOK = ["--webhook-url=http://127.0.0.1:3000/who"];
const PROXY = ["--trusted-header-proxies=10.0.0.0/8"];
const ORIGINS = "--http-allowed-origins=*";

function load(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings;
}

function refusal(...argv: string[]): string {
  try {
    checkStartAllowed(load(...argv));
  } catch (fault) {
    if (fault instanceof AppError && fault.code === "INVALID_CONFIGURATION") return fault.message;
    throw fault;
  }
  return "not refused";
}

describe("the order of the methods", () => {
  test("is that of those that are configured", () => {
    expect(authenticationOrder(load())).toEqual(["development"]);
    expect(authenticationOrder(load(...JWT))).toEqual(["jwt"]);
    expect(authenticationOrder(load(...PROXY, ...WEBHOOK, ...COOKIE, ...JWT))).toEqual([
      ...(["jwt", "cookie", "webhook", "trusted-header"] as const),
    ]);
    expect(authenticationOrder(load(...JWT, "--insecure-trust-user-id"))).toEqual([
      ...(["jwt", "development"] as const),
    ]);
  });

  test("may be another, and may leave some out", () => {
    const order = "--authentication-order=webhook,jwt";
    const settings = load(...JWT, ...COOKIE, ...WEBHOOK, order);
    expect(authenticationOrder(settings)).toEqual(["webhook", "jwt"]);
    expect(refusal(...JWT, ...COOKIE, ...WEBHOOK, order)).toBe("not refused");
  });

  test.each([
    ["jwt", "needs jwt.secret"],
    ["cookie", "needs cookie.jwt_name or cookie.signed_name"],
    ["webhook", "needs webhook.url"],
    ["trusted-header", "needs trusted_header.proxies"],
  ])("has no %s that is not configured", (method, reason) => {
    const message = refusal(`--authentication-order=${method}`);
    expect(message).toContain(`authentication.order has ${method}, which ${reason}`);
  });

  test("has no development beside a better one, unless the operator insists", () => {
    const order = "--authentication-order=jwt,development";
    expect(refusal(...JWT, order)).toContain(
      "has development, which is for a server without another",
    );
    expect(refusal(...JWT, order, "--insecure-trust-user-id")).toBe("not refused");
  });

  test("has a method once, and no other word", () => {
    expect(refusal(...JWT, "--authentication-order=jwt,jwt")).toContain("stands there once");
    expect(() => load("--authentication-order=password")).toThrow("authentication.order");
  });
});

describe("an address that other machines reach", () => {
  const exposed = "--host=0.0.0.0";

  test.each([
    ["a JWT secret", JWT],
    ["a public key", ["--jwt-public-key-file=key.pem"]],
    ["a JWK set", ["--jwt-jwks-url=https://id.example/jwks.json"]],
    ["a signed cookie", COOKIE],
    ["a cookie with a JWT", ["--cookie-jwt-name=session", ...JWT]],
    ["a webhook", WEBHOOK],
    ["an authenticating proxy", PROXY],
  ])("may be listened on with %s", (_, argv) => {
    expect(refusal(exposed, ...argv)).toBe("not refused");
  });

  test("may not without, and the message names every way", () => {
    const message = refusal(exposed);
    for (const way of [
      ...["jwt.public_key_file", "jwt.jwks_url", "cookie.jwt_name", "cookie.signed_name"],
      ...["webhook.url", "trusted_header.proxies", "PARLEY_JWT_SECRET"],
    ]) {
      expect(message).toContain(way);
    }
  });
});

describe("pages of every origin", () => {
  test.each([
    ["a session cookie", COOKIE, "a session cookie"],
    ["a webhook that gets cookies", WEBHOOK, "webhook.forward_headers"],
    [
      "a webhook that gets cookies by another spelling",
      [...WEBHOOK, "--webhook-forward-headers=Cookie"],
      "webhook.forward_headers",
    ],
    ["an authenticating proxy", PROXY, "trusted_header.proxies"],
  ])("do not go with %s", (_, argv, reason) => {
    const message = refusal(ORIGINS, ...argv);
    expect(message).toContain("every page that a user visits could act as the user");
    expect(message).toContain(reason);
  });

  test.each([
    ["tokens", JWT],
    ["a webhook that gets tokens only", [...WEBHOOK, "--webhook-forward-headers=authorization"]],
    ["a webhook that gets no header", [...WEBHOOK, "--webhook-forward-headers="]],
    ["a cookie that is left out of the order", [...JWT, ...COOKIE, "--authentication-order=jwt"]],
  ])("go with %s", (_, argv) => {
    expect(refusal(ORIGINS, ...argv)).toBe("not refused");
  });
});

describe("keys of JWTs", () => {
  const publicKey = "--jwt-public-key-file=key.pem";

  test("bring the algorithms that they are for", () => {
    expect(jwtAlgorithms(load(...JWT).jwt)).toEqual(["HS256"]);
    expect(jwtAlgorithms(load(publicKey).jwt)).toEqual([
      ...(["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] as const),
    ]);
    expect(jwtAlgorithms(load(...JWT, publicKey, "--jwt-algorithms=ES384,HS256").jwt)).toEqual([
      ...(["HS256", "ES384"] as const),
    ]);
  });

  test.each([
    ["HS256", 32],
    ["HS384", 48],
    ["HS512", 64],
  ])("%s needs a secret of %d bytes", (algorithm, bytes) => {
    const withSecret = (length: number) =>
      load(`--jwt-algorithms=${algorithm}`, `--jwt-secret=${"s".repeat(length)}`);
    expect(() => withSecret(bytes)).not.toThrow();
    expect(() => withSecret(bytes - 1)).toThrow(
      `at least ${bytes} bytes, which ${algorithm} needs`,
    );
  });

  test("a secret may be written in base64, and is as long as what it stands for", () => {
    const base64 = (bytes: number) => Buffer.alloc(bytes, 255).toString("base64");
    const withSecret = (secret: string) =>
      load(`--jwt-secret=${secret}`, "--jwt-secret-encoding=base64");
    expect(() => withSecret(base64(32))).not.toThrow();
    expect(() => withSecret(base64(31))).toThrow("at least 32 bytes");
    expect(() => withSecret(`${base64(32)}!`)).toThrow("base64");
  });

  test.each([
    [
      "HS256",
      [publicKey, "--jwt-algorithms=HS256,RS256"],
      "a secret, since jwt.algorithms has HS256",
    ],
    ["RS256", [...JWT, "--jwt-algorithms=HS256,RS256"], "a file, or a jwt.jwks_url"],
    ["the secret", [...JWT, publicKey, "--jwt-algorithms=RS256"], "since there is a jwt.secret"],
    ["the key", [...JWT, publicKey, "--jwt-algorithms=HS256"], "of public keys too"],
    ["none", [...JWT, "--jwt-algorithms=none"], "jwt.algorithms"],
  ])("and algorithms fit together: %s", (_, argv, reason) => {
    expect(() => load(...argv)).toThrow(reason);
  });

  test("are needed for a cookie with a JWT", () => {
    expect(refusal("--cookie-jwt-name=session")).toContain("cookie.jwt_name needs jwt.secret");
  });

  test.each(["ftp://id.example/jwks", "id.example", "https://user:password@id.example/jwks"])(
    "are not fetched from %s",
    (url) => expect(() => load(`--jwt-jwks-url=${url}`)).toThrow("jwt.jwks_url"),
  );
});

test("keys and users asked for over a network without TLS are warned of", () => {
  expect(startWarnings(load())).toEqual([]);
  expect(startWarnings(load(...WEBHOOK))).toEqual([]);
  expect(startWarnings(load("--webhook-url=https://app.example/who"))).toEqual([]);
  const [webhook, jwks, ...others] = startWarnings(
    load("--webhook-url=http://app:3000/who?key=s", "--jwt-jwks-url=http://id:8080/jwks"),
  );
  expect(webhook).toStartWith("webhook.url is no https URL");
  expect(webhook).not.toContain("app:3000");
  expect(jwks).toStartWith("jwt.jwks_url is no https URL");
  expect(others).toEqual([]);
});

test("a signed cookie needs its secrets, and secrets their cookie", () => {
  expect(() => load("--cookie-signed-name=user")).toThrow("cookie.secrets");
  expect(() => load("--cookie-secrets", SECRET)).toThrow("cookie.signed_name");
  expect(() => load("--cookie-signed-name=user", "--cookie-secrets=short")).toThrow(
    "cookie.secrets",
  );
});

test.each(["Host", "content-length", "transfer-encoding", "X-Parley-Signature", "bad name", "a:b"])(
  "the webhook gets no header %s",
  (name) => {
    expect(() => load(...WEBHOOK, `--webhook-forward-headers=${name}`)).toThrow("forward_headers");
  },
);

test.each(["proxy.example", "10.0.0.0/33", "*"])("%s is no address of a proxy", (proxy) => {
  expect(() => load(`--trusted-header-proxies=${proxy}`)).toThrow("trusted_header.proxies");
});
