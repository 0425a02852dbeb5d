import type { Context } from "hono";
import type { LimitKeys } from "../auth/limit-keys.ts";
import type { Remote } from "../auth/remote.ts";
import { AppError } from "../errors.ts";
import type { ApiEnvironment } from "./api.ts";

export interface LargeAnswersOptions {
  readonly keys: LimitKeys;
  /** What all clients together may leave untaken; a client address may a quarter of it. */
  readonly limitBytes: number;
}

/** What is shorter goes out as it is: it is not worth watching. */
const LARGE_BYTES = 64 * 1024;
/** The engine is given so much at a time, and asks for more when the client has taken it. */
const PIECE_BYTES = 64 * 1024;
const SHARE_OF_ADDRESS = 1 / 4;
const RETRY_MS = 1_000;

/**
 * Answers of the API, which may be long, and are kept until the client has taken them. Who leaves too
 * much of them untaken gets no other.
 */
export class LargeAnswers {
  readonly #options: LargeAnswersOptions;
  readonly #byAddress = new Map<string, number>();
  #bytes = 0;

  constructor(options: LargeAnswersOptions) {
    this.#options = options;
  }

  /** What is on its way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Before an answer is made. Throws RATE_LIMITED of the client's address, or SERVER_FULL. */
  assertRoom(remote: Remote): void {
    const { keys, limitBytes } = this.#options;
    const key = keys.of(remote);
    const details = { retryAfterMs: RETRY_MS };
    if (key !== null && (this.#byAddress.get(key) ?? 0) >= SHARE_OF_ADDRESS * limitBytes) {
      const text = "Too much of earlier answers has not been taken by this address";
      throw new AppError("RATE_LIMITED", text, { details });
    }
    if (this.#bytes < limitBytes) return;
    throw new AppError("SERVER_FULL", "Too much of earlier answers has not been taken", {
      details,
    });
  }

  /** The document as the answer to the request. */
  json(context: Context<ApiEnvironment>, document: unknown): Response {
    return this.text(context, JSON.stringify(document));
  }

  /** As `json`, of a document that is JSON already. */
  text({ env, req }: Context<ApiEnvironment>, json: string): Response {
    const headers = { "content-type": "application/json" };
    const bytes = Buffer.from(json);
    // A HEAD is answered without it.
    if (bytes.length < LARGE_BYTES || req.method === "HEAD")
      return new Response(bytes, { headers });
    const key = this.#options.keys.of(env.remote);
    this.#add(key, bytes.length);
    const { signal } = req.raw;
    const gone = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve());
    });
    const taken = Promise.withResolvers<void>();
    const release = () => this.#add(key, -bytes.length);
    Promise.race([taken.promise, gone]).then(release, release);
    const source: Bun.DirectUnderlyingSource<Uint8Array> = {
      type: "direct",
      async pull(out) {
        for (let at = 0; at < bytes.length && !signal.aborted; at += PIECE_BYTES) {
          const written: number | Promise<number> = out.write(bytes.subarray(at, at + PIECE_BYTES));
          out.flush();
          // It fails when the client goes, which the signal says.
          if (written instanceof Promise) await Promise.race([written.catch(() => {}), gone]);
        }
        out.end();
        taken.resolve();
      },
    };
    // The browser's types, which know no such source, hide those of Bun.
    const stream: ReadableStream<Uint8Array> = Reflect.construct(ReadableStream, [source]);
    return new Response(stream, { headers });
  }

  #add(key: string | null, bytes: number): void {
    this.#bytes += bytes;
    if (key === null) return;
    const ofAddress = (this.#byAddress.get(key) ?? 0) + bytes;
    if (ofAddress === 0) this.#byAddress.delete(key);
    else this.#byAddress.set(key, ofAddress);
  }
}
