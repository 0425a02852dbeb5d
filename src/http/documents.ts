import type { Hono } from "hono";
import type { AddressRate } from "../auth/address-rate.ts";
import type { ApiEnvironment } from "./api.ts";
import { entityTag, isKnown } from "./entity-tag.ts";
import type { OpenApiDocument } from "./openapi.ts";
import { REFERENCE_HEADERS, referencePage } from "./reference-page.ts";

/** What the API is, for programs and for people. Made once: they are asked for by anybody. */
export function documentRoutes(
  api: Hono<ApiEnvironment>,
  document: OpenApiDocument,
  requests: AddressRate,
): void {
  const json = kept(JSON.stringify(document), { "content-type": "application/json" });
  const page = kept(String(referencePage(document)), {
    ...{ "content-type": "text/html; charset=utf-8", ...REFERENCE_HEADERS },
  });
  api.get("/api/openapi.json", ({ req, env }) => {
    requests.spend(env.remote);
    return json(req.header("if-none-match"));
  });
  api.get("/api/docs", ({ req, env }) => {
    requests.spend(env.remote);
    return page(req.header("if-none-match"));
  });
}

/** Answers with the text, or that the client has it. */
function kept(text: string, headers: Readonly<Record<string, string>>) {
  const bytes = Buffer.from(text);
  const etag = entityTag(bytes);
  const withTag = { ...headers, etag, "cache-control": "no-cache" };
  return (known: string | undefined) =>
    isKnown(known, etag)
      ? new Response(null, { status: 304, headers: withTag })
      : new Response(bytes, { headers: withTag });
}
