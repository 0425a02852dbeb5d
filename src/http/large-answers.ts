import type { Context } from "hono";
import type { LimitKeys } from "../auth/limit-keys.ts";
import type { Remote } from "../auth/remote.ts";
import { AppError } from "../errors.ts";
import type { ApiEnvironment } from "./api.ts";
import { entityTag, isKnown } from "./entity-tag.ts";

export interface LargeAnswersOptions {
  readonly keys: LimitKeys;
  /** What all clients together may leave untaken; a client address may a quarter of it. */
  readonly limitBytes: number;
  /** By which requests say who asks. */
  readonly callerHeaders: readonly string[];
}

/** What is shorter goes out as it is: it is not worth watching. */
const LARGE_BYTES = 64 * 1024;
/** The engine is given so much at a time, and asks for more when the client has taken it. */
const PIECE_BYTES = 64 * 1024;
const SHARE_OF_ADDRESS = 1 / 4;
const RETRY_MS = 1_000;

/**
 * Answers of the API, which may be long, and are kept until the client has taken them. Who leaves too
 * much of them untaken gets no other; who has one already is told so instead.
 */
export class LargeAnswers {
  readonly #options: LargeAnswersOptions;
  readonly #byAddress = new Map<string, number>();
  readonly #vary: string;
  #bytes = 0;

  constructor(options: LargeAnswersOptions) {
    this.#options = options;
    this.#vary = [...new Set(options.callerHeaders.map((name) => name.toLowerCase()))].join(", ");
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

  /** The document as the answer to the request, or 304 where the client has it (`If-None-Match`). */
  json(context: Context<ApiEnvironment>, document: unknown): Response {
    const bytes = Buffer.from(JSON.stringify(document));
    const etag = entityTag(bytes);
    // Kept by the caller's own cache alone, which asks each time whether it still holds.
    const kept = { etag, "cache-control": "private, no-cache", vary: this.#vary };
    if (isKnown(context.req.header("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers: kept });
    }
    return this.#answer(context, { ...kept, "content-type": "application/json" }, bytes);
  }

  /** What is JSON already, and never the same again. */
  text(context: Context<ApiEnvironment>, json: string): Response {
    return this.#answer(context, { "content-type": "application/json" }, Buffer.from(json));
  }

  #answer(
    { env, req }: Context<ApiEnvironment>,
    headers: Record<string, string>,
    bytes: Buffer<ArrayBuffer>,
  ): Response {
    // A HEAD is answered without it.
    if (bytes.length < LARGE_BYTES || req.method === "HEAD")
      return new Response(bytes, { headers });
    const key = this.#options.keys.of(env.remote);
    this.#add(key, bytes.length);
    const { signal } = req.raw;
    const gone = goneOf(signal);
    const taken = Promise.withResolvers<void>();
    const release = () => this.#add(key, -bytes.length);
    Promise.race([taken.promise, gone]).then(release, release);
    return streamed(headers, async (out) => {
      for (let at = 0; at < bytes.length && !signal.aborted; at += PIECE_BYTES) {
        const written: number | Promise<number> = out.write(bytes.subarray(at, at + PIECE_BYTES));
        out.flush();
        // It fails when the client goes, which the signal says.
        if (written instanceof Promise) await Promise.race([written.catch(() => {}), gone]);
      }
      out.end();
      taken.resolve();
    });
  }

  /**
   * Texts as they are made: the next one is asked for when the client has taken most of those before,
   * and others have had their turn. `ended` is called once: they have all been made, or the client is
   * gone.
   */
  stream(
    { env, req }: Context<ApiEnvironment>,
    contentType: string,
    make: () => AsyncGenerator<string>,
    ended: () => void,
  ): Response {
    const headers = { "content-type": contentType };
    if (req.method === "HEAD") {
      ended();
      return new Response(null, { headers });
    }
    const key = this.#options.keys.of(env.remote);
    this.#add(key, PIECE_BYTES);
    const { signal } = req.raw;
    const gone = goneOf(signal);
    const texts = make();
    const release = () => {
      this.#add(key, -PIECE_BYTES);
      ended();
    };
    let isPulled = false;
    // A client that is gone before the engine asks never makes it ask.
    void gone.then(() => {
      if (!isPulled) release();
    });
    return streamed(headers, async (out) => {
      isPulled = true;
      try {
        for await (const text of texts) {
          if (signal.aborted) break;
          const written: number | Promise<number> = out.write(text);
          out.flush();
          if (written instanceof Promise) await Promise.race([written.catch(() => {}), gone]);
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
      } finally {
        out.end();
        release();
      }
    });
  }

  #add(key: string | null, bytes: number): void {
    this.#bytes += bytes;
    if (key === null) return;
    const ofAddress = (this.#byAddress.get(key) ?? 0) + bytes;
    if (ofAddress === 0) this.#byAddress.delete(key);
    else this.#byAddress.set(key, ofAddress);
  }
}

/** Resolves when the client is. */
function goneOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}

type Pull = Bun.DirectUnderlyingSource<Uint8Array>["pull"];

function streamed(headers: Readonly<Record<string, string>>, pull: Pull): Response {
  const source: Bun.DirectUnderlyingSource<Uint8Array> = { type: "direct", pull };
  // The browser's types, which know no such source, hide those of Bun.
  const stream: ReadableStream<Uint8Array> = Reflect.construct(ReadableStream, [source]);
  return new Response(stream, { headers });
}
