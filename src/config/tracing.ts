import { z } from "zod";
import { boolean, delayMs, integer, isHttpUrl, optionalText } from "./setting.ts";

/** Traces by OpenTelemetry. */
export const tracing = z.object({
  endpoint: optionalText(
    "The OpenTelemetry collector that gets traces, by OTLP over HTTP: its address without `/v1/traces`. Without it, and with `none`, nothing is traced.",
    {
      accepts: (text) => text === "none" || isHttpUrl(text),
      expected: "an http or https URL, or none",
      secret: true,
      standardVariable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    },
  ),
  samplePercent: integer(
    1,
    { min: 0, max: 100 },
    "Of requests and of SENDs to `/app/**`, so many in a hundred are traced; of those that come with a `traceparent`, if that says that it is sampled.",
  ),
  trustClients: boolean(
    false,
    "What comes with a `traceparent` is traced whenever that says so: where all clients are your own.",
  ),
  queuedSpans: integer(
    2_048,
    { min: 1, max: 1_000_000 },
    "So many spans wait for the collector; further ones are dropped.",
  ),
  intervalMs: delayMs(5_000, 10, "How often spans are sent."),
});
