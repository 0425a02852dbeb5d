import type { LoadedSettings } from "../config.ts";
import { type CliContext, EXIT, UsageError } from "./context.ts";

export const KEYS_SWITCHES = ["--json"] as const;

/**
 * Prints a new pair of keys by which push services know an installation, as lines of an environment
 * file, and keeps nothing of it.
 */
export async function keys(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const [kind] = loaded.positionals;
  if (kind !== "vapid") throw new UsageError("keys needs what they are for: keys vapid.");
  const { generateVAPIDKeys } = await import("web-push"); // Other commands go without it.
  const { publicKey, privateKey } = generateVAPIDKeys();
  const lines = [
    `PARLEY_WEBPUSH_PUBLIC_KEY=${publicKey}`,
    `PARLEY_WEBPUSH_PRIVATE_KEY=${privateKey}`,
    "# PARLEY_WEBPUSH_SUBJECT is needed, too: mailto: or https:, whom push services may ask.",
  ];
  const isJson = loaded.commandSwitches.has("--json");
  context.stdout(`${isJson ? JSON.stringify({ publicKey, privateKey }) : lines.join("\n")}\n`);
  return EXIT.ok;
}
