import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Commits } from "./sqlite-commits.ts";
import type { IndexingProgress } from "./sqlite-search-writes.ts";

/** From a commit to the first portion after it, which has more messages in it by then. */
const DELAY_MS = 100;
/** Between portions. While messages come, the writer's time is theirs but for a small part. */
const PAUSE_MS = 1;
const BUSY_PAUSE_MS = 50;
/** The same, where it has fallen so far behind. */
const MOST_BEHIND = 10_000;
const BEHIND_PAUSE_MS = 10;
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
    let progress: IndexingProgress = { hasMore: true, behind: 0 };
    try {
      progress = await this.#commits.index();
      this.#failures = 0;
    } catch (err) {
      this.#failures += 1;
      // The first one may be of a writer that ended, and is replaced.
      if (this.#failures === 2) this.#log?.warn({ err }, "New messages are not indexed for now");
    }
    if (this.#failures > 0) this.#schedule(RETRY_MS);
    else if (progress.hasMore) this.#schedule(this.#pauseMs(progress));
    else if (this.#isDue) this.#schedule(DELAY_MS);
    else this.#isRunning = false;
  }

  #pauseMs({ behind }: IndexingProgress): number {
    if (!this.#isDue) return PAUSE_MS;
    return behind > MOST_BEHIND ? BEHIND_PAUSE_MS : BUSY_PAUSE_MS;
  }
}
