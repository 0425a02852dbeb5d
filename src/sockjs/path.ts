export const TRANSPORTS = [
  ...["websocket", "xhr", "xhr_send", "xhr_streaming"],
  ...["eventsource", "htmlfile", "jsonp", "jsonp_send"],
] as const;

export interface SockJsPath {
  readonly server: string;
  readonly session: string;
  readonly transport: string;
}

/** `/{server}/{session}/{transport}`, below the base URL; null for any other path. */
export function parseSockJsPath(path: string): SockJsPath | null {
  const match = /^\/([^/.]+)\/([^/.]+)\/([a-z_]+)$/.exec(path);
  const [, server, session, transport] = match ?? [];
  if (server === undefined || session === undefined || transport === undefined) return null;
  return TRANSPORTS.some((known) => known === transport) ? { server, session, transport } : null;
}
