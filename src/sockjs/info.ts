export interface ServiceTraits {
  /** The WebSocket transport is offered. */
  readonly websocket: boolean;
  /** Load balancers keep sessions together by a `JSESSIONID` cookie. */
  readonly cookieNeeded: boolean;
}

/** The answer to `/info` [SockJS 0.3.4 §Info]. `entropy` is 32 random bits. */
export function infoDocument({ websocket, cookieNeeded }: ServiceTraits, entropy: number): string {
  return JSON.stringify({ websocket, origins: ["*:*"], cookie_needed: cookieNeeded, entropy });
}
