import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { generatedPages } from "../docs/generate.ts";
import { describeSettings } from "../src/config.ts";
import { ERRORS } from "../src/errors.ts";

const DOCS = join(import.meta.dir, "..", "docs");

function committed(name: string): Promise<string> {
  return Bun.file(join(DOCS, name)).text();
}

describe("the generated references", () => {
  test.each([...generatedPages()])("%s is up to date (npm run docs)", async (name, text) => {
    expect(await committed(name)).toBe(text);
  });

  test("errors.md has every code", async () => {
    const page = await committed("errors.md");
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`\n| \`${code}\` `);
  });

  test("configuration.md has every setting under each of its names", async () => {
    const page = await committed("configuration.md");
    for (const { name, flag, variable, standardVariable = variable } of describeSettings()) {
      expect(page).toContain(`\n| \`${name}\` `);
      expect(page).toContain(`\`${standardVariable}\``);
      expect(page).toContain(` | \`${flag}\`<br>\`${variable}\` `);
    }
  });
});
