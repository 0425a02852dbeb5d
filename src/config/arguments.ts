import type { SettingDescription } from "./describe.ts";
import { suggestion } from "./nearest.ts";
import type { Problem } from "./problem.ts";

export interface Arguments {
  /** The text of a setting by the setting's name. */
  readonly settings: ReadonlyMap<string, string>;
  /** The text of a flag that is no setting (`--config`, `--user`), by the flag. */
  readonly others: ReadonlyMap<string, string>;
  /** Flags without a value that are no settings (`--force`). */
  readonly switches: ReadonlySet<string>;
  readonly positionals: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * `--key value`, `--key=value`; of a boolean `--key`, `--key=false`, `--no-key`. The last of several
 * holds. All after a lone `--` is positional.
 */
export function readArguments(
  argv: readonly string[],
  descriptions: readonly SettingDescription[],
  otherFlags: readonly string[],
  otherSwitches: readonly string[] = [],
): Arguments {
  const byFlag = new Map(descriptions.map((description) => [description.flag, description]));
  const settings = new Map<string, string>();
  const others = new Map<string, string>();
  const switches = new Set<string>();
  const positionals: string[] = [];
  const problems: Problem[] = [];
  const waiting = [...argv];

  for (let word = waiting.shift(); word !== undefined; word = waiting.shift()) {
    if (word === "--") {
      positionals.push(...waiting.splice(0));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const { flag, value } = splitFlag(word);
    const setting = byFlag.get(flag);
    const negated = byFlag.get(flag.replace(/^--no-/, "--"));
    if (setting?.kind === "boolean") {
      settings.set(setting.name, value ?? "true");
    } else if (setting !== undefined || otherFlags.includes(flag)) {
      const text = value ?? takeValue(waiting);
      if (text === undefined) problems.push({ message: `${flag} needs a value.`, usage: true });
      else if (setting === undefined) others.set(flag, text);
      else settings.set(setting.name, text);
    } else if (negated?.kind === "boolean" && value === undefined) {
      settings.set(negated.name, "false");
    } else if (otherSwitches.includes(flag)) {
      if (value === undefined) switches.add(flag);
      else problems.push({ message: `${flag} takes no value.`, usage: true });
    } else {
      // Its value, which may be a misspelt flag's secret, is neither told nor a positional.
      if (value === undefined) takeValue(waiting);
      const hint = suggestion(flag, [...byFlag.keys(), ...otherFlags, ...otherSwitches]);
      problems.push({ message: `${flag} is not a flag.${hint}`, usage: true });
    }
  }
  return { settings, others, switches, positionals, problems };
}

function splitFlag(word: string): { flag: string; value: string | undefined } {
  const equals = word.indexOf("=");
  if (equals < 0) return { flag: word, value: undefined };
  return { flag: word.slice(0, equals), value: word.slice(equals + 1) };
}

function takeValue(waiting: string[]): string | undefined {
  return waiting[0]?.startsWith("--") ? undefined : waiting.shift();
}
