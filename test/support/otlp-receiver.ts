/** A span as OTLP has it in JSON, as far as tests look at it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly string[];
  readonly isError: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

/** How it answers: as a collector does, by a refusal, or not before `release`. */
export type Manner = "takes" | "refuses" | "hangs";

/** A collector of traces on loopback, OTLP over HTTP. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** What came, as it came. */
  readonly bodies: string[] = [];
  readonly headers: Headers[] = [];
  readonly resources: Readonly<Record<string, unknown>>[] = [];
  manner: Manner = "takes";
  #waiting: (() => void)[] = [];
  readonly #release = Promise.withResolvers<void>();
  readonly #server: ReturnType<typeof Bun.serve>;

  constructor() {
    this.#server = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0, idleTimeout: 0 },
      fetch: (request) => this.#fetch(request),
    });
  }

  /** As settings have it. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The first span that satisfies the condition, when it has come. */
  async span(matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
    for (;;) {
      const found = this.spans.find(matches);
      if (found !== undefined) return found;
      await this.asked();
    }
  }

  /** Resolves when the next request has come. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Answers what it has held. */
  release(): void {
    this.manner = "takes";
    this.#release.resolve();
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const text = await request.text();
    this.bodies.push(text);
    this.headers.push(request.headers);
    if (pathname !== "/v1/traces" || request.method !== "POST") {
      return new Response(null, { status: 404 });
    }
    const { manner } = this;
    if (manner !== "refuses") this.#take(JSON.parse(text));
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (manner === "hangs") await this.#release.promise;
    return manner === "refuses" ? new Response(null, { status: 500 }) : Response.json({});
  }

  #take({ resourceSpans }: Export): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      this.resources.push(valuesOf(resource.attributes));
      for (const { spans } of scopeSpans) this.spans.push(...spans.map(spanOf));
    }
  }
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
  readonly links: readonly { readonly spanId: string }[];
  readonly status: { readonly code: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

/** A span's status where it failed. */
const STATUS_ERROR = 2;

function spanOf(span: SentSpan): ReceivedSpan {
  const { traceId, spanId, parentSpanId, name, kind, attributes, links, status } = span;
  return {
    ...{ traceId, spanId, parentSpanId, name, kind },
    attributes: valuesOf(attributes),
    links: links.map((link) => link.spanId),
    isError: status.code === STATUS_ERROR,
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
  };
}

function valuesOf(attributes: readonly Attribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
