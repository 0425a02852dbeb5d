import { build } from "hdr-histogram-js";
import type { Latency } from "../measurement.ts";

/** What users were promised from send to receipt, at any percentile. */
export const PROMISED_MS = 100;
const LONGEST_US = 60_000_000;

/** Times in microseconds, to three digits. */
export class Latencies {
  readonly #histogram = build({
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
  });

  #withinPromise = 0;

  constructor(readonly name: string) {}

  record(ms: number): void {
    if (ms <= PROMISED_MS) this.#withinPromise += 1;
    this.#histogram.recordValue(Math.min(LONGEST_US, Math.max(0, Math.round(ms * 1_000))));
  }

  reset(): void {
    this.#histogram.reset();
    this.#withinPromise = 0;
  }

  summary(): Latency {
    const histogram = this.#histogram;
    const { maxValue } = histogram;
    // A percentile is the end of its bucket, which may lie above all that was recorded.
    const at = (percentile: number) =>
      Math.min(maxValue, histogram.getValueAtPercentile(percentile)) / 1_000;
    return {
      name: this.name,
      count: histogram.totalCount,
      p50Ms: at(50),
      p99Ms: at(99),
      p999Ms: at(99.9),
      p9999Ms: at(99.99),
      maxMs: maxValue / 1_000,
      ...(histogram.totalCount === 0
        ? {}
        : { promisedShare: this.#withinPromise / histogram.totalCount }),
    };
  }
}
