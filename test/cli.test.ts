import { describe, expect, test } from "bun:test";
import packageJson from "../package.json" with { type: "json" };
import { describeSettings } from "../src/config.ts";
import { run } from "./support/cli-harness.ts";

describe("help and version", () => {
  test.each(["help", "--help", "serve --help", "-h"])("%s lists all", async (words) => {
    const { done, stdout } = run(words.split(" "));
    expect(await done).toBe(0);
    for (const { flag, description } of describeSettings()) {
      expect(stdout()).toContain(`  ${flag}`);
      expect(stdout()).toContain(description);
    }
    for (const command of [
      ...["serve", "token", "backup", "restore", "migrate", "health", "status", "version", "help"],
      ...["keys", "notices dead", "notices replay", "webhooks replay"],
    ]) {
      expect(stdout()).toMatch(new RegExp(`^ {2}${command}`, "m"));
    }
  });

  test("help comes even when the settings are wrong", async () => {
    expect(await run(["serve", "--port=x", "--help"]).done).toBe(0);
  });

  test.each(["version", "--version"])("%s tells Parley's and Bun's", async (word) => {
    const { done, stdout } = run([word]);
    expect(await done).toBe(0);
    expect(stdout()).toBe(`parley ${packageJson.version} (bun ${Bun.version})\n`);
  });
});

describe("a command line that is not understood exits with 2", () => {
  test.each([
    [["sevre"], "sevre is not a command. Did you mean serve?"],
    [["toString"], "toString is not a command."],
    [["serve", "now"], "serve takes no argument now."],
    [["--prot=1"], "--prot is not a flag. Did you mean --port?"],
    [["serve", "--user", "ada"], "--user is not a flag."],
    [["token"], "token needs --user ID"],
    [["token", "--user", "ada", "--expires", "soon"], '--expires is "soon"'],
    [["token", "--user", "ada", "--expires", "0h"], '--expires is "0h"'],
    [["backup"], "backup needs FILE, the path of the backup."],
    [["backup", ""], "backup needs FILE"],
    [["backup", "a.db", "b.db"], "backup takes no argument b.db."],
    [["backup", "a.db", "--force=yes"], "--force takes no value."],
    [["backup", "a.db", "--forse"], "--forse is not a flag. Did you mean --force?"],
    [["restore"], "restore needs FILE"],
    [["restore", "a.db", "--force"], "--force is not a flag."],
    [["migrate"], "migrate needs --from sqlite:FILE."],
    [
      ["migrate", "--from", "sqlite:", "--to", "postgres://db/p"],
      "migrate needs --from sqlite:FILE",
    ],
    [
      ["migrate", "--from", "old.db", "--to", "postgres://db/p"],
      "migrate needs --from sqlite:FILE",
    ],
    [["migrate", "--from", "sqlite:a.db"], "migrate needs --to postgres://…, or database.url"],
    [["migrate", "--from", "sqlite:a.db", "--to", "sqlite:b.db"], "--to is no URL of PostgreSQL"],
    [["migrate", "--from", "postgres://db/p", "--to", "sqlite:b.db"], "and not the other way"],
    [["migrate", "a.db"], "migrate takes no argument a.db."],
    [["health", "--port=0"], "health needs --url"],
    [["health", "--url", "nowhere"], "--url is no URL"],
    [["status", "--port=0"], "status needs --url"],
    [["notices"], "notices needs what is to be done: dead, or replay."],
    [["notices", "forget"], "notices needs what is to be done: dead, or replay."],
    [["notices", "dead", "one"], "notices dead lists all, and takes no ID."],
    [["notices", "dead", "--all"], "notices dead lists all, and takes no ID."],
    [["notices", "replay"], "notices replay needs --all, or the ID of each"],
    [["notices", "replay", "--all", "one"], "notices replay needs --all, or the ID of each"],
    [["notices", "replay", "--all", "--json"], "notices replay takes no --json."],
    [["notices", "dead", "--port=0"], "notices needs --url"],
    [["webhooks"], "webhooks needs what is to be done: replay."],
    [["webhooks", "replay", "all"], "webhooks takes no argument all."],
    [["webhooks", "replay"], "webhooks replay needs --from TIME"],
    [["webhooks", "replay", "--from", "yesterday"], "webhooks replay needs --from TIME"],
    [["webhooks", "replay", "--from=2026-01-31T18:00:00Z", "--port=0"], "webhooks needs --url"],
  ])("%j", async (argv, message) => {
    const { done, stdout, stderr } = run(argv);
    expect(await done).toBe(2);
    expect(stderr()).toContain(message);
    expect(stderr()).toEndWith("See parley help.\n");
    expect(stdout()).toBe("");
  });
});
