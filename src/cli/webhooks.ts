import { z } from "zod";
import type { LoadedSettings } from "../config.ts";
import { askAsBackEnd } from "./ask-as-back-end.ts";
import { type CliContext, EXIT, UsageError } from "./context.ts";

export const WEBHOOKS_FLAGS = ["--url", "--from"] as const;

/** However busy the server is. */
const PATIENCE_MS = 60_000;

const timeSchema = z.iso.datetime({ offset: true });
const replayedSchema = z.object({ events: z.int(), next: z.string().nullable() });

/** `replay` has a server that runs tell its event webhook anew of all messages from a time on. */
export async function webhooks(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const [action] = loaded.positionals;
  if (action !== "replay") throw new UsageError("webhooks needs what is to be done: replay.");
  const from = loaded.commandFlags.get("--from");
  if (!timeSchema.safeParse(from).success) {
    throw new UsageError("webhooks replay needs --from TIME, such as 2026-01-31T18:00:00Z.");
  }
  let events = 0;
  let after: string | null = null;
  do {
    const told = await replay(context, loaded, { from, after });
    if (told === null) {
      if (events > 0) context.stderr(`parley: ${events} messages before that are told anew\n`);
      return EXIT.refused;
    }
    events += told.events;
    after = told.next;
  } while (after !== null);
  context.stdout(`${events} messages are told anew\n`);
  return EXIT.ok;
}

/** Some of them; null: it was refused, and stderr says why. */
async function replay(
  context: CliContext,
  loaded: LoadedSettings,
  body: { readonly from: string | undefined; readonly after: string | null },
): Promise<z.output<typeof replayedSchema> | null> {
  const answer = await askAsBackEnd(context, loaded, {
    ...{ command: "webhooks", path: "/api/webhooks/replay", isBelowGiven: true },
    ...{ body, patienceMs: PATIENCE_MS, schema: replayedSchema },
  });
  return answer?.document ?? null;
}
