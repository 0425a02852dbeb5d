import { z } from "zod";
import { delayMs, integer, isHttpUrl, optionalText } from "./setting.ts";

/** Traces by OpenTelemetry. */
export const tracing = z.object({
  endpoint: optionalText(
    "The OpenTelemetry collector that gets traces, by OTLP over HTTP: its address without `/v1/traces`. Without it nothing is traced.",
    {
      accepts: isHttpUrl,
      expected: "an http or https URL",
      secret: true,
      standardVariable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    },
  ),
  samplePercent: integer(
    1,
    { min: 0, max: 100 },
    "Of requests and of SENDs to `/app/**`, so many in a hundred are traced. One that comes with a `traceparent` is traced if that says so.",
  ),
  queuedSpans: integer(
    2_048,
    { min: 1, max: 1_000_000 },
    "So many spans wait for the collector; further ones are dropped.",
  ),
  intervalMs: delayMs(5_000, 10, "How often spans are sent."),
});
