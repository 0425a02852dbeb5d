/** What can stand last in a SockJS URL [SockJS 0.3.4 §Session URLs]. */
export const TRANSPORTS = [
  "websocket",
  "xhr",
  "xhr_send",
  "xhr_streaming",
  "eventsource",
  "htmlfile",
  "jsonp",
  "jsonp_send",
] as const;

export type Transport = (typeof TRANSPORTS)[number];

/** What is asked for below the base URL. */
export type SockJsPath =
  | { readonly kind: "greeting" | "info" | "iframe" | "client" | "raw-websocket" }
  | { readonly kind: "session"; readonly session: string; readonly transport: Transport };

/** The client's own script, for the iframe pages. */
export const CLIENT_SCRIPT = "sockjs.min.js";

/**
 * `path` is what follows the base URL. null for a path that is none. The server id in a session's
 * URL is for load balancers; here it says nothing.
 */
export function parseSockJsPath(path: string): SockJsPath | null {
  switch (path) {
    case "":
    case "/":
      return { kind: "greeting" };
    case "/info":
      return { kind: "info" };
    case "/websocket":
      return { kind: "raw-websocket" };
    case `/${CLIENT_SCRIPT}`:
      return { kind: "client" };
  }
  if (/^\/iframe[0-9-.a-z_]*\.html$/.test(path)) return { kind: "iframe" };
  const match = /^\/[^/.]{1,128}\/([^/.]{1,128})\/([a-z_]+)$/.exec(path);
  const [, session = "", last] = match ?? [];
  const transport = TRANSPORTS.find((known) => known === last);
  return transport === undefined ? null : { kind: "session", session, transport };
}
