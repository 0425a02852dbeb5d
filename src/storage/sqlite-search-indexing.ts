import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Commits } from "./sqlite-commits.ts";

/** From a commit to the first portion after it, which has more messages in it by then. */
const DELAY_MS = 100;
/** Between portions. */
const PAUSE_MS = 1;
/**
 * While messages come, so many times as long as the portion took with its waiting for commits: the
 * writer's time is the messages' but for a small part, and the smaller the more of them come.
 */
const BUSY_FACTOR = 8;
const LONGEST_PAUSE_MS = 1_000;
const RETRY_MS = 5_000;

/** Has the writer index what was committed, in portions between which it commits. */
export class SearchIndexing {
  readonly #commits: Pick<Commits, "index">;
  readonly #clock: Clock;
  readonly #log: Log | undefined;
  #timer: Timer | undefined;
  /** A portion is under way or waited for. */
  #isRunning = false;
  /** Something was committed since the last portion began. */
  #isDue = false;
  /** In a row. */
  #failures = 0;
  #isStopped = false;

  constructor(commits: Pick<Commits, "index">, clock: Clock, log: Log | undefined) {
    this.#commits = commits;
    this.#clock = clock;
    this.#log = log;
  }

  /** There may be something that is not indexed. Returns at once, and costs next to nothing. */
  due(): void {
    this.#isDue = true;
    if (!this.#isRunning) this.#schedule(DELAY_MS);
  }

  /** A portion under way is one of the commits that the store finishes. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    this.#isRunning = !this.#isStopped;
    if (this.#isStopped) return;
    this.#timer = this.#clock.schedule(delayMs, () => void this.#portion());
  }

  async #portion(): Promise<void> {
    this.#isDue = false;
    const startMs = this.#clock.monotonicMs();
    let hasMore = true;
    try {
      hasMore = await this.#commits.index();
      this.#failures = 0;
    } catch (err) {
      this.#failures += 1;
      // The first one may be of a writer that ended, and is replaced.
      if (this.#failures === 2) this.#log?.warn({ err }, "New messages are not indexed for now");
    }
    if (this.#failures > 0) this.#schedule(RETRY_MS);
    else if (hasMore) this.#schedule(this.#pauseMs(startMs));
    else if (this.#isDue) this.#schedule(DELAY_MS);
    else this.#isRunning = false;
  }

  #pauseMs(startMs: number): number {
    if (!this.#isDue) return PAUSE_MS;
    const tookMs = this.#clock.monotonicMs() - startMs;
    return Math.min(Math.max(BUSY_FACTOR * tookMs, PAUSE_MS), LONGEST_PAUSE_MS);
  }
}
