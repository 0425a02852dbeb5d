import type { Clock } from "../clock.ts";
import { AppError, toAppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isDoubtful, unavailable } from "./sqlite-errors.ts";
import type { Check, OpeningReport } from "./sqlite-opening.ts";
import { DatabaseThread, type DatabaseWorker, ThreadEnded } from "./sqlite-thread.ts";
import type { WriteRequest, WriterAnswer, WriterRequest } from "./sqlite-writer.ts";

type WriterThread = DatabaseThread<WriterRequest, WriterAnswer>;

export interface WriterClientOptions {
  readonly path: string;
  /** How long a commit waits for a lock that another program holds on the database. */
  readonly busyTimeoutMs: number;
  readonly clock: Clock;
  readonly startWorker: () => DatabaseWorker;
  readonly log: Log | undefined;
}

/** However often writers end, they are started anew no more often than this. */
const RESTART_PAUSE_MS = 1_000;

/**
 * A writer that outlives its threads: one that ended, or whose connection is in doubt after an I/O
 * error, is replaced when the next request comes.
 */
export class WriterClient {
  readonly #options: WriterClientOptions;
  #thread: WriterThread | undefined;
  #restartedMs = Number.NEGATIVE_INFINITY;

  constructor(options: WriterClientOptions) {
    this.#options = options;
  }

  /** Opens, verifies and migrates the database. Rejects with AppError when that fails. */
  async start(check: Check): Promise<OpeningReport> {
    const { path, busyTimeoutMs, startWorker } = this.#options;
    const thread = new DatabaseThread<WriterRequest, WriterAnswer>(
      startWorker(),
      "writer's thread",
    );
    try {
      const answer = await thread.request({ kind: "open", path, busyTimeoutMs, check });
      if (answer === null || !("opening" in answer)) {
        throw new TypeError("an opening has a report");
      }
      this.#thread = thread;
      return answer.opening;
    } catch (fault) {
      await thread.terminate();
      throw fault instanceof ThreadEnded
        ? unavailable("the store's writer does not start", fault)
        : toAppError(fault);
    }
  }

  /**
   * One request at a time. Rejects with AppError when nothing was written; with ThreadEnded when the
   * thread ended meanwhile, and the write is there wholly or not at all.
   */
  async request(request: WriteRequest): Promise<WriterAnswer> {
    const thread = await this.#running();
    try {
      return await thread.request(request);
    } catch (fault) {
      // The next request starts another thread, and with it another connection.
      if (fault instanceof AppError && isDoubtful(fault)) await thread.terminate();
      throw fault;
    }
  }

  /** Not during a commit. Empties the write-ahead log into the database and ends the thread. */
  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    try {
      if (!thread.hasEnded) await thread.request({ kind: "close" });
    } catch (fault) {
      // Nothing is lost by that: the next start reads the log.
      this.#options.log?.warn({ err: fault }, "the database was not tidied at its closing");
    }
    await thread.terminate();
  }

  async #running(): Promise<WriterThread> {
    if (this.#thread === undefined || this.#thread.hasEnded) await this.#restart();
    if (this.#thread === undefined) throw unavailable("the store's writer does not run");
    return this.#thread;
  }

  async #restart(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#restartedMs < RESTART_PAUSE_MS) {
      throw unavailable("the store's writer has failed and is not restarted yet");
    }
    this.#restartedMs = nowMs;
    this.#options.log?.warn({}, "the store's writer has ended and is started anew");
    try {
      // Its log is one that this server has been writing, and reads rely on its connection meanwhile.
      await this.start("never");
    } catch (fault) {
      throw unavailable("the store's writer does not start again", fault);
    }
  }
}
