/**
 * The server from its source, as a process of its own whose wall clock is set over IPC: to the
 * machine's, and so many milliseconds. Its arguments are the server's.
 */
import { z } from "zod";
import { systemClock } from "../../../src/clock.ts";
import { loadSettings } from "../../../src/config.ts";
import { createLog, writeStdout } from "../../../src/log.ts";
import { startServer } from "../../../src/server.ts";

const commandSchema = z.object({ offsetMs: z.number() });
export type ClockCommand = z.infer<typeof commandSchema>;

if (import.meta.main) {
  let offsetMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + offsetMs };
  const { settings } = loadSettings({
    ...{ argv: process.argv.slice(2), env: process.env, cwd: process.cwd() },
    readFile: () => undefined,
  });
  const log = createLog({ ...settings.log, write: writeStdout, now: clock.now });
  process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.
  process.on("message", (message) => {
    offsetMs = commandSchema.parse(message).offsetMs;
    process.send?.("done");
  });
  const server = await startServer({ settings, log, clock });
  process.on("SIGTERM", () => {
    server.stop("SIGTERM").then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  log.info({ url: server.url }, "Parley is ready");
}
