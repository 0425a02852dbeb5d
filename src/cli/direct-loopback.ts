import type { Environment } from "../config.ts";

const LOOPBACK = "localhost,127.0.0.0/8,::1";

/**
 * The variables by which `fetch`, which obeys HTTP_PROXY and its like, asks servers of this machine
 * itself: a proxy elsewhere knows nothing of them. Where both spellings are there, the small one
 * holds.
 */
export function exemptLoopback({ NO_PROXY, no_proxy }: Environment): Record<string, string> {
  const others = no_proxy || NO_PROXY;
  const exempt = others ? `${others},${LOOPBACK}` : LOOPBACK;
  return { NO_PROXY: exempt, no_proxy: exempt };
}
