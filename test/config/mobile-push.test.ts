import { describe, expect, test } from "bun:test";
import { loadSettings } from "../../src/config.ts";

function load(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings;
}

test("nothing is sent to phones unless there is a key", () => {
  const { fcm, apns } = load();
  expect(fcm.serviceAccountFile).toBeUndefined();
  expect(apns.keyFile).toBeUndefined();
});

describe("apns", () => {
  const all = {
    "--apns-key-file": "AuthKey.p8",
    "--apns-key-id": "ABC123DEFG",
    "--apns-team-id": "DEF123GHIJ",
    "--apns-topic": "com.example.chat",
  };
  const flags = Object.entries(all).map(([flag, value]) => `${flag}=${value}`);

  test("needs all that says whose key it is", () => {
    expect(load(...flags).apns).toMatchObject({ keyId: "ABC123DEFG", environment: "production" });
    for (const missing of flags) {
      const name = missing.slice(2, missing.indexOf("=")).replace("-", ".").replaceAll("-", "_");
      const rest = flags.filter((flag) => flag !== missing);
      expect(() => load(...rest)).toThrow(`${name} is not set (default); expected a value`);
    }
  });

  test.each(["--apns-key-id=abc123defg", "--apns-team-id=DEF123", "--apns-topic=com/example"])(
    "does not take %s",
    (wrong) => {
      const [flag = ""] = wrong.split("=");
      const rest = flags.filter((other) => !other.startsWith(flag));
      expect(() => load(...rest, wrong)).toThrow(/^apns\.\w+ is "/);
    },
  );
});

describe.each(["fcm", "apns"])("%s.endpoint", (group) => {
  test.each([
    "https://push.example",
    "https://push.example:2197/",
    "http://127.0.0.1:9000",
    "http://[::1]:9000",
    "http://localhost:9000",
  ])("may be %s", (url) => {
    expect(load(`--${group}-endpoint=${url}`)).toMatchObject({ [group]: { endpoint: url } });
  });

  test.each([
    "http://push.example",
    "http://127.0.0.1.example:9000",
    "https://push.example/v1",
    "https://push.example?x",
    "https://ann@push.example",
    "ftp://localhost",
    "push.example",
  ])("is not %s", (url) => {
    expect(() => load(`--${group}-endpoint=${url}`)).toThrow(
      `${group}.endpoint is "${url}" (from --${group}-endpoint); expected an https URL without a path, or an http one of this machine.`,
    );
  });
});
