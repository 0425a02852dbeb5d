import { expect, test } from "bun:test";
import { renderDetails } from "../chaos/report/terminal.ts";
import { ROWS } from "../chaos/rows/table.ts";
import { runRow } from "../chaos/run.ts";

/**
 * The short form of `npm run chaos`, with another seed each time: the rows that take few seconds.
 * How a process is stopped, and what limits it has, is Linux's.
 */
test
  .skipIf(process.platform !== "linux")
  .each(["sigkill", "power-cut", "io-errors", "replay-restart"])(
  "nothing confirmed is lost, doubled or out of order: %s",
  async (name) => {
    const index = ROWS.findIndex((row) => row.name === name);
    const row = ROWS[index];
    if (row === undefined) throw new Error(`there is no row ${name}`);
    const seed = Math.floor(Math.random() * 2 ** 32);
    const options = { seed, scale: "short", resume: "sync", progress: () => {} } as const;
    const result = await runRow(row, index, options);
    if (result.verdict !== "pass") {
      throw new Error([`seed ${seed}`, ...renderDetails(result)].join("\n"));
    }
    // It did something: faults were injected, and messages went through all the same.
    expect(result.outcome?.times).toBeGreaterThan(0);
    expect(result.outcome?.confirmed).toBeGreaterThan(20);
  },
  60_000,
);
