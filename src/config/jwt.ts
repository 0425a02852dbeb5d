import { z } from "zod";
import { boolean, choice, delayMs, list, optionalText, text } from "./setting.ts";

/** The bytes that a secret of an HMAC algorithm needs [RFC 7518 §3.2]. */
const SECRET_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;
const BY_SECRET = ["HS256", "HS384", "HS512"] as const;
const BY_PUBLIC_KEY = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
] as const;

export type SecretAlgorithm = (typeof BY_SECRET)[number];
export type PublicKeyAlgorithm = (typeof BY_PUBLIC_KEY)[number];
export type JwtAlgorithm = SecretAlgorithm | PublicKeyAlgorithm;

/** What `jwt.algorithms` is where it is not set. */
const USUAL_BY_SECRET = ["HS256"] as const;
const USUAL_BY_PUBLIC_KEY = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] as const;

export function isSecretAlgorithm(name: string): name is SecretAlgorithm {
  return BY_SECRET.some((known) => known === name);
}

function isPublicKeyAlgorithm(name: string): name is PublicKeyAlgorithm {
  return BY_PUBLIC_KEY.some((known) => known === name);
}

interface JwtKeySettings {
  readonly secret?: string | undefined;
  readonly secretEncoding: "text" | "base64";
  readonly publicKeyFile?: string | undefined;
  readonly jwksUrl?: string | undefined;
  readonly algorithms: readonly string[];
}

export function hasPublicKeys({ publicKeyFile, jwksUrl }: JwtKeySettings): boolean {
  return publicKeyFile !== undefined || jwksUrl !== undefined;
}

/** Those that tokens may be signed with: each fits a key that is configured. */
export function jwtAlgorithms(jwt: JwtKeySettings): readonly JwtAlgorithm[] {
  if (jwt.algorithms.length > 0) {
    return [
      ...jwt.algorithms.filter(isSecretAlgorithm),
      ...jwt.algorithms.filter(isPublicKeyAlgorithm),
    ];
  }
  return [
    ...(jwt.secret === undefined ? [] : USUAL_BY_SECRET),
    ...(hasPublicKeys(jwt) ? USUAL_BY_PUBLIC_KEY : []),
  ];
}

/** The bytes of `jwt.secret`; null: there is none. */
export function jwtSecret({ secret, secretEncoding }: JwtKeySettings): Buffer | null {
  return secret === undefined
    ? null
    : Buffer.from(secret, secretEncoding === "text" ? "utf8" : "base64");
}

/** User tokens. */
export const jwt = z
  .object({
    secret: optionalText(
      "The key of HS256, HS384 and HS512, by which issuer and server sign and verify user tokens.",
      {
        expected: "at least 32 bytes, which HS256 needs (`openssl rand -base64 32` makes some)",
        secret: true,
      },
    ),
    secretEncoding: choice(
      ["text", "base64"],
      "text",
      "How jwt.secret is written: its characters are the key (most libraries), or stand for it (jjwt).",
    ),
    publicKeyFile: optionalText(
      "A file with the issuer's public keys: PEM (one or several keys or certificates), a JWK or a JWK set.",
    ),
    jwksUrl: optionalText("Where the issuer publishes its public keys as a JWK set.", {
      accepts: isPlainUrl,
      expected: "a URL such as https://id.example/.well-known/jwks.json, without a password",
    }),
    jwksMaxAgeMs: delayMs(
      600_000,
      1_000,
      "How long keys of jwt.jwks_url are used before they are fetched again.",
    ),
    jwksStaleMs: delayMs(
      86_400_000,
      0,
      "How much longer they are used while they cannot be fetched again.",
    ),
    jwksCooldownMs: delayMs(
      30_000,
      1_000,
      "The shortest time between two fetches, however many tokens name keys that are not known.",
    ),
    jwksTimeoutMs: delayMs(5_000, 1, "The time that a fetch of the keys may take."),
    algorithms: list(
      "The algorithms that tokens may be signed with; without it HS256 by the secret, and RS256, PS256, ES256 and EdDSA by public keys.",
      {
        accepts: (name) => isSecretAlgorithm(name) || isPublicKeyAlgorithm(name),
        expected: `of ${[...BY_SECRET, ...BY_PUBLIC_KEY].join(", ")}`,
      },
    ),
    leewayMs: delayMs(30_000, 0, "How far the clocks of server and token issuer may differ."),
    audience: optionalText("The `aud` that a token must have; without it any will do."),
    issuer: optionalText("The `iss` that a token must have; without it any will do."),
    requireExpiry: boolean(false, "Refuse tokens without `exp`, which hold for good."),
    userIdClaim: text("sub", "The claim that is the user's id; dots lead into objects."),
    nameClaim: text("name", "The claim that is the user's name; dots lead into objects."),
    rolesClaim: text(
      "roles",
      "The claim that lists the user's roles, in an array or separated by spaces; dots lead into objects, such as realm_access.roles.",
    ),
  })
  .check(({ value, issues }) => {
    for (const { setting, expected } of keyProblems(value)) {
      issues.push({ code: "custom", input: value, path: [setting], message: expected });
    }
  });

/** Algorithms without a key, a key without an algorithm, and a secret that is too short. */
function* keyProblems(jwt: JwtKeySettings): Iterable<{ setting: string; expected: string }> {
  const algorithms = jwtAlgorithms(jwt);
  const bySecret = algorithms.filter(isSecretAlgorithm);
  const byPublicKey = algorithms.filter(isPublicKeyAlgorithm);
  const secret = jwtSecret(jwt);
  if (secret === null && bySecret.length > 0) {
    yield {
      setting: "secret",
      expected: `a secret, since jwt.algorithms has ${bySecret.join(", ")}`,
    };
  }
  if (secret !== null && bySecret.length === 0) {
    yield {
      setting: "algorithms",
      expected: "one of HS256, HS384, HS512 too, since there is a jwt.secret",
    };
  }
  if (!hasPublicKeys(jwt) && byPublicKey.length > 0) {
    const expected = `a file, or a jwt.jwks_url, since jwt.algorithms has ${byPublicKey.join(", ")}`;
    yield { setting: "publicKeyFile", expected };
  }
  if (hasPublicKeys(jwt) && byPublicKey.length === 0) {
    yield {
      setting: "algorithms",
      expected: "one of public keys too, such as RS256, since there are some",
    };
  }
  if (secret === null) return;
  const isBase64 = /^[\w+/-]+={0,2}$/.test(jwt.secret ?? "");
  if (jwt.secretEncoding === "base64" && !isBase64) {
    yield { setting: "secret", expected: "base64, as jwt.secret_encoding says" };
    return;
  }
  for (const algorithm of bySecret) {
    const bytes = SECRET_BYTES[algorithm];
    if (secret.length >= bytes) continue;
    const hint = `\`openssl rand -base64 ${bytes}\` makes some`;
    yield {
      setting: "secret",
      expected: `at least ${bytes} bytes, which ${algorithm} needs (${hint})`,
    };
    return;
  }
}

function isPlainUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username === "" && url.password === "";
}
