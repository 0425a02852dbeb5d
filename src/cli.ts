import packageJson from "../package.json" with { type: "json" };
import { type CliContext, EXIT, UsageError } from "./cli/context.ts";
import { HEALTH_FLAGS, health } from "./cli/health.ts";
import { helpText } from "./cli/help.ts";
import { serve } from "./cli/serve.ts";
import { TOKEN_FLAGS, token } from "./cli/token.ts";
import { ConfigurationError, type LoadedSettings, loadSettings, suggestion } from "./config.ts";
import { AppError } from "./errors.ts";

export type { CliContext, ProcessPort, RunningServer, StartServer } from "./cli/context.ts";

interface Command {
  /** Flags beside the settings. */
  readonly flags: readonly string[];
  readonly run: (context: CliContext, loaded: LoadedSettings) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: { flags: [], run: serve },
  token: { flags: TOKEN_FLAGS, run: token },
  health: { flags: HEALTH_FLAGS, run: health },
};

/** Runs one command; resolves with the exit code: 0 well, 1 refused or failed, 2 not understood. */
export async function runCli(context: CliContext): Promise<number> {
  try {
    return await runCommand(context);
  } catch (error) {
    if (error instanceof UsageError || (error instanceof ConfigurationError && error.isUsage)) {
      context.stderr(`parley: ${error.message}\nSee parley help.\n`);
      return EXIT.usage;
    }
    const isRefusal = error instanceof AppError && error.code === "INVALID_CONFIGURATION";
    context.stderr(`parley: ${isRefusal ? error.message : faultText(error)}\n`);
    return EXIT.refused;
  }
}

async function runCommand(context: CliContext): Promise<number> {
  const [first = ""] = context.argv;
  const isNamed = first !== "" && !first.startsWith("-");
  const name = isNamed ? first : "serve";
  const argv = isNamed ? context.argv.slice(1) : context.argv;
  if (name === "help" || argv.includes("--help") || argv.includes("-h")) {
    context.stdout(helpText());
    return EXIT.ok;
  }
  if (name === "version" || argv.includes("--version")) {
    context.stdout(`parley ${packageJson.version} (bun ${Bun.version})\n`);
    return EXIT.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const hint = suggestion(name, [...Object.keys(COMMANDS), "version", "help"]);
    throw new UsageError(`${name} is not a command.${hint}`);
  }
  const loaded = loadSettings({ ...context, argv, commandFlags: command.flags });
  const [extra] = loaded.positionals;
  if (extra !== undefined) throw new UsageError(`${name} takes no argument ${extra}.`);
  return command.run(context, loaded);
}

/** What no setting is to blame for is told with stack and causes. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text}\ncaused by ${faultText(error.cause)}`;
}
