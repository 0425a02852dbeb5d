import type { Remote } from "../auth/remote.ts";
import { clientAddress, type ProxyPolicy } from "./client-address.ts";
import type { Door } from "./door.ts";
import { areCookiesTrusted, isFromElsewhere, type OriginPolicy } from "./origin.ts";

export interface RemotePolicy {
  readonly origins: OriginPolicy;
  readonly proxies: ProxyPolicy;
  /** In lower case: those that are kept of the request that opens a connection. */
  readonly requestHeaders: readonly string[];
}

/** Where the request, and a connection that it opens, comes from. */
export function remoteOf(
  request: Request,
  door: Pick<Door, "requestIP">,
  policy: RemotePolicy,
): Remote {
  let kept: Map<string, string> | null = null;
  for (const name of policy.requestHeaders) {
    const value = request.headers.get(name);
    if (value === null) continue;
    // Browsers, and proxies that know their user, add all but tokens to whatever a page asks.
    const isToken = name === "authorization" && /^Bearer /i.test(value);
    if (!isToken && !areCookiesTrusted(request.headers, policy.origins)) continue;
    kept ??= new Map();
    kept.set(name, value);
  }
  const peerAddress = door.requestIP(request)?.address ?? null;
  const address = clientAddress(peerAddress, request.headers, policy.proxies);
  const proxied = isFromElsewhere(request.headers, policy.origins);
  return new RequestRemote(peerAddress, address, proxied, kept);
}

class RequestRemote implements Remote {
  #headers: ReadonlyMap<string, string> | null;

  constructor(
    readonly peerAddress: string | null,
    readonly address: string | null,
    readonly proxied: boolean,
    headers: ReadonlyMap<string, string> | null,
  ) {
    this.#headers = headers;
  }

  header(name: string): string | undefined {
    return this.#headers?.get(name.toLowerCase());
  }

  forgetHeaders(): void {
    this.#headers = null;
  }
}
