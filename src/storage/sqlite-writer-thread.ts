import { fromFailure } from "./sqlite-errors.ts";
import type { WriterAnswer, WriterReply, WriterRequest } from "./sqlite-writer.ts";

/** The thread has ended, and what it was asked last has been done or not. */
export class WriterEnded extends Error {
  override readonly name = "WriterEnded";
}

/** The part of Worker that is needed here. */
export type WriterWorker = Pick<Worker, "postMessage" | "terminate" | "addEventListener">;

/**
 * In the compiled binary all modules have the binary's own URL, and the entry points that go with
 * it lie beside that in the tree that `src/` was.
 */
export function startWriterWorker(): WriterWorker {
  const isCompiled = /\$bunfs|~BUN/.test(import.meta.url);
  const entry = isCompiled ? "./storage/sqlite-writer.js" : "./sqlite-writer.ts";
  return new Worker(new URL(entry, import.meta.url).href);
}

/** One writer worker, from its start to its end. */
export class WriterThread {
  /** Resolves when the thread is no more and its files are let go of. */
  readonly ended: Promise<void>;
  readonly #worker: WriterWorker;
  #pending: PromiseWithResolvers<WriterAnswer> | undefined;
  #end: WriterEnded | undefined;

  constructor(worker: WriterWorker) {
    this.#worker = worker;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    let fault: string | undefined;
    worker.addEventListener("message", ({ data }: MessageEvent<WriterReply>) => this.#settle(data));
    worker.addEventListener("error", ({ message }) => {
      fault = message;
      worker.terminate();
    });
    worker.addEventListener("close", () => {
      this.#end = new WriterEnded(fault ?? "the writer's thread ended");
      this.#pending?.reject(this.#end);
      this.#pending = undefined;
      resolve();
    });
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /**
   * One request at a time: the next one after this one's promise has settled. Resolves with what
   * the reply holds. Rejects with the writer's AppError, or with WriterEnded.
   */
  request(request: WriterRequest): Promise<WriterAnswer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    this.#pending = Promise.withResolvers<WriterAnswer>();
    this.#worker.postMessage(request);
    return this.#pending.promise;
  }

  /** Ends the thread wherever it is. Idempotent. */
  terminate(): Promise<void> {
    this.#worker.terminate();
    return this.ended;
  }

  #settle(reply: WriterReply): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (reply !== null && "failure" in reply) pending?.reject(fromFailure(reply.failure));
    else pending?.resolve(reply);
  }
}
