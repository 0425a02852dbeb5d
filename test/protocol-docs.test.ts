import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { testNames } from "./support/test-names.ts";

const DOCS = resolve(import.meta.dir, "..", "docs");
const PAGES = [...new Bun.Glob("{*-protocol,threats}.md").scanSync(DOCS)].sort();

interface Row {
  readonly line: number;
  readonly text: string;
  readonly references: readonly Reference[];
}

interface Reference {
  readonly file: string;
  /** `…` stands for any text. */
  readonly name: string;
}

/** The rows of the page's tables, without their heads. */
function rowsOf(markdown: string): Row[] {
  const lines = markdown.split("\n");
  const isRow = (line = "") => line.startsWith("|");
  const isRule = (line = "") => /^\|[\s|:-]+$/.test(line);
  return lines.flatMap((text, index) => {
    const isHead = isRule(lines[index + 1]);
    if (!isRow(text) || isRule(text) || isHead) return [];
    return [{ line: index + 1, text, references: referencesIn(text) }];
  });
}

function referencesIn(text: string): Reference[] {
  const found = text.matchAll(/`(test\/[^`\s]+) › ([^`]+)`/g);
  return [...found].map(([, file = "", name = ""]) => ({ file, name }));
}

function matches(name: string, pattern: string): boolean {
  const parts = pattern.split("…").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join("[\\s\\S]+")}$`).test(name);
}

/** What is wrong with a page, a line each. */
function faultsOf(rows: readonly Row[], names: ReadonlyMap<string, readonly string[]>): string[] {
  return rows.flatMap(({ line, references }) => {
    if (references.length === 0) return [`line ${line} names no test`];
    const missing = references.filter(
      ({ file, name }) => !names.get(file)?.some((each) => matches(each, name)),
    );
    return missing.map(({ file, name }) => `line ${line}: ${file} has no test "${name}"`);
  });
}

describe.each(PAGES)("%s", (page) => {
  const rows = rowsOf(readFileSync(join(DOCS, page), "utf8"));

  test("has rows, and names for each a test that exists", () => {
    const files = new Set(rows.flatMap(({ references }) => references.map(({ file }) => file)));
    expect(rows.length).toBeGreaterThan(10);
    expect(faultsOf(rows, testNames([...files]))).toEqual([]);
  });
});

test("there is a page for STOMP, and one for threats", () => {
  expect(PAGES).toContain("stomp-protocol.md");
  expect(PAGES).toContain("threats.md");
});

describe("this check", () => {
  const names = new Map([["test/a.test.ts", ["group > one", "group > 1.2 two"]]]);
  const faults = (row: string) => faultsOf(rowsOf(`| Clause | Test |\n|---|---|\n${row}\n`), names);

  test("takes names as they are, and … for a parameter", () => {
    expect(faults("| x | `test/a.test.ts › group > one` |")).toEqual([]);
    expect(faults("| x | `test/a.test.ts › group > … two` |")).toEqual([]);
  });

  test("finds a row without a test, and a test that does not exist", () => {
    expect(faults("| x | later |")).toEqual(["line 3 names no test"]);
    expect(faults("| x | `test/a.test.ts › group > three` |")).toHaveLength(1);
    expect(faults("| x | `test/a.test.ts › one` |")).toHaveLength(1);
    expect(faults("| x | `test/b.test.ts › group > one` |")).toHaveLength(1);
    expect(faults("| x | `test/a.test.ts › group > one` `test/a.test.ts › no` |")).toHaveLength(1);
  });
});
