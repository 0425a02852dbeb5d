import type { MessageSearch, SearchPage, SearchQuery } from "../chat/search.ts";
import type { Clock, Timer } from "../clock.ts";
import { unavailable } from "./sqlite-errors.ts";
import type { SearcherAnswer, SearcherRequest } from "./sqlite-searcher.ts";
import { DatabaseThread, type DatabaseWorker, ThreadEnded } from "./sqlite-thread.ts";

export interface SqliteSearchOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly startWorker: () => DatabaseWorker;
}

/** A server that nobody searches does without the thread's memory. */
const IDLE_MS = 60_000;
/** Searches that may wait for their turn. */
const MOST_WAITING = 256;

type Thread = DatabaseThread<SearcherRequest, SearcherAnswer>;

/** Searches a database on a thread of its own, which is started when it is needed. */
export class SqliteSearch implements MessageSearch {
  readonly #options: SqliteSearchOptions;
  #thread: Thread | undefined;
  #idleTimer: Timer | undefined;
  /** Settled when the searches so far are. Never rejects. */
  #idle: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(options: SqliteSearchOptions) {
    this.#options = options;
  }

  search(query: SearchQuery): Promise<SearchPage> {
    if (this.#isClosed) return Promise.reject(unavailable("the store is closed"));
    if (this.#waiting >= MOST_WAITING) {
      return Promise.reject(unavailable("too many searches are waiting"));
    }
    this.#waiting += 1;
    this.#idleTimer?.cancel();
    return this.#inTurn(() => this.#answer(query)).finally(() => {
      this.#waiting -= 1;
      if (this.#waiting > 0 || this.#isClosed) return;
      this.#idleTimer = this.#options.clock.schedule(IDLE_MS, () => {
        void this.#inTurn(() => this.#end());
      });
    });
  }

  /** Takes no more searches, and lets go of the database when those under way are done. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#idleTimer?.cancel();
    return this.#inTurn(() => this.#end());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#idle.then(work);
    this.#idle = done.catch(() => undefined);
    return done;
  }

  async #answer(query: SearchQuery): Promise<SearchPage> {
    // Nobody waits for it any more.
    if (this.#isClosed) throw unavailable("the store is closed");
    try {
      if (this.#thread?.hasEnded === true) this.#thread = undefined;
      this.#thread ??= await this.#start();
      const page = await this.#thread.request({ kind: "search", query });
      if (page === null) throw unavailable("the store did not say what it found");
      return page;
    } catch (fault) {
      if (!(fault instanceof ThreadEnded)) throw fault;
      this.#thread = undefined; // The next search starts another one.
      throw unavailable("the search ended before it was done", fault);
    }
  }

  async #start(): Promise<Thread> {
    const { path, startWorker } = this.#options;
    const thread: Thread = new DatabaseThread(startWorker(), "search's thread");
    try {
      await thread.request({ kind: "open", path });
      return thread;
    } catch (fault) {
      await thread.terminate();
      throw fault;
    }
  }

  async #end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    // What cannot be closed is let go of with the thread.
    await thread.request({ kind: "close" }).catch(() => undefined);
    await thread.terminate();
  }
}
