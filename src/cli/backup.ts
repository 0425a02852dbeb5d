import { resolve } from "node:path";
import type { LoadedSettings } from "../config.ts";
import { AppError } from "../errors.ts";
import { type CliContext, type DatabaseContents, EXIT, UsageError } from "./context.ts";

/** Copies the database into FILE, and prints a line on what is in it. */
export async function backup(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { settings, commandSwitches } = loaded;
  const file = fileOf("backup", context, loaded);
  const overwrite = commandSwitches.has("--force");
  return told(context, async () => {
    const { clock } = context;
    const contents = await context.database.backUp({ settings, file, overwrite, clock });
    context.stdout(`${file}: ${describe(contents)}\n`);
    return contents;
  });
}

/** Puts FILE in place of the database, and prints a line on what is in it and one on the former. */
export async function restore(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { settings } = loaded;
  const file = fileOf("restore", context, loaded);
  return told(context, async () => {
    const restored = await context.database.restore({ settings, file, clock: context.clock });
    context.stdout(`${restored.path}: ${describe(restored)}\n`);
    if (restored.keptAs !== null) {
      context.stdout(`The former database is kept as ${restored.keptAs}\n`);
    }
    return restored;
  });
}

function fileOf(command: string, { cwd }: CliContext, { positionals }: LoadedSettings): string {
  const [file = ""] = positionals;
  if (file !== "") return resolve(cwd, file);
  throw new UsageError(`${command} needs FILE, the path of the backup.`);
}

function describe({ bytes, conversations, messages, tookMs }: DatabaseContents): string {
  return `${bytes} bytes, ${conversations} conversations, ${messages} messages, ${tookMs} ms`;
}

/** A full disk is no fault of the program: words, no stack. */
async function told(context: CliContext, run: () => Promise<DatabaseContents>): Promise<number> {
  try {
    const { warnings } = await run();
    for (const warning of warnings) context.stderr(`parley: warning: ${warning}.\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "STORAGE_UNAVAILABLE") throw error;
    context.stderr(`parley: ${error.message}\n`);
    return EXIT.refused;
  }
}
