import { afterAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { readServiceAccount } from "../../src/notify/service-account.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FcmEndpoint } from "../support/fcm-endpoint.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
const google = new FcmEndpoint(new FakeClock());
afterAll(async () => {
  folder[Symbol.dispose]();
  await google.stop();
});

test("a key file says who sends, and where tokens are got", () => {
  const { token_uri, ...account } = google.account;
  expect(readServiceAccount(google.keyFile(folder.path, account))).toMatchObject({
    ...{ clientEmail: account.client_email, projectId: account.project_id },
    ...{ privateKeyId: account.private_key_id, tokenUri: "https://oauth2.googleapis.com/token" },
  });
  const { private_key_id, ...older } = google.account;
  expect(readServiceAccount(google.keyFile(folder.path, older))).toMatchObject({
    ...{ privateKeyId: null, tokenUri: token_uri },
  });
});

describe("a key file is refused", () => {
  const refusal = (account: unknown) => {
    return () => readServiceAccount(google.keyFile(folder.path, account));
  };
  const keyOf = (type: "rsa" | "ec") => {
    const { privateKey } =
      type === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 1_024 })
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    return privateKey.export({ type: "pkcs8", format: "pem" });
  };

  test("that is not there", () => {
    const open = () => readServiceAccount(folder.file("none.json"));
    expect(open).toThrow(/^fcm\.service_account_file: .+none\.json cannot be read \(ENOENT/);
  });

  test("that is not JSON", () => {
    expect(refusal("-----BEGIN")).toThrow(/\.json is not JSON\.$/);
  });

  test("that is none of a service account", () => {
    const { private_key, project_id, ...rest } = google.account;
    expect(refusal(rest)).toThrow(
      /is no key file of a Google service account, by its private_key, project_id\.$/,
    );
    expect(refusal({ ...rest, private_key, project_id, type: "authorized_user" })).toThrow(
      /by its type\.$/,
    );
    expect(refusal([])).toThrow(/is no key file of a Google service account\.$/);
  });

  test("whose tokens would be got without TLS", () => {
    const token_uri = "http://oauth2.example/token";
    expect(refusal({ ...google.account, token_uri })).toThrow(/by its token_uri\.$/);
  });

  test("whose key cannot be read, and nothing of it is said", () => {
    const private_key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    expect(refusal({ ...google.account, private_key })).toThrow(
      /^fcm\.service_account_file: \S+ holds no private key in PEM that can be read\.$/,
    );
  });

  test("whose key is none for RS256", () => {
    for (const type of ["rsa", "ec"] as const) {
      const account = { ...google.account, private_key: keyOf(type) };
      expect(refusal(account)).toThrow(/no RSA key of 2048 bits or more\.$/);
    }
  });
});
