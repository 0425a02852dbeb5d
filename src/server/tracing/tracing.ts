import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { MiddlewareHandler } from "hono";
import type { AppRouter } from "../../app/router.ts";
import type { Clock } from "../../clock.ts";
import type { Settings } from "../../config.ts";
import { Deadline } from "../../deadline.ts";
import type { ApiEnvironment } from "../../http/api.ts";
import type { Log } from "../../log.ts";
import { QuietExporter } from "./exporter.ts";
import { traceRequests } from "./requests.ts";
import { TracedSends } from "./sends.ts";
import { Spans } from "./spans.ts";

export interface TracingOptions {
  /** Of the collector. */
  readonly endpoint: string;
  readonly settings: Settings["tracing"];
  readonly version: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Of a commit, to what waited for it. */
const MOST_LINKS = 10_000;
/** So long a stop waits for the collector to take the last spans. */
const FLUSH_MS = 1_000;

/** Traces by OpenTelemetry, for a server that has them on: what is put around its parts. */
export class Tracing {
  readonly requests: MiddlewareHandler<ApiEnvironment>;
  readonly #provider: TracerProvider;
  readonly #spans: Spans;
  readonly #clock: Clock;

  constructor({ endpoint, settings, version, clock, random, log }: TracingOptions) {
    const { samplePercent, queuedSpans, intervalMs, trustClients } = settings;
    const own = resourceFromAttributes({ "service.name": "parley", "service.version": version });
    this.#provider = new TracerProvider({
      resource: own.merge(detectResources({ detectors: [envDetector] })),
      sampler: new AlwaysOnSampler(), // What is not traced has no span at all.
      spanLimits: { linkCountLimit: MOST_LINKS },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new QuietExporter(endpoint, log),
          maxQueueSize: queuedSpans,
          scheduledDelayMillis: intervalMs,
        }),
      ],
    });
    this.#clock = clock;
    this.#spans = new Spans({
      tracer: this.#provider.getTracer("parley", version),
      ...{ share: samplePercent / 100, trustsClients: trustClients, random, clock },
    });
    this.requests = traceRequests(this.#spans);
  }

  sends(router: Pick<AppRouter, "handle">): TracedSends {
    return new TracedSends(router, this.#spans);
  }

  committed(messages: number, seconds: number): void {
    this.#spans.committed(messages, seconds);
  }

  /** What is left goes out, if the collector takes it soon. */
  async stop(): Promise<void> {
    const flushed = this.#provider.shutdown().catch(() => {});
    await new Deadline(this.#clock, FLUSH_MS).allows(flushed);
  }
}
