import { resolve } from "node:path";
import { fileSetting, type SettingDescription } from "./describe.ts";
import type { ReadFile } from "./file.ts";
import type { Problem } from "./problem.ts";

/** A value and where it came from; the names of its sources are for the reader of an error. */
export interface Given {
  readonly value: unknown;
  readonly source: string;
  /** Of the kind of source: a higher one comes first. */
  readonly rank: number;
}

/**
 * Reads the secrets that are given by the names of their files, which is how Docker and Kubernetes
 * hand them out: the text without the line ends at its end; of a list, an item a line. What is wrong
 * is returned. The settings that name the files are taken out.
 */
export function fillFromFiles(
  given: Map<string, Given>,
  descriptions: readonly SettingDescription[],
  { cwd, readFile }: { readonly cwd: string; readonly readFile: ReadFile },
): Problem[] {
  const problems: Problem[] = [];
  for (const description of descriptions.filter(({ secret }) => secret)) {
    const twin = fileSetting(description);
    const named = given.get(twin.name);
    given.delete(twin.name);
    const itself = given.get(description.name);
    if (named === undefined || (itself !== undefined && itself.rank > named.rank)) continue;
    const told = `${twin.name} (from ${named.source})`;
    const fail = (message: string) => problems.push({ message, usage: false });
    if (itself?.rank === named.rank) {
      fail(`${description.name} and ${twin.name} are both given; expected one of them.`);
    } else if (typeof named.value !== "string" || named.value === "") {
      fail(`${told} is no path; expected ${twin.expected}.`);
    } else {
      const read = readSecret(resolve(cwd, named.value), readFile);
      if ("fault" in read) fail(`${told} cannot be used: ${read.fault}.`);
      else given.set(description.name, { ...named, value: settingValue(read.text, description) });
    }
  }
  return problems;
}

function readSecret(path: string, readFile: ReadFile): { text: string } | { fault: string } {
  try {
    const text = readFile(path)?.replace(/[\r\n]+$/, "");
    if (text === undefined) return { fault: `there is no file ${path}` };
    return text === "" ? { fault: `${path} is empty` } : { text };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : "unknown fault" };
  }
}

function settingValue(text: string, { kind }: SettingDescription): unknown {
  return kind === "list" ? text.split(/[,\r\n]/).flatMap((item) => item.trim() || []) : text;
}
