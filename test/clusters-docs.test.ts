import { expect, test } from "bun:test";
import { checkStartAllowed, loadSettings } from "../src/config.ts";
import { sharedSettings } from "../src/server/shared-settings.ts";

const page = await Bun.file("docs/clusters.md").text();
const FILE = /```toml\n(# \/etc\/parley\/parley\.toml[^`]*)```/.exec(page)?.[1] ?? "";
/** What the files of secrets have, by what follows the name of each in the example. */
const SECRETS: Readonly<Record<string, string>> = {
  "/run/secrets/parley-database": "postgres://parley:PASSWORD@10.0.0.4/parley",
  "/run/secrets/parley-redis": "redis://:PASSWORD@10.0.0.5",
};

test("the file for all nodes is one that nodes start with", () => {
  const { settings } = loadSettings({
    ...{ argv: ["--config", "/etc/parley/parley.toml"], env: {}, cwd: "/" },
    readFile: (path) => {
      if (path.endsWith("parley.toml")) return FILE;
      return SECRETS[path] ?? "s".repeat(32);
    },
  });
  expect(() => checkStartAllowed(settings)).not.toThrow();
  expect(settings).toMatchObject({ backplane: "redis", attachments: { store: "s3" } });
  for (const url of Object.values(SECRETS)) expect(FILE).toContain(url);
});

test("the table of what all nodes have alike names all that is compared", () => {
  const { settings } = loadSettings({ argv: [], env: {}, cwd: "/", readFile: () => undefined });
  const files = { identity: () => ({ store: "", linkSecret: "" }) };
  const table = page.slice(page.indexOf("### What all nodes have alike"));
  for (const name of sharedSettings(settings, files).keys()) {
    const [section = ""] = name.split(".");
    const isNamed = [name, `${section}.*`].some((text) => table.includes(`\`${text}\``));
    expect([name, isNamed]).toEqual([name, true]);
  }
});
