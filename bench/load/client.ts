/**
 * The load generator, a process of its own: `bun bench/load/client.ts '{"scenario": …}'`. It hands
 * what it measured to the process that started it, or prints it when there is none.
 */
import type { Outcome } from "../measurement.ts";
import { runChat, runChatLoop } from "./chat.ts";
import { runFanOut } from "./fan-out.ts";
import { runGroups } from "./groups.ts";
import { runIdle } from "./idle.ts";
import { jobSchema } from "./job.ts";
import { runStorm } from "./storm.ts";

process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.

const job = jobSchema.parse(JSON.parse(process.argv[2] ?? "null"));

async function run(): Promise<Outcome> {
  switch (job.scenario) {
    case "chat":
      return runChat(job, job);
    case "chat-loop":
      return runChatLoop(job, job);
    case "fan-out":
      return runFanOut(job, job);
    case "groups":
      return runGroups(job, job);
    case "storm":
      return runStorm(job, job);
    case "idle":
      return runIdle(job, job);
  }
}

const outcome = await run();
if (process.send === undefined) {
  console.log(JSON.stringify(outcome, null, 2));
  process.exit();
}
process.send(outcome, undefined, undefined, () => process.exit());
