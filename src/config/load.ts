import { readArguments } from "./arguments.ts";
import { describeSettings, fileSetting, type SettingDescription } from "./describe.ts";
import { type ReadFile, readSettingsFile } from "./file.ts";
import { suggestion } from "./nearest.ts";
import { ConfigurationError, type Problem } from "./problem.ts";
import { completeSettings, type Settings, settingsSchema } from "./schema.ts";
import { fillFromFiles, type Given } from "./secret-files.ts";

const CONFIG_FLAG = "--config";
const CONFIG_VARIABLE = "PARLEY_CONFIG";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SettingsSources {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  readonly readFile: ReadFile;
  /** Flags with a value that are no settings but the command's own: `--user`. */
  readonly commandFlags?: readonly string[];
  /** Flags without a value that are the command's own: `--force`. */
  readonly commandSwitches?: readonly string[];
}

export interface LoadedSettings {
  readonly settings: Settings;
  readonly warnings: readonly string[];
  /** What `argv` holds beside flags. */
  readonly positionals: readonly string[];
  /** The command's own flags that were given. */
  readonly commandFlags: ReadonlyMap<string, string>;
  readonly commandSwitches: ReadonlySet<string>;
}

/**
 * Flags, then the environment, then the file, then the defaults. An empty variable is like none. A
 * secret may be named by the file that holds it.
 *
 * @throws ConfigurationError (INVALID_CONFIGURATION) that tells all that is wrong
 */
export function loadSettings(sources: SettingsSources): LoadedSettings {
  const { env, commandFlags = [], commandSwitches = [] } = sources;
  const descriptions = describeSettings();
  const named = [
    ...descriptions,
    ...descriptions.filter(({ secret }) => secret).map((secret) => fileSetting(secret)),
  ];
  const fromArguments = readArguments(
    sources.argv,
    named,
    [CONFIG_FLAG, ...commandFlags],
    commandSwitches,
  );
  const file = readSettingsFile(
    fromArguments.others.get(CONFIG_FLAG) ?? (env[CONFIG_VARIABLE] || undefined),
    sources,
    named,
  );

  const given = new Map<string, Given>();
  for (const description of named) {
    const { name, flag, standardVariable = "" } = description;
    const variable = env[description.variable] ? description.variable : standardVariable;
    const argument = fromArguments.settings.get(name);
    if (argument !== undefined) {
      given.set(name, { value: fromText(argument, description), source: flag, rank: 3 });
    } else if (env[variable]) {
      given.set(name, { value: fromText(env[variable], description), source: variable, rank: 2 });
    } else if (file.settings.has(name)) {
      given.set(name, { value: file.settings.get(name), source: `${file.path}`, rank: 1 });
    }
  }
  const fileProblems = fillFromFiles(given, descriptions, sources);

  const parsed = settingsSchema.safeParse(
    nest(descriptions.map(({ path, name }) => ({ path, value: given.get(name)?.value }))),
  );
  const issues = parsed.success ? [] : issueProblems(parsed.error.issues, given, descriptions);
  const problems = [...fromArguments.problems, ...file.problems, ...fileProblems, ...issues];
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems);

  const { positionals, others, switches } = fromArguments;
  return {
    settings: completeSettings(parsed.data),
    warnings: [...file.warnings, ...unknownVariables(env, named)],
    positionals,
    commandFlags: new Map([...others].filter(([flag]) => commandFlags.includes(flag))),
    commandSwitches: switches,
  };
}

/** A flag's or variable's text as the setting's type; what cannot be is left for the schema to refuse. */
function fromText(text: string, { kind }: SettingDescription): unknown {
  if (kind === "integer") return /^[+-]?\d+$/.test(text) ? Number(text) : text;
  if (kind === "list") return text.split(",").flatMap((item) => item.trim() || []);
  if (kind !== "boolean") return text;
  if (text === "true" || text === "1") return true;
  return text === "false" || text === "0" ? false : text;
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** The tree that has these leaves. */
function nest(leaves: readonly Leaf[]): Record<string, unknown> {
  const branches = Map.groupBy(leaves, ({ path: [key = ""] }) => key);
  return Object.fromEntries(
    [...branches].map(([key, within]) => {
      const leaf = within.find(({ path }) => path.length === 1);
      if (leaf !== undefined) return [key, leaf.value];
      return [key, nest(within.map(({ path, value }) => ({ path: path.slice(1), value })))];
    }),
  );
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function issueProblems(
  issues: readonly Issue[],
  given: ReadonlyMap<string, Given>,
  descriptions: readonly SettingDescription[],
): Problem[] {
  const messages = new Set<string>();
  for (const issue of issues) {
    const description = descriptions.find(({ path }) =>
      path.every((key, index) => issue.path[index] === key),
    );
    if (description === undefined) throw new TypeError(`no setting: ${issue.path.join(".")}`);
    messages.add(issueMessage(issue, description, given.get(description.name)));
  }
  return [...messages].map((message) => ({ message, usage: false }));
}

function issueMessage(issue: Issue, description: SettingDescription, given: Given | undefined) {
  const { name, secret, defaultText } = description;
  const shown = given === undefined ? defaultText : briefly(given.value);
  const source = given === undefined ? "default" : `from ${given.source}`;
  const is = secret ? "has a wrong value" : `is ${shown || "not set"}`;
  // Our own refinements say what they want; zod's checks speak in zod's words.
  const expected = issue.code === "custom" ? issue.message : description.expected;
  return `${name} ${is} (${source}); expected ${expected}.`;
}

function briefly(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** No error: an environment carries other things too. */
function unknownVariables(env: Environment, descriptions: readonly SettingDescription[]): string[] {
  const known = new Set([CONFIG_VARIABLE, ...descriptions.map(({ variable }) => variable)]);
  return Object.keys(env)
    .filter((name) => name.startsWith("PARLEY_") && !known.has(name))
    .map((name) => `${name} is not a setting.${suggestion(name, known)}`);
}
