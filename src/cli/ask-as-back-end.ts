import type { z } from "zod";
import type { LoadedSettings } from "../config.ts";
import { askServer, type Question } from "./ask-server.ts";
import type { CliContext } from "./context.ts";

/** What a command asks of the routes for the app's back end. */
export type BackEndQuestion<Schema extends z.ZodType> = Omit<Question, "given" | "headers"> & {
  /** Of the answer. */
  readonly schema: Schema;
};

/**
 * Asks a server that runs by the first key of `api.keys`. Without a right answer it says on stderr what
 * came instead, and that is null. Rejects with a UsageError where it is not known which server.
 */
export async function askAsBackEnd<Schema extends z.ZodType>(
  context: CliContext,
  { commandFlags, settings }: LoadedSettings,
  { schema, ...question }: BackEndQuestion<Schema>,
): Promise<{ readonly text: string; readonly document: z.output<Schema> } | null> {
  const [key] = settings.api.keys;
  const { url, answer } = await askServer(context, settings, {
    ...{ ...question, given: commandFlags.get("--url") },
    headers: key === undefined ? {} : { "x-api-key": key },
  });
  const refuse = (fault: string) => {
    context.stderr(`parley: ${url.href} ${fault}\n`);
    return null;
  };
  if (typeof answer === "string") return refuse(answer);
  const { status, body } = answer;
  if (status === 401) {
    const asked = key === undefined ? "asks for an API key" : "does not know this API key";
    return refuse(`${asked}: give a key of its api.keys (PARLEY_API_KEYS)`);
  }
  if (status !== 200) return refuse(`answers with status ${status}`);
  const known = schema.safeParse(jsonOf(body));
  return known.success ? { text: body, document: known.data } : refuse("answers something else");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
