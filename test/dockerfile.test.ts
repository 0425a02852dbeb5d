import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");

/** What the Dockerfile copies from the project. */
function copied(): string[] {
  const commands = read("Dockerfile").matchAll(/^COPY (?!--from)(.+)$/gm);
  return [...commands].flatMap(([, words = ""]) => words.split(" ").slice(0, -1));
}

test("the builder is sent each file and folder that the image is built from, and no other", () => {
  const [everything, ...rest] = read(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(everything).toBe("*");
  expect(rest.toSorted()).toEqual(
    copied()
      .map((name) => `!${name.replace(/^\.\//, "")}`)
      .toSorted(),
  );
});

test("what the image is built from is there", () => {
  for (const name of copied())
    expect({ name, isThere: existsSync(join(ROOT, name)) }).toEqual({ name, isThere: true });
});
