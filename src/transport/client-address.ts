import { isIP } from "node:net";
import type { AddressList } from "../address-list.ts";

export interface ProxyPolicy {
  /** Whose word on the client's address counts. */
  readonly trusted: AddressList;
  /** Where they say it; the other header is left alone. */
  readonly header: "X-Forwarded-For" | "Forwarded";
  /** Somebody else has sent that header: perhaps a proxy that should be trusted. */
  readonly onUntrusted: (peerAddress: string) => void;
}

/**
 * The client's address. A trusted proxy's header is read from its end, where the proxies have
 * written, up to the first address that is no trusted proxy's: what stands before that is the
 * client's own invention. From anybody else, and where the header cannot be read, it is the peer's.
 */
export function clientAddress(
  peerAddress: string | null,
  headers: Headers,
  { trusted, header, onUntrusted }: ProxyPolicy,
): string | null {
  const peer = peerAddress === null ? null : plainAddress(peerAddress);
  const value = headers.get(header);
  if (peer === null || value === null) return peer;
  if (!trusted.has(peer)) {
    onUntrusted(peer);
    return peer;
  }
  const nodes = header === "Forwarded" ? forwardedNodes(value) : value.split(",");
  let client = peer;
  for (const node of nodes.reverse()) {
    const address = addressOfNode(node.trim());
    if (address === null) return peer;
    client = address;
    if (!trusted.has(address)) break;
  }
  return client;
}

/** The `for` of each element [RFC 7239 §4]; "" for an element without it, or if it cannot be read. */
function forwardedNodes(value: string): string[] {
  const element = /^[^",]*(?:"(?:[^"\\]|\\.)*"[^",]*)*/;
  const nodes: string[] = [];
  for (let rest = value; ; ) {
    const [text = ""] = element.exec(rest) ?? [];
    const named = /(?:^|;)\s*for=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*(?:;|$)/i.exec(text.trim());
    nodes.push(named?.[1] ?? named?.[2] ?? "");
    if (text.length === rest.length) return nodes;
    if (rest[text.length] !== ",") return [...nodes, ""];
    rest = rest.slice(text.length + 1);
  }
}

/** `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`; null for anything else. */
function addressOfNode(node: string): string | null {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(node)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? plainAddress(bracketed) : null;
  const bare = isIP(node) === 0 ? node.replace(/:\d+$/, "") : node;
  return isIP(bare) === 0 ? null : plainAddress(bare);
}

/** An IPv4 address mapped into IPv6 is the IPv4 address. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}
