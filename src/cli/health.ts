import type { LoadedSettings } from "../config.ts";
import { askServer } from "./ask-server.ts";
import { type CliContext, EXIT } from "./context.ts";

export const HEALTH_FLAGS = ["--url"] as const;

/** Exits with 0 when a server answers that it is well. For HEALTHCHECK in an image without curl. */
export async function health(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { url, answer } = await askServer(context, loaded.settings, {
    ...{ command: "health", path: "/api/websocket/health" },
    given: loaded.commandFlags.get("--url"),
  });
  if (typeof answer !== "string" && answer.status === 200) {
    context.stdout(`${url.href} is well\n`);
    return EXIT.ok;
  }
  const fault = typeof answer === "string" ? answer : `answers with status ${answer.status}`;
  context.stderr(`parley: ${url.href} ${fault}\n`);
  return EXIT.refused;
}
