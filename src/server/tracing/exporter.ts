import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Log } from "../../log.ts";

/**
 * Sends spans to the collector. What it does not take is gone: that is logged once, until it takes
 * some again.
 */
export class QuietExporter implements SpanExporter {
  readonly #exporter: OTLPTraceExporter;
  readonly #log: Log;
  #isFailing = false;

  /** @param endpoint the collector's address; headers and the like follow the standard's variables */
  constructor(endpoint: string, log: Log) {
    this.#exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces` });
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter["export"]>[1]): void {
    this.#exporter.export(spans, ({ code, error }) => {
      this.#note(code === ExportResultCode.SUCCESS ? null : (error ?? new Error("not taken")));
      // Nobody else needs to hear of it.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #note(err: Error | null): void {
    const wasFailing = this.#isFailing;
    this.#isFailing = err !== null;
    if (err !== null && !wasFailing) this.#log.warn({ err }, "The collector takes no traces");
    if (err === null && wasFailing) this.#log.info({}, "The collector takes traces again");
  }
}
