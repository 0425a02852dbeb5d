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

export interface SockJsPath {
  readonly server: string;
  readonly session: string;
  readonly transport: Transport;
}

/** `/{server}/{session}/{transport}`, below the base URL; null for any other path. */
export function parseSockJsPath(path: string): SockJsPath | null {
  const match = /^\/([^/.]+)\/([^/.]+)\/([a-z_]+)$/.exec(path);
  if (match === null) return null;
  const [, server = "", session = "", last] = match;
  const transport = TRANSPORTS.find((known) => known === last);
  return transport === undefined ? null : { server, session, transport };
}
