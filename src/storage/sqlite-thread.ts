import type { AppError } from "../errors.ts";
import { type Failure, fromFailure, toFailure } from "./sqlite-errors.ts";

/** The thread has ended, and what it was asked last has been done or not. */
export class ThreadEnded extends Error {
  override readonly name = "ThreadEnded";
}

/** The part of Worker that is needed here. */
export type DatabaseWorker = Pick<Worker, "postMessage" | "terminate" | "addEventListener">;

type Reply<Answer> = { readonly answer: Answer } | { readonly failure: Failure };

/**
 * `module` is the name of one in this folder, an entry point of its own. In the compiled binary all
 * modules have the binary's own URL, and the entry points that go with it lie beside that in the
 * tree that `src/` was.
 */
export function startDatabaseWorker(module: string): DatabaseWorker {
  const isCompiled = /\$bunfs|~BUN/.test(import.meta.url);
  const entry = isCompiled ? `./storage/${module}.js` : `./${module}.ts`;
  return new Worker(new URL(entry, import.meta.url).href);
}

/** Within the worker: each request has one reply, in order. */
export function answerRequests<Request, Answer>(
  answer: (request: Request) => Answer,
  asAppError: (fault: unknown) => AppError,
): void {
  const replyTo = (request: Request): Reply<Answer> => {
    try {
      return { answer: answer(request) };
    } catch (fault) {
      return { failure: toFailure(asAppError(fault)) };
    }
  };
  addEventListener("message", ({ data }: MessageEvent<Request>) => postMessage(replyTo(data)));
}

/** One worker, from its start to its end. */
export class DatabaseThread<Request, Answer> {
  /** Resolves when the thread is no more and its files are let go of. */
  readonly ended: Promise<void>;
  readonly #worker: DatabaseWorker;
  #pending: PromiseWithResolvers<Answer> | undefined;
  #end: ThreadEnded | undefined;

  /** @param name completes the sentence "the … ended" */
  constructor(worker: DatabaseWorker, name: string) {
    this.#worker = worker;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    let fault: string | undefined;
    worker.addEventListener("message", ({ data }: MessageEvent<Reply<Answer>>) =>
      this.#settle(data),
    );
    worker.addEventListener("error", ({ message }) => {
      fault = message;
      worker.terminate();
    });
    worker.addEventListener("close", () => {
      this.#end = new ThreadEnded(fault ?? `the ${name} ended`);
      this.#pending?.reject(this.#end);
      this.#pending = undefined;
      resolve();
    });
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /**
   * One request at a time: the next one after this one's promise has settled. Rejects with the
   * worker's AppError, or with ThreadEnded.
   */
  request(request: Request): Promise<Answer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    this.#pending = Promise.withResolvers<Answer>();
    this.#worker.postMessage(request);
    return this.#pending.promise;
  }

  /** Ends the thread wherever it is. Idempotent. */
  terminate(): Promise<void> {
    this.#worker.terminate();
    return this.ended;
  }

  #settle(reply: Reply<Answer>): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if ("failure" in reply) pending?.reject(fromFailure(reply.failure));
    else pending?.resolve(reply.answer);
  }
}
