import { createHash } from "node:crypto";
import { BOOTSTRAP } from "../sockjs/iframe.ts";
import { isFromElsewhere, type OriginPolicy } from "./origin.ts";

/**
 * Whose pages may have SockJS's own in a frame. What such a frame asks comes from the server's own
 * origin, with its cookies: so `*` lets nobody in here, each origin must be named.
 */
function ancestors({ headers }: Request, policy: OriginPolicy): string {
  const { allowedOrigins, onLoopback } = policy;
  const named = allowedOrigins.filter((origin) => origin !== "*");
  const isLocal = onLoopback && !isFromElsewhere(headers, policy);
  const hosts = isLocal ? ["localhost", "127.0.0.1"] : [];
  const local = hosts.flatMap((host) => [`http://${host}:*`, `https://${host}:*`]);
  return ["frame-ancestors 'self'", ...named, ...local].join(" ");
}

/** Of htmlfile, whose scripts are its messages: it says only who may have it in a frame. */
export function htmlFilePolicy(request: Request, policy: OriginPolicy): string {
  return ancestors(request, policy);
}

/** Of the iframe page: SockJS's own script, and requests to this server. */
export function iframePolicy(
  request: Request,
  policy: OriginPolicy,
  clientUrl: string | undefined,
): string {
  const hash = createHash("sha256").update(BOOTSTRAP).digest("base64");
  const script = clientUrl === undefined ? null : URL.parse(clientUrl)?.origin;
  return [
    "default-src 'none'",
    `script-src 'sha256-${hash}' ${script ?? "'self'"}`,
    "connect-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    ancestors(request, policy),
  ].join("; ");
}
