import { expect } from "bun:test";
import { renderDetails } from "../chaos/report/terminal.ts";
import type { Row } from "../chaos/row.ts";
import { runRow } from "../chaos/run.ts";

/** The short form of a row of `npm run chaos`, with another seed each time, passes. */
export async function expectToPass(rows: readonly Row[], name: string): Promise<void> {
  const index = rows.findIndex((row) => row.name === name);
  const row = rows[index];
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
}
