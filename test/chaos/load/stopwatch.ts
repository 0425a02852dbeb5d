import { Latencies } from "../../../bench/load/latencies.ts";

/**
 * Times from a message's sending to its first receipt, or to its confirmation. A message that had to be sent again, or came
 * as a replay, is not timed: how long its device was cut off is no matter of the server's speed.
 */
export class Stopwatch {
  readonly #latencies = new Latencies("send → told");
  readonly #sentMs = new Map<string, number>();

  sent(key: string): void {
    this.#sentMs.set(key, performance.now());
  }

  sentAgain(key: string): void {
    this.#sentMs.delete(key);
  }

  received(key: string): void {
    const sentMs = this.#sentMs.get(key);
    if (sentMs === undefined) return;
    this.#sentMs.delete(key);
    this.#latencies.record(performance.now() - sentMs);
  }

  /** Null when nothing was timed. */
  get p99Ms(): number | null {
    const { count, p99Ms } = this.#latencies.summary();
    return count === 0 ? null : p99Ms;
  }

  reset(): void {
    this.#latencies.reset();
  }
}
