import { availableParallelism } from "node:os";
import { z } from "zod";
import { delayMs, integer, settingTraits } from "./setting.ts";

const MIB = 1024 * 1024;
const MOST_PROCESSES = 256;

/** How many processes share the ports. */
export const processes = z
  .union([z.literal("auto"), z.int().min(1).max(MOST_PROCESSES)])
  .default(1)
  .register(settingTraits, {
    kind: "integer",
    description:
      "Processes that share the ports, for a machine with several cores; auto is one a core. More than one need PostgreSQL.",
    expected: `a whole number from 1 to ${MOST_PROCESSES}, or auto`,
    defaultText: "1",
    secret: false,
  });

/** The parent of several processes, and what goes between them. */
export const supervisor = z.object({
  restartMs: delayMs(
    10_000,
    100,
    "The longest pause before a process that has ended is started again; the first ones are shorter.",
  ),
  pendingBytes: integer(
    16 * MIB,
    { min: 1_024, max: 1_024 * MIB },
    "What may wait on the way between two processes; more is dropped and counted, and a process that does not take what comes is connected anew.",
  ),
});

/** A number, as many as there are cores for `auto`. */
export function processCount(setting: number | "auto"): number {
  return setting === "auto" ? Math.min(availableParallelism(), MOST_PROCESSES) : setting;
}
