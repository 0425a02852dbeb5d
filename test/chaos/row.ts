import type { Random } from "../fuzz/random.ts";
import type { Fault } from "./checker/fault.ts";
import type { Resume } from "./load/crowd.ts";

/** How much of a row is run: all of it, about a tenth, or what a test has time for. */
export type Scale = "full" | "quick" | "short";

export interface RowContext {
  readonly scale: Scale;
  readonly resume: Resume;
  /** Every random choice of the row comes from it. */
  readonly random: Random;
  /** A new folder on a disk, removed after the row. */
  readonly folder: string;
  progress(text: string): void;
}

/** What a row did and found. */
export interface Outcome {
  /** Such as `SIGKILL`, and how often. */
  readonly injected: string;
  readonly times: number;
  readonly confirmed: number;
  readonly faults: readonly Fault[];
  /** What broke a rule of the row itself: health that did not change, a start that failed. */
  readonly failures: readonly string[];
  /** From send to receipt, of messages whose users were not cut off; null where none was timed. */
  readonly p99Ms: number | null;
  /** Figures worth telling. */
  readonly notes: readonly string[];
}

export interface Skipped {
  readonly skipped: string;
}

/** One kind of fault. */
export interface Row {
  /** As on the command line. */
  readonly name: string;
  /** What is done to the server, in a sentence. */
  readonly what: string;
  run(context: RowContext): Promise<Outcome | Skipped>;
}

export interface RowResult {
  readonly name: string;
  readonly what: string;
  readonly seconds: number;
  readonly verdict: "pass" | "fail" | "skipped";
  readonly outcome: Outcome | null;
  /** Why it was skipped, or what kept it from ending. */
  readonly reason: string | null;
  /** It did not end in time: what it started may still run, and no other row should. */
  readonly hangs: boolean;
}

/** By scale. */
export function scaled<Value>(scale: Scale, values: { readonly [key in Scale]: Value }): Value {
  return values[scale];
}
