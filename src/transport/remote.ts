import type { Server } from "bun";
import type { Remote } from "../auth/remote.ts";
import { clientAddress, type ProxyPolicy } from "./client-address.ts";
import { areCookiesTrusted, isFromElsewhere, type OriginPolicy } from "./origin.ts";

export interface RemotePolicy {
  readonly origins: OriginPolicy;
  readonly proxies: ProxyPolicy;
  /** In lower case: those that are kept of the request that opens a connection. */
  readonly requestHeaders: readonly string[];
}

/** Where the request, and a connection that it opens, comes from. */
export function remoteOf(request: Request, server: Server<unknown>, policy: RemotePolicy): Remote {
  const kept = new Map<string, string>();
  for (const name of policy.requestHeaders) {
    const value = request.headers.get(name);
    if (value === null) continue;
    // Browsers, and proxies that know their user, add all but tokens to whatever a page asks.
    const isToken = name === "authorization" && /^Bearer /i.test(value);
    if (!isToken && !areCookiesTrusted(request.headers, policy.origins)) continue;
    kept.set(name, value);
  }
  const peerAddress = server.requestIP(request)?.address ?? null;
  return {
    peerAddress,
    address: clientAddress(peerAddress, request.headers, policy.proxies),
    proxied: isFromElsewhere(request.headers, policy.origins),
    header: (name) => kept.get(name.toLowerCase()),
    forgetHeaders: () => kept.clear(),
  };
}
