import type { Clock } from "../clock.ts";
import type { Endpoints } from "./endpoint.ts";
import { type HealthSource, healthDocument, unreadiness } from "./health.ts";
import { HEALTH } from "./schemas.ts";

export interface HealthApiOptions {
  readonly health: HealthSource;
  readonly clock: Clock;
}

const tag = "Health";

/** How the server is, for load balancers, orchestrators and people. */
export function healthEndpoints(endpoints: Endpoints, { health, clock }: HealthApiOptions): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/websocket/health", by: "anybody", tag },
      operationId: "getHealth",
      summary: "How the server is, and how many are there",
      answers: {
        200: { description: "It works.", schema: HEALTH },
        503: { description: "It stops.", schema: HEALTH },
      },
    },
    ({ context }) => {
      const document = healthDocument(health, clock.now());
      return context.json(document, document.status === "DOWN" ? 503 : 200);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/healthz", by: "anybody", tag },
      operationId: "getLiveness",
      summary: "The process lives",
      answers: { 200: { description: "`alive`, as text.", isText: true } },
    },
    ({ context }) => context.text("alive\n"),
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/readyz", by: "anybody", tag },
      operationId: "getReadiness",
      summary: "The server may get new clients",
      answers: {
        200: { description: "`ready`, as text.", isText: true },
        503: { description: "Why it should not, as text.", isText: true },
      },
    },
    ({ context }) => {
      const reason = unreadiness(health);
      return reason === null ? context.text("ready\n") : context.text(`${reason}\n`, 503);
    },
  );
}
