export interface CloseCode {
  readonly code: number;
  readonly reason: string;
}

/** The protocol's own close frames, beside the codes of WebSocket [SockJS 0.3.4 §Framing]. */
export const CLOSE_CODES = {
  /** The session is closed, by the server's will. */
  goAway: { code: 3000, reason: "Go away!" },
  /** A second request wants to receive for a session that has one already. */
  anotherConnection: { code: 2010, reason: "Another connection still open" },
  /** The client left a streaming response in the middle. */
  interrupted: { code: 1002, reason: "Connection interrupted" },
} as const satisfies Record<string, CloseCode>;
