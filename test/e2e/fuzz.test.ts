import { expect, test } from "bun:test";
import { renderReport } from "../fuzz/report.ts";
import { fuzz } from "../fuzz/run.ts";

const FRAMES = 20_000;

/** The short form of `npm run fuzz`, with another seed each time. */
test("hostile clients are refused, and the others never notice", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const report = await fuzz({
    ...{ seed, frames: FRAMES, seconds: 45, connections: 16, patienceMs: 10_000 },
    only: null,
    progress: () => {},
  });
  const { findings, faults, tally } = report;
  if (findings.length + faults.length > 0) throw new Error(renderReport(report));
  // It did attack: every kind of verdict was there.
  expect(tally.frames).toBeGreaterThan(FRAMES / 10);
  for (const count of [tally.accepted, tally.refused, tally.malformed, tally.ended]) {
    expect(count).toBeGreaterThan(0);
  }
}, 120_000);
