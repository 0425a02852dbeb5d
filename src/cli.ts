import packageJson from "../package.json" with { type: "json" };
import { backup, restore } from "./cli/backup.ts";
import { type CliContext, EXIT, UsageError } from "./cli/context.ts";
import { HEALTH_FLAGS, health } from "./cli/health.ts";
import { helpText } from "./cli/help.ts";
import { KEYS_SWITCHES, keys } from "./cli/keys.ts";
import { MIGRATE_FLAGS, migrate } from "./cli/migrate.ts";
import { NOTICES_FLAGS, NOTICES_SWITCHES, notices } from "./cli/notices.ts";
import { serve } from "./cli/serve.ts";
import { STATUS_FLAGS, STATUS_SWITCHES, status } from "./cli/status.ts";
import { TOKEN_FLAGS, token } from "./cli/token.ts";
import { WEBHOOKS_FLAGS, webhooks } from "./cli/webhooks.ts";
import { ConfigurationError, type LoadedSettings, loadSettings, suggestion } from "./config.ts";
import { AppError } from "./errors.ts";

export type {
  CliContext,
  DatabasePort,
  MigrationProgress,
  MigrationTask,
  ProcessPort,
  StartServer,
} from "./cli/context.ts";

interface Command {
  /** Flags with a value, beside the settings. */
  readonly flags: readonly string[];
  /** Flags without a value, beside the settings. */
  readonly switches: readonly string[];
  /** Arguments that it takes, at most. */
  readonly mostArguments: number;
  readonly run: (context: CliContext, loaded: LoadedSettings) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: { flags: [], switches: [], mostArguments: 0, run: serve },
  token: { flags: TOKEN_FLAGS, switches: [], mostArguments: 0, run: token },
  keys: { flags: [], switches: KEYS_SWITCHES, mostArguments: 1, run: keys },
  backup: { flags: [], switches: ["--force"], mostArguments: 1, run: backup },
  restore: { flags: [], switches: [], mostArguments: 1, run: restore },
  migrate: { flags: MIGRATE_FLAGS, switches: [], mostArguments: 0, run: migrate },
  health: { flags: HEALTH_FLAGS, switches: [], mostArguments: 0, run: health },
  status: { flags: STATUS_FLAGS, switches: STATUS_SWITCHES, mostArguments: 0, run: status },
  notices: {
    ...{ flags: NOTICES_FLAGS, switches: NOTICES_SWITCHES, run: notices },
    mostArguments: Number.POSITIVE_INFINITY,
  },
  webhooks: { flags: WEBHOOKS_FLAGS, switches: [], mostArguments: 1, run: webhooks },
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
    context.stderr(`parley: ${isRefusal(error) ? refusalText(error) : faultText(error)}\n`);
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
  const { flags, switches, mostArguments } = command;
  const loaded = loadSettings({ ...context, argv, commandFlags: flags, commandSwitches: switches });
  const [extra] = loaded.positionals.slice(mostArguments);
  if (extra !== undefined) throw new UsageError(`${name} takes no argument ${extra}.`);
  return command.run(context, loaded);
}

/** The operator can do something about it, and the message says what. */
function isRefusal(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false;
  const { code } = error;
  return (
    code === "INVALID_CONFIGURATION" ||
    code === "DATABASE_DAMAGED" ||
    code === "STORAGE_UNAVAILABLE"
  );
}

/** Of a store that fails, what its engine says helps too, where the message does not tell it. */
function refusalText({ code, message, cause }: AppError): string {
  if (code !== "STORAGE_UNAVAILABLE" || !(cause instanceof Error)) return message;
  return message.includes(cause.message) ? message : `${message} (${cause.message})`;
}

/** What no setting is to blame for is told with stack and causes. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text}\ncaused by ${faultText(error.cause)}`;
}
