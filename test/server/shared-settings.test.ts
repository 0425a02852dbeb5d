import { describe, expect, test } from "bun:test";
import { loadSettings } from "../../src/config.ts";
import { sharedSettings } from "../../src/server/shared-settings.ts";

const SECRET = "s".repeat(32);
const FILES = { identity: () => ({ store: "a folder", linkSecret: SECRET }) };

function settingsOf(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings;
}

/** In what they differ. */
function between(...[one, other]: [string[], string[]]): string[] {
  const [first, second] = [one, other].map((argv) => sharedSettings(settingsOf(...argv), null));
  return [...(first ?? [])]
    .filter(([name, digest]) => second?.get(name) !== digest)
    .map(([name]) => name);
}

describe("what all nodes must have alike", () => {
  test.each([
    ["jwt.secret", [`--jwt-secret=${SECRET}`], [`--jwt-secret=${SECRET}!`]],
    ["jwt.secret", [], [`--jwt-secret=${SECRET}`]],
    ["api.keys", [`--api-keys=${SECRET}`], [`--api-keys=${SECRET},${SECRET}!`]],
    ["access.rules", ["--access-rules=/topic/a all everyone"], []],
    ["fcm.service_account_file", ["--fcm-service-account-file=/a.json"], []],
    ["outbound.allow", ["--outbound-allow=10.0.0.7"], []],
    ["presence.visible_to", ["--presence-visible-to=contacts"], ["--presence-visible-to=nobody"]],
  ])("is told apart: %s", (name, one, other) => {
    expect(between(one, other)).toEqual([name]);
  });

  test("is the same in another order, and whatever is a node's own differs", () => {
    const [one, other] = [`${SECRET}1`, `${SECRET}2`];
    expect(
      between(
        [`--api-keys=${one},${other}`, "--port=1", "--fcm-service-account-file=/a.json"],
        [`--api-keys=${other},${one}`, "--port=2", "--fcm-service-account-file=/b.json"],
      ),
    ).toEqual([]);
  });

  test("has the database among it, by whatever address it is reached", () => {
    const at = (url: string) => [`--database-url=postgres://ann:pw@${url}`];
    expect(between(at("one/chat"), at("two:7/chat?sslmode=disable"))).toEqual([]);
    expect(between(at("one/chat"), at("one/other"))).toEqual(["database.url"]);
    expect(between(at("one/chat"), at("one/chat?schema=other"))).toEqual(["database.url"]);
    expect(between(at("one/chat"), [])).toEqual(["database.url"]);
  });

  test("has files among it, where they are shared", () => {
    const settings = settingsOf();
    const names = ["attachments.store", "attachments.link_secret"];
    const digests = sharedSettings(settings, FILES);
    expect([...digests.keys()].slice(-2)).toEqual(names);
    expect([...sharedSettings(settings, null).keys()]).not.toContain("attachments.store");
    const elsewhere = { identity: () => ({ store: "another folder", linkSecret: SECRET }) };
    const others = sharedSettings(settings, elsewhere);
    const differing = names.filter((name) => others.get(name) !== digests.get(name));
    expect(differing).toEqual(["attachments.store"]);
  });

  test("is named as in the documentation", async () => {
    const documented = await Bun.file("docs/configuration.md").text();
    for (const name of sharedSettings(settingsOf(), FILES).keys()) {
      expect(documented).toContain(`| \`${name}\``);
    }
  });

  test("goes out as no more than 16 bits of a secret", () => {
    for (const digest of sharedSettings(settingsOf(`--jwt-secret=${SECRET}`), FILES).values()) {
      expect(digest).toBeLessThan(2 ** 16);
    }
  });
});
