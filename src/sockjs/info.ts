/** The answer to `/info` [SockJS 0.3.4 §Info]. `entropy` is 32 random bits. */
export function infoDocument(entropy: number): string {
  return JSON.stringify({ websocket: true, origins: ["*:*"], cookie_needed: false, entropy });
}
