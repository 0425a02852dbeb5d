import type { Machine } from "../../../bench/machine.ts";
import type { Resume } from "../load/crowd.ts";
import type { RowResult } from "../row.ts";

/** One run of the suite. */
export interface Report {
  readonly machine: Machine;
  readonly fileSystem: string;
  /** Of every random choice. */
  readonly seed: number;
  readonly quick: boolean;
  readonly resume: Resume;
  readonly results: readonly RowResult[];
}

export function hasPassed({ results }: Report): boolean {
  return results.every(({ verdict }) => verdict !== "fail");
}
