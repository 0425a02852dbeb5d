import type { Endpoints } from "./endpoint.ts";

/** In Prometheus' text format. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

/** What the server counts and measures, for Prometheus to scrape. */
export function metricsEndpoint(
  endpoints: Endpoints,
  metrics: MetricsSource,
  isOpen: boolean,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/metrics", by: isOpen ? "anybody" : "server", tag: "Health" },
      operationId: "getMetrics",
      summary: "What the server counts and measures, for Prometheus",
      answers: { 200: { description: "In Prometheus' text format.", isText: true } },
    },
    async ({ context }) =>
      context.body(await metrics.text(), 200, { "content-type": metrics.contentType }),
  );
}
