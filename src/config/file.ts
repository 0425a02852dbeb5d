import { resolve } from "node:path";
import type { SettingDescription } from "./describe.ts";
import { suggestion } from "./nearest.ts";
import type { Problem } from "./problem.ts";

const DEFAULT_FILES = ["parley.toml", "parley.json"] as const;

/** The text of a file; undefined if there is none. */
export type ReadFile = (path: string) => string | undefined;

export interface FileSettings {
  /** The value of a setting by the setting's name. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** The path of the file that was read; undefined if none was. */
  readonly path?: string;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Reads the file at `given`, which must exist, or else the first default file that does. */
export function readSettingsFile(
  given: string | undefined,
  { cwd, readFile }: { readonly cwd: string; readonly readFile: ReadFile },
  descriptions: readonly SettingDescription[],
): FileSettings {
  const found: { path: string; text: string }[] = [];
  for (const name of given === undefined ? DEFAULT_FILES : [given]) {
    const path = resolve(cwd, name);
    let text: string | undefined;
    try {
      text = readFile(path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown fault";
      return failed(`${path} cannot be read: ${reason}.`);
    }
    if (text !== undefined) found.push({ path, text });
  }
  const [first, second] = found;
  if (first === undefined) {
    if (given !== undefined)
      return failed(`There is no configuration file ${resolve(cwd, given)}.`);
    return { settings: new Map(), problems: [], warnings: [] };
  }
  const warnings =
    second === undefined ? [] : [`${second.path} is not used, since there is ${first.path}.`];
  const table = parseTable(first.path, first.text);
  if (typeof table === "string") return failed(`${first.path} is wrong: ${table}.`);
  return { ...readTable(table, first.path, descriptions), path: first.path, warnings };
}

function failed(message: string): FileSettings {
  return { settings: new Map(), problems: [{ message, usage: false }], warnings: [] };
}

/** The file's table, or what is wrong with the file. */
function parseTable(path: string, text: string): object | string {
  try {
    const value: unknown = path.endsWith(".json") ? JSON.parse(text) : Bun.TOML.parse(text);
    return isTable(value) ? value : "expected an object";
  } catch (error) {
    return error instanceof Error ? withoutQuotations(error.message) : "unknown fault";
  }
}

/** The parsers quote the place of the fault, which may be a secret. */
function withoutQuotations(message: string): string {
  const [reason = ""] = message.replace(/^(?:TOML|JSON) Parse error: /, "").split(/[:"'`]/);
  return reason.trim();
}

function readTable(
  table: object,
  path: string,
  descriptions: readonly SettingDescription[],
): Pick<FileSettings, "settings" | "problems"> {
  const names = new Set(descriptions.map(({ name }) => name));
  const settings = new Map<string, unknown>();
  const problems: Problem[] = [];
  const readGroup = (group: object, prefix: string) => {
    for (const [key, value] of Object.entries(group)) {
      const name = prefix + key;
      const isGroup = descriptions.some((other) => other.name.startsWith(`${name}.`));
      if (names.has(name)) {
        settings.set(name, value);
      } else if (isGroup && isTable(value)) {
        readGroup(value, `${name}.`);
      } else {
        const message = isGroup
          ? `${name} in ${path} is a group of settings, not a setting.`
          : `${name} in ${path} is not a setting.${suggestion(name, names)}`;
        problems.push({ message, usage: false });
      }
    }
  };
  readGroup(table, "");
  return { settings, problems };
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
