import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSystemOf, ROOT } from "../../bench/machine.ts";
import { Random } from "../fuzz/random.ts";
import type { Resume } from "./load/crowd.ts";
import type { Outcome, Row, RowResult, Scale } from "./row.ts";

export interface RunOptions {
  readonly seed: number;
  readonly scale: Scale;
  readonly resume: Resume;
  readonly progress: (text: string) => void;
}

/** A row that takes longer hangs. */
const DEADLINE_MS = 4 * 60_000;

class RowHangs extends Error {
  override readonly name = "RowHangs";
}

/** One row, with a folder of its own that goes when the row has ended, however it ends. */
export async function runRow(row: Row, index: number, options: RunOptions): Promise<RowResult> {
  const { seed, scale, resume, progress } = options;
  const folder = mkdtempSync(join(dataParent(), "parley-chaos-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", removeFolder);
  const startMs = performance.now();
  const context = { scale, resume, random: new Random(seed, index), folder, progress };
  const ended = (verdict: RowResult["verdict"], outcome: Outcome | null, reason: string | null) => {
    const seconds = (performance.now() - startMs) / 1_000;
    return { name: row.name, what: row.what, seconds, verdict, outcome, reason, hangs: false };
  };
  try {
    const outcome = await within(DEADLINE_MS, row.run(context));
    if ("skipped" in outcome) {
      return ended(isDemanded() ? "fail" : "skipped", null, outcome.skipped);
    }
    const isClean = outcome.faults.length === 0 && outcome.failures.length === 0;
    return ended(isClean ? "pass" : "fail", outcome, null);
  } catch (fault) {
    const reason = fault instanceof Error ? fault.stack || String(fault) : String(fault);
    return { ...ended("fail", null, reason), hangs: fault instanceof RowHangs };
  } finally {
    process.off("exit", removeFolder);
    removeFolder();
  }
}

/** Continuous integration as root can do all that rows need. */
function isDemanded(): boolean {
  return process.env.CI !== undefined && process.getuid?.() === 0;
}

/** On a disk: in memory a commit would cost nothing. */
export function dataParent(): string {
  if (!["tmpfs", "ramfs"].includes(fileSystemOf(tmpdir()))) return tmpdir();
  const results = join(ROOT, "test/chaos/results");
  mkdirSync(results, { recursive: true });
  return results;
}

async function within<Value>(timeoutMs: number, task: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new RowHangs(`the row did not end within ${timeoutMs / 1_000} s`));
  }, timeoutMs);
  try {
    return await Promise.race([task, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
