import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkStartAllowed, loadSettings } from "../src/config.ts";
import { knock } from "./support/doors.ts";
import { startParley } from "./support/parley-process.ts";

const DOCS = join(import.meta.dir, "../docs");
const PAGE = readFileSync(join(DOCS, "authentication.md"), "utf8");
const SECRET = "the secret that signs calls of the webhook";

const children: Bun.Subprocess[] = [];

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

const configurations = [...PAGE.matchAll(/```toml\n([\s\S]*?)```/g)].map(([, toml = ""]) => toml);

test("the page has a configuration for each method", () => {
  for (const group of ["[jwt]", "[cookie]", "[webhook]", "[trusted_header]", "[authentication]"]) {
    expect(configurations.some((toml) => toml.includes(group))).toBe(true);
  }
});

test.each(configurations)("the configuration %j is accepted, on every address", (toml) => {
  const { settings } = loadSettings({
    ...{ argv: ["--host=0.0.0.0"], env: {}, cwd: "/srv" },
    readFile: (path) => (path === "/srv/parley.toml" ? toml : undefined),
  });
  expect(() => checkStartAllowed(settings)).not.toThrow();
});

test("the app with the webhook, as it stands, says who connects", async () => {
  const env = { PATH: process.env.PATH ?? "", PORT: "0", WEBHOOK_SECRET: SECRET };
  const example = join(DOCS, "examples/connect-webhook.mjs");
  const child = Bun.spawn(["node", example], { env, stdout: "pipe", stderr: "inherit" });
  children.push(child);
  const { value } = await child.stdout.getReader().read();
  const url = new TextDecoder().decode(value).trim();
  const start = (secret: string) =>
    startParley({ env: { PARLEY_WEBHOOK_URL: url, PARLEY_WEBHOOK_SECRET: secret } });

  const server = await start(SECRET);
  const byCookie = { request: { cookie: "lang=en; sid=a-session" } };
  expect(await knock(server, "websocket", byCookie)).toEqual({ user: "alice" });
  const byToken = { connect: { passcode: "a-session" } };
  expect(await knock(server, "websocket", byToken)).toEqual({ user: "alice" });
  const stranger = { request: { cookie: "sid=another" } };
  expect(await knock(server, "websocket", stranger)).toMatchObject({
    code: "AUTHENTICATION_FAILED",
  });
  expect(await server.stop()).toBe(0);

  const imposter = await start("another secret that signs the webhook's calls");
  expect(await knock(imposter, "websocket", byCookie)).toMatchObject({
    code: "AUTHENTICATION_UNAVAILABLE",
  });
  expect(await imposter.stop()).toBe(0);
});
