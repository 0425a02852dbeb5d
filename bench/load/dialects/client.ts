/**
 * The load generator for peers, a process of its own: `bun bench/load/dialects/client.ts JOB`. It
 * hands what it measured to the process that started it, or prints it when there is none.
 */
import { DIALECTS } from "./all.ts";
import { runExchange } from "./exchange.ts";
import { runIdle } from "./idle.ts";
import { peerJobSchema } from "./work.ts";

process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.

const job = peerJobSchema.parse(JSON.parse(process.argv[2] ?? "null"));
const dialect = DIALECTS[job.dialect];
const outcome =
  job.work.work === "idle"
    ? await runIdle(dialect, job.work, job)
    : await runExchange(dialect, job.work, job);
if (process.send === undefined) {
  console.log(JSON.stringify(outcome, null, 2));
  process.exit();
}
process.send(outcome, undefined, undefined, () => process.exit());
