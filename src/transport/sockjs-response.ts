import type { ResponseFormat } from "../sockjs/response-format.ts";
import type { FrameSink } from "./sockjs-connection.ts";

/** A request that receives: what it is answered with, and where its frames go. */
export interface ReceivingResponse {
  readonly sink: FrameSink;
  readonly response: Response | Promise<Response>;
}

/** Polling: the first frame is the whole response. `onEnd`: it is about to be sent. */
export function pollingResponse(
  format: ResponseFormat,
  headers: Headers,
  onEnd: () => void,
): ReceivingResponse {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const sink: FrameSink = {
    write(frame) {
      onEnd();
      resolve(new Response(format.write(frame), { headers }));
      return false;
    },
    end() {
      onEnd();
      resolve(new Response(null, { headers }));
    },
    bufferedBytes: 0, // Not to be known.
  };
  return { sink, response: promise };
}

export interface StreamOptions {
  /** Of frames in one response. */
  readonly limitBytes: number;
  /** The peer has taken what was buffered. */
  readonly onDrained: () => void;
  /** The response is about to end. */
  readonly onEnd: () => void;
}

/** Streaming: frame after frame, each on its way at once. */
export function streamingResponse(
  format: ResponseFormat,
  headers: Headers,
  options: StreamOptions,
): ReceivingResponse {
  const sink = new StreamSink(format, options);
  // A direct stream: any other would join frames that wait into one chunk.
  const source: Bun.DirectUnderlyingSource<string> = {
    type: "direct",
    pull: (out) => sink.opened(out),
  };
  // The browser's types, which know no such source, hide those of Bun.
  const stream: ReadableStream<string> = Reflect.construct(ReadableStream, [source]);
  return { sink, response: new Response(stream, { headers }) };
}

class StreamSink implements FrameSink {
  readonly #format: ResponseFormat;
  readonly #options: StreamOptions;
  readonly #ended = Promise.withResolvers<void>();
  #out: ReadableStreamDirectController | null = null;
  /** Written before the engine asked for anything. */
  #early: string[];
  #earlyBytes: number;
  #bytes = 0;
  #bufferedBytes = 0;
  #isEnded = false;

  constructor(format: ResponseFormat, options: StreamOptions) {
    this.#format = format;
    this.#options = options;
    this.#early = [format.prelude];
    this.#earlyBytes = format.prelude.length;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes + this.#earlyBytes;
  }

  /** The stream lives as long as the promise is open. */
  opened(out: ReadableStreamDirectController): Promise<void> {
    this.#out = out;
    this.#earlyBytes = 0;
    for (const text of this.#early.splice(0)) this.#put(text);
    if (this.#bufferedBytes === 0) this.#options.onDrained();
    if (this.#isEnded) out.end();
    return this.#ended.promise;
  }

  write(frame: string): boolean {
    if (this.#isEnded) return false;
    const text = this.#format.write(frame);
    this.#bytes += text.length;
    this.#put(text);
    if (this.#bytes < this.#options.limitBytes) return true;
    this.end();
    return false;
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.onEnd();
    this.#out?.end();
    this.#ended.resolve();
  }

  #put(text: string): void {
    if (this.#out === null) {
      this.#early.push(text);
      this.#earlyBytes += text.length;
      return;
    }
    const taken: number | Promise<number> = this.#out.write(text);
    this.#out.flush();
    if (taken instanceof Promise) this.#await(taken, text.length);
  }

  /** The engine's promise is open until the peer has taken the text. */
  #await(taken: Promise<number>, length: number): void {
    this.#bufferedBytes += length;
    taken.then(
      () => {
        this.#bufferedBytes -= length;
        if (this.#bufferedBytes === 0) this.#options.onDrained();
      },
      () => {}, // The peer is gone, and the request's signal says so.
    );
  }
}
