import { describe, expect, test } from "bun:test";
import { run } from "../support/cli-harness.ts";

describe("keys vapid", () => {
  test("prints a pair that the server takes, to be pasted into an environment file", async () => {
    const { done, stdout, stderr } = run(["keys", "vapid"]);
    expect(await done).toBe(0);
    expect(stderr()).toBe("");
    const lines = stdout().trimEnd().split("\n");
    const env = Object.fromEntries(
      lines.filter((line) => !line.startsWith("#")).map((line) => line.split("=", 2)),
    );
    expect(Object.keys(env)).toEqual(["PARLEY_WEBPUSH_PUBLIC_KEY", "PARLEY_WEBPUSH_PRIVATE_KEY"]);
    const subject = { PARLEY_WEBPUSH_SUBJECT: "mailto:operator@chat.example" };
    const again = run(["keys", "vapid", "--json"], { env: { ...env, ...subject } });
    expect(await again.done).toBe(0);
    const other = JSON.parse(again.stdout());
    expect(Object.keys(other)).toEqual(["publicKey", "privateKey"]);
    expect(other.publicKey).not.toBe(env.PARLEY_WEBPUSH_PUBLIC_KEY);
  });

  test("is asked for by its whole name", async () => {
    for (const argv of [["keys"], ["keys", "rsa"]]) {
      const { done, stderr } = run(argv);
      expect(await done).toBe(2);
      expect(stderr()).toContain("keys needs what they are for: keys vapid.");
    }
  });
});
