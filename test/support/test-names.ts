import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { TemporaryFolder } from "./temporary-folder.ts";

const ROOT = resolve(import.meta.dir, "../..");

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};

/**
 * The full names (`describe > test`) of the tests in each file. The runner itself tells them, as
 * those that a filter has left out, so that names made by `test.each` are there as it makes them.
 */
export function testNames(files: readonly string[]): Map<string, string[]> {
  using folder = new TemporaryFolder();
  const report = folder.file("junit.xml");
  const options = ["--reporter=junit", `--reporter-outfile=${report}`];
  const run = Bun.spawnSync(
    [process.execPath, "test", "--test-name-pattern", "^no test at all$", ...options, ...files],
    { cwd: ROOT, stdout: "ignore", stderr: "pipe" },
  );
  if (!existsSync(report)) throw new Error(`No report was made: ${run.stderr.toString()}`);
  return namesIn(readFileSync(report, "utf8"));
}

/** Of a JUnit report as Bun writes it: suites within suites, the outermost being files. */
function namesIn(xml: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  const suites: string[] = [];
  for (const [tag, name] of xml.matchAll(/<\/?test(?:suite|case) ?(?:name="([^"]*)")?[^>]*>/g)) {
    if (tag === "</testsuite>") {
      suites.pop();
    } else if (name !== undefined) {
      const text = name.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
      if (tag.startsWith("<testsuite")) suites.push(text);
      else noteName(names, [...suites, text]);
    }
  }
  return names;
}

function noteName(names: Map<string, string[]>, [file = "", ...path]: readonly string[]): void {
  const known = names.get(file) ?? [];
  known.push(path.join(" > "));
  names.set(file, known);
}
