import { describe, expect, test } from "bun:test";
import { generateVAPIDKeys } from "web-push";
import { ConfigurationError, loadSettings } from "../../src/config.ts";

const { publicKey, privateKey } = generateVAPIDKeys();
const PAIR = { PUBLIC_KEY: publicKey, PRIVATE_KEY: privateKey };
const SUBJECT = "mailto:operator@chat.example";

type Variables = Readonly<Record<string, string>>;

function load(variables: Variables) {
  const env = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`PARLEY_WEBPUSH_${name}`, value]),
  );
  return loadSettings({ argv: [], env, cwd: "/srv", readFile: () => undefined }).settings.webpush;
}

function refusal(variables: Variables): string {
  try {
    load(variables);
  } catch (fault) {
    if (fault instanceof ConfigurationError) return fault.message;
    throw fault;
  }
  return "not refused";
}

test.each([SUBJECT, "https://chat.example/contact"])("a pair and %s are taken", (subject) => {
  expect(load({ ...PAIR, SUBJECT: subject })).toMatchObject({ publicKey, privateKey, subject });
});

test("without any there is no web push", () => {
  expect(load({}).publicKey).toBeUndefined();
});

describe("one alone is refused, and what is missing is named", () => {
  test.each([
    [{ PUBLIC_KEY: publicKey }, ["webpush.private_key", "webpush.subject"]],
    [{ PRIVATE_KEY: privateKey }, ["webpush.public_key", "webpush.subject"]],
    [{ SUBJECT }, ["webpush.public_key", "webpush.private_key"]],
    [PAIR, ["webpush.subject"]],
  ] as [Variables, string[]][])("%j", (variables, missing) => {
    const message = refusal(variables);
    for (const name of missing) expect(message).toMatch(new RegExp(`${name} (?:is|has).*together`));
  });
});

describe("what is no key is refused", () => {
  const point = Buffer.from(publicKey, "base64url");
  const beside = Buffer.from(point);
  beside[40] = (beside[40] ?? 0) ^ 1;
  const given = { ...PAIR, SUBJECT };
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

  test.each([
    ["a point that is too short", text(point.subarray(0, 64))],
    ["a point beside the curve", text(beside)],
    ["a compressed point", text(Buffer.concat([Buffer.of(2), point.subarray(1, 33)]))],
    ["base64 with padding", `${publicKey}=`],
    ["the private one", privateKey],
  ])("as public key: %s", (_, value) => {
    const message = refusal({ ...given, PUBLIC_KEY: value });
    expect(message).toContain("webpush.public_key is");
    expect(message).toContain("expected a point of P-256");
  });

  test.each([
    ["zero", text(new Uint8Array(32))],
    ["more than the curve has", text(new Uint8Array(32).fill(255))],
    ["too short", text(new Uint8Array(31).fill(1))],
    ["the public one", publicKey],
  ])("as private key, without printing it: %s", (_, value) => {
    const message = refusal({ ...given, PRIVATE_KEY: value });
    expect(message).toContain("webpush.private_key has a wrong value");
    expect(message).not.toContain(value);
  });

  test("as a pair: keys of two pairs", () => {
    const message = refusal({ ...given, PRIVATE_KEY: generateVAPIDKeys().privateKey });
    expect(message).toContain("expected the public key of webpush.private_key");
  });

  test.each([
    "operator@chat.example",
    "http://chat.example",
    "mailto:",
    "https://",
    "mailto:a b@c",
  ])("as subject: %s", (subject) => {
    expect(refusal({ ...PAIR, SUBJECT: subject })).toContain("expected a mailto: or https: URL");
  });
});
