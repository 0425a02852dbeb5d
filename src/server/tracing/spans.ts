import {
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import type { Clock } from "../../clock.ts";

export interface SpansOptions {
  readonly tracer: Tracer;
  /** Of what begins here, the share that is traced: 0 to 1. */
  readonly share: number;
  /** Whether it is traced, who asks may say; else they may say that it is not. */
  readonly trustsClients: boolean;
  readonly random: () => number;
  readonly clock: Clock;
}

/** A commit that has just ended; its span is made when something traced turns out to be in it. */
interface EndedCommit {
  readonly messages: number;
  readonly beganMs: number;
  readonly endedMs: number;
  span: Span | null;
}

/**
 * Spans, and which of them a commit made durable. They say what happened and how long it took, by
 * templates and codes: nothing that users write, no ids of theirs, no tokens.
 */
export class Spans {
  readonly #options: SpansOptions;
  #commit: EndedCommit | null = null;

  constructor(options: SpansOptions) {
    this.#options = options;
  }

  /**
   * Of something that came from outside, in the trace of its W3C `traceparent` if it had one; one
   * that is none is like none. null: it is not traced.
   */
  begin(name: string, traceParent: string | undefined): Span | null {
    // What was confirmed by a commit is done: this is something else.
    this.#endCommit();
    const { tracer, share, trustsClients, random } = this.#options;
    const parent = traceParent === undefined ? null : parseTraceParent(traceParent);
    if (parent === null) {
      return random() < share
        ? tracer.startSpan(name, { kind: SpanKind.SERVER }, ROOT_CONTEXT)
        : null;
    }
    if ((parent.traceFlags & TraceFlags.SAMPLED) === 0) return null;
    if (!trustsClients && random() >= share) return null;
    const context = trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
    return tracer.startSpan(name, { kind: SpanKind.SERVER }, context);
  }

  /** @param code of the refusal; null: it was done */
  end(span: Span, code: string | null): void {
    if (code !== null) {
      span.setAttribute("error.type", code);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  /** The messages of a commit are on disk; those who wait for it hear of it in this turn. */
  committed(messages: number, seconds: number): void {
    this.#endCommit();
    const endedMs = this.#options.clock.now();
    this.#commit = { messages, beganMs: endedMs - 1_000 * seconds, endedMs, span: null };
    setImmediate(() => this.#endCommit());
  }

  /** The span was waiting for what has just been committed, if anything has. */
  madeDurable(span: Span): void {
    const commit = this.#commit;
    if (commit === null) return;
    const link = { context: span.spanContext() };
    if (commit.span !== null) {
      commit.span.addLink(link);
      return;
    }
    commit.span = this.#options.tracer.startSpan(
      "commit",
      {
        startTime: commit.beganMs,
        attributes: { "parley.commit.messages": commit.messages },
        links: [link],
      },
      ROOT_CONTEXT,
    );
  }

  #endCommit(): void {
    this.#commit?.span?.end(this.#commit.endedMs);
    this.#commit = null;
  }
}
