import { z } from "zod";
import type { LoadedSettings } from "../config.ts";
import { askAsBackEnd } from "./ask-as-back-end.ts";
import { type CliContext, EXIT, UsageError } from "./context.ts";
import { tableLines } from "./table.ts";

export const NOTICES_FLAGS = ["--url"] as const;
export const NOTICES_SWITCHES = ["--json", "--all"] as const;

const PATH = "/api/notifications/dead-letters";
const PAGE = 200;
/** As many as the server takes at a time. */
const MOST_IDS = 1_000;
/** However many there are to be replayed. */
const REPLAY_PATIENCE_MS = 10 * 60_000;

const lettersSchema = z.object({
  deadLetters: z.array(
    z.looseObject({
      ...{ id: z.string(), channel: z.string(), attempts: z.int(), reason: z.string() },
      ...{ userId: z.string().nullable(), conversationId: z.string().nullable() },
      ...{ eventType: z.string().nullable(), diedAt: z.string() },
    }),
  ),
  next: z.string().nullable(),
});

type Letter = z.output<typeof lettersSchema>["deadLetters"][number];

const replayedSchema = z.object({ replayed: z.int() });

/**
 * `dead` lists what could not be sent to users who are away, or to webhooks; `replay` has it sent after
 * all. Both ask a server that runs.
 */
export async function notices(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const [action, ...ids] = loaded.positionals;
  const isAll = loaded.commandSwitches.has("--all");
  if (action === "dead") {
    if (isAll || ids.length > 0) throw new UsageError("notices dead lists all, and takes no ID.");
    return listDead(context, loaded);
  }
  if (action === "replay") {
    if (isAll === ids.length > 0) {
      throw new UsageError(
        "notices replay needs --all, or the ID of each that notices dead lists.",
      );
    }
    if (loaded.commandSwitches.has("--json"))
      throw new UsageError("notices replay takes no --json.");
    return replay(context, loaded, isAll ? null : ids);
  }
  throw new UsageError("notices needs what is to be done: dead, or replay.");
}

async function listDead(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const letters: Letter[] = [];
  let after: string | null = null;
  do {
    const query = new URLSearchParams({ limit: `${PAGE}`, ...(after !== null && { after }) });
    const page = await askAsBackEnd(context, loaded, {
      ...{ command: "notices", path: `${PATH}?${query}`, isBelowGiven: true },
      schema: lettersSchema,
    });
    if (page === null) return EXIT.refused;
    letters.push(...page.document.deadLetters);
    after = page.document.next;
  } while (after !== null);
  const isJson = loaded.commandSwitches.has("--json");
  context.stdout(isJson ? `${JSON.stringify({ deadLetters: letters })}\n` : table(letters));
  return EXIT.ok;
}

function table(letters: readonly Letter[]): string {
  if (letters.length === 0) return "Everything could be sent.\n";
  const rows = letters.map((letter) => [
    ...[letter.id, letter.diedAt, letter.channel, letter.userId ?? letter.eventType ?? ""],
    ...[letter.conversationId ?? "", String(letter.attempts), letter.reason],
  ]);
  const head = ["ID", "SINCE", "CHANNEL", "USER OR EVENT", "CONVERSATION", "ATTEMPTS", "REASON"];
  return `${tableLines([head, ...rows]).join("\n")}\n`;
}

/** null: all. */
async function replay(
  context: CliContext,
  loaded: LoadedSettings,
  ids: readonly string[] | null,
): Promise<number> {
  let replayed = 0;
  for (const body of ids === null ? [{ all: true }] : portions(ids)) {
    const answer = await askAsBackEnd(context, loaded, {
      ...{ command: "notices", path: `${PATH}/replay`, isBelowGiven: true, body },
      ...{ patienceMs: REPLAY_PATIENCE_MS, schema: replayedSchema },
    });
    if (answer === null) return EXIT.refused;
    replayed += answer.document.replayed;
  }
  context.stdout(`${replayed} will be sent after all\n`);
  return EXIT.ok;
}

function* portions(ids: readonly string[]): Generator<{ readonly ids: readonly string[] }> {
  for (let from = 0; from < ids.length; from += MOST_IDS) {
    yield { ids: ids.slice(from, from + MOST_IDS) };
  }
}
