import { expect, test } from "bun:test";
import { describeSettings, type Environment, loadSettings } from "../src/config.ts";

const SECRET = "a secret that is long enough for HS256";

interface Sources {
  readonly argv?: readonly string[];
  readonly env?: Environment;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ argv = [], env = {}, files = {} }: Sources) {
  const readFile = (path: string) => {
    if (path === "/run/secrets") throw new Error("EISDIR: it is a directory");
    return files[path];
  };
  return loadSettings({ argv, env, cwd: "/srv", readFile });
}

const files = { "/run/jwt": `${SECRET}\n` };

test.each([
  { argv: ["--jwt-secret-file=/run/jwt"], files },
  { env: { PARLEY_JWT_SECRET_FILE: "/run/jwt" }, files },
  { files: { ...files, "/srv/parley.toml": '[jwt]\nsecret_file = "/run/jwt"' } },
  { files: { "/srv/parley.toml": '[jwt]\nsecret_file = "jwt"', "/srv/jwt": `${SECRET}\r\n` } },
])("a secret is read from its file, however that is named: %p", (sources) => {
  const { settings, warnings } = load(sources);
  expect(settings.jwt.secret).toBe(SECRET);
  expect(warnings).toEqual([]);
});

test("every secret can come from a file, and nothing else", () => {
  for (const { name, variable, secret } of describeSettings()) {
    const env = { [`${variable}_FILE`]: "/run/none" };
    if (secret) expect(() => load({ env })).toThrow("there is no file /run/none");
    else if (!describeSettings().some((other) => other.variable === `${variable}_FILE`)) {
      expect(load({ env }).warnings.join()).toContain(`${variable}_FILE is not a setting`);
    }
    expect(name).not.toEndWith("_file_file");
  }
});

test("a list has an item a line", () => {
  const keys = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
  const { settings } = load({
    env: { PARLEY_API_KEYS_FILE: "/run/keys" },
    files: { "/run/keys": `${keys.join("\n")}\n` },
  });
  expect(settings.api.keys).toEqual(keys);
});

test("a stronger source wins; the same one twice is refused", () => {
  const env = { PARLEY_JWT_SECRET_FILE: "/run/jwt" };
  const toml = { "/srv/parley.toml": `[jwt]\nsecret = "the weaker one, also long enough for it"` };
  expect(load({ env, files: { ...files, ...toml } }).settings.jwt.secret).toBe(SECRET);
  const flag = ["--jwt-secret=the stronger one, also long enough for it"];
  expect(load({ argv: flag, env, files }).settings.jwt.secret).toStartWith("the stronger");
  expect(() => load({ env: { ...env, PARLEY_JWT_SECRET: SECRET }, files })).toThrow(
    "jwt.secret and jwt.secret_file are both given; expected one of them.",
  );
});

test.each([
  ["/run/none", "there is no file /run/none"],
  ["/run/secrets", "EISDIR"],
  ["/run/empty", "/run/empty is empty"],
])("a file that cannot be used is refused with its name: %s", (path, reason) => {
  const attempt = () =>
    load({ env: { PARLEY_JWT_SECRET_FILE: path }, files: { "/run/empty": "\n" } });
  expect(attempt).toThrow(`jwt.secret_file (from PARLEY_JWT_SECRET_FILE) cannot be used: `);
  expect(attempt).toThrow(reason);
});

test("a wrong secret from a file is refused without being told", () => {
  const attempt = () =>
    load({ env: { PARLEY_JWT_SECRET_FILE: "/run/jwt" }, files: { "/run/jwt": "too short" } });
  expect(attempt).toThrow("jwt.secret has a wrong value (from PARLEY_JWT_SECRET_FILE)");
  expect(attempt).not.toThrow("too short");
});
