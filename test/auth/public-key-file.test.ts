import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { readPublicKeys } from "../../src/auth/public-key-file.ts";
import { AppError } from "../../src/errors.ts";
import { type Issuer, makeIssuer } from "../support/issuers.ts";

let folder: string;
let rsa: Issuer;
let ec: Issuer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-keys-"));
  rsa = await makeIssuer("RS256");
  ec = await makeIssuer("ES256", "ec");
});

afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const path = join(folder, `${crypto.randomUUID()}.key`);
  writeFileSync(path, text);
  return path;
}

/** Whether a key of the file verifies the issuer's signature. */
async function verifies(text: string, issuer: Issuer): Promise<boolean> {
  const token = await issuer.sign({ sub: "a" });
  const keys = await readPublicKeys(fileWith(text)).keysFor(issuer.algorithm, undefined);
  const results = await Promise.allSettled(keys.map((key) => jwtVerify(token, key)));
  return results.some(({ status }) => status === "fulfilled");
}

function refusal(path: string): string {
  try {
    readPublicKeys(path);
  } catch (fault) {
    if (fault instanceof AppError && fault.code === "INVALID_CONFIGURATION") return fault.message;
    throw fault;
  }
  return "not refused";
}

test("a PEM file holds one key, or several of different kinds", async () => {
  expect(await verifies(rsa.pem, rsa)).toBe(true);
  const both = `# the one in use\n${rsa.pem}\n# the next one\n${ec.pem}`;
  expect(await verifies(both, rsa)).toBe(true);
  expect(await verifies(both, ec)).toBe(true);
  expect(await verifies(rsa.pem, ec)).toBe(false);
});

test("a PEM file may hold an RSA key in its older form, or a certificate", async () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const older = publicKey.export({ type: "pkcs1", format: "pem" }).toString();
  expect(readPublicKeys(fileWith(older)).count).toBe(1);
  const certificate = join(import.meta.dir, "../fixtures/tls-cert.pem");
  expect(readPublicKeys(certificate).count).toBe(1);
});

test("a JSON file holds a key or a set", async () => {
  expect(await verifies(JSON.stringify(rsa.jwk), rsa)).toBe(true);
  const set = JSON.stringify({ keys: [rsa.jwk, ec.jwk] });
  expect(await verifies(set, rsa)).toBe(true);
  expect(await verifies(set, ec)).toBe(true);
});

test("keys for something else are left out", () => {
  const others = [{ ...rsa.jwk, use: "enc" }, { ...rsa.jwk, key_ops: ["sign"] }, { kty: "XYZ" }, 5];
  const path = fileWith(JSON.stringify({ keys: [...others, ec.jwk] }));
  expect(readPublicKeys(path).count).toBe(2);
});

test("a key is used with its own algorithm only", async () => {
  const path = fileWith(JSON.stringify({ ...rsa.jwk, alg: "PS256" }));
  const keys = readPublicKeys(path);
  expect(await keys.keysFor("PS256", undefined)).toHaveLength(1);
  expect(await keys.keysFor("RS256", undefined)).toEqual([]);
  expect(await keys.keysFor("ES256", undefined)).toEqual([]);
});

test("a private key is refused, without a word of it", () => {
  const pairs = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    generateKeyPairSync("ed25519").privateKey,
  ];
  for (const key of pairs) {
    const pem = key.export({ type: "pkcs8", format: "pem" }).toString();
    const jwk = JSON.stringify(key.export({ format: "jwk" }));
    const set = JSON.stringify({ keys: [rsa.jwk, key.export({ format: "jwk" })] });
    for (const text of [pem, `${rsa.pem}${pem}`, jwk, set]) {
      const message = refusal(fileWith(text));
      expect(message).toContain("private key");
      expect(message).not.toContain(pem.split("\n")[1] ?? "");
    }
  }
});

test("a secret is no public key", () => {
  expect(refusal(fileWith('{"kty":"oct","k":"c2VjcmV0"}'))).toContain("a secret");
});

test("a key that is too weak is refused", () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const weak = publicKey.export({ type: "spki", format: "pem" }).toString();
  expect(refusal(fileWith(weak))).toContain("2048 bits");
  expect(refusal(fileWith(JSON.stringify(publicKey.export({ format: "jwk" }))))).toContain("2048");
});

test.each([
  ["", "neither PEM nor JSON"],
  ["hello", "neither PEM nor JSON"],
  ["[]", "no JWK"],
  ['{"keys":[]}', "holds no public key"],
  ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key in PEM"],
  ["-----BEGIN PUBLIC KEY-----\nAAAA", "holds no public key"],
])("a file with %j is refused", (text, reason) => {
  expect(refusal(fileWith(text))).toContain(reason);
});

test("a file that is not there is refused by its name", () => {
  expect(refusal("/nowhere/keys.pem")).toContain("/nowhere/keys.pem cannot be read");
});
