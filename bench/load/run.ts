import { join } from "node:path";
import type { Children } from "../children.ts";
import { pinnedTo } from "../machine.ts";
import { type Outcome, outcomeSchema } from "../measurement.ts";
import type { Scenario, Target } from "./job.ts";
import { API_KEY, type ServerKind, startServer } from "./server-process.ts";

const CLIENT = join(import.meta.dir, "client.ts");

export interface ScenarioResult extends Outcome {
  readonly scenario: Scenario;
  readonly complaints: readonly string[];
}

/** One scenario, with a server and a client of its own. */
export async function runScenario(
  scenario: Scenario,
  children: Children,
  kind: ServerKind = "parley",
): Promise<ScenarioResult> {
  const server = await startServer(kind, children);
  try {
    const { port, pid } = server;
    const target: Target = { port, serverPid: pid, apiKey: API_KEY };
    const outcome = await runClient(scenario, target, children);
    return { scenario, ...outcome, complaints: server.complaints };
  } finally {
    await server.stop();
  }
}

/** A client of its own, against a server that runs. */
export async function runClient(
  scenario: Scenario,
  target: Target,
  children: Children,
): Promise<Outcome> {
  let result: unknown;
  const job = JSON.stringify({ ...scenario, ...target });
  await children.run([...pinnedTo("client"), process.execPath, CLIENT, job], {
    onResult: (message) => {
      result = message;
    },
  });
  return outcomeSchema.parse(result);
}
