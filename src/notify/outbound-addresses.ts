import { isIPv4, isIPv6 } from "node:net";
import { AddressList } from "../address-list.ts";

/**
 * Of the IANA IPv4 special-purpose address registry (RFC 6890) all, with multicast, and what a cloud
 * serves its machines on an address that looks public.
 */
const SPECIAL_IPV4 = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // behind a carrier's NAT; Alibaba's metadata
  "127.0.0.0/8", // loopback
  "168.63.129.16/32", // Azure's platform
  "169.254.0.0/16", // link-local; metadata of most clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments; Oracle's metadata
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // multicast tunnels
  "192.88.99.0/24", // relays of 6to4
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and the broadcast
];

/** All that IANA has given out for the public network: loopback, local and multicast lie outside. */
const GLOBAL_UNICAST = ["2000::/3"];

/** Of the IANA IPv6 special-purpose address registry what lies within. */
const SPECIAL_IPV6 = [
  "2001::/23", // protocol assignments; Teredo
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4: leads to any IPv4 address
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation
];

/** Whether a call may go to an address, and why. */
export type AddressStanding =
  /** It is of the public network. */
  | "public"
  /** The operator has allowed it in so many words. */
  | "allowed"
  /** It leads, or may lead, to this machine, its network or nowhere. */
  | "forbidden";

/** Which addresses calls to foreign URLs may go to. */
export class OutboundAddresses {
  readonly #allowed: AddressList;
  readonly #special = AddressList.parse([...SPECIAL_IPV4, ...SPECIAL_IPV6]);
  readonly #globalUnicast = AddressList.parse(GLOBAL_UNICAST);
  /** Whether the operator has allowed any. */
  readonly allowsSome: boolean;

  /** Throws INVALID_CONFIGURATION for what is no address and no network. */
  constructor(allow: readonly string[]) {
    this.#allowed = AddressList.parse(allow);
    this.allowsSome = allow.length > 0;
  }

  /** What is no IP address is forbidden, and so is one with a zone. */
  standingOf(address: string): AddressStanding {
    const reached = reachedBy(address);
    if (reached === null) return "forbidden";
    if (this.#allowed.has(reached)) return "allowed";
    if (this.#special.has(reached)) return "forbidden";
    return isIPv4(reached) || this.#globalUnicast.has(reached) ? "public" : "forbidden";
  }
}

/** Where packets to it arrive: of an address that holds one of IPv4, that; null: it is none. */
function reachedBy(address: string): string | null {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return null;
  const canonical = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  return canonical === undefined ? null : (embeddedIpv4(canonical) ?? canonical);
}

/** IPv4 mapped into IPv6 [RFC 4291 §2.5.5.2], and behind NAT64 [RFC 6052 §2.1]. */
function embeddedIpv4(canonical: string): string | null {
  const embedding = /^(?:::ffff:|64:ff9b::)(?:(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4}))?$/;
  const found = embedding.exec(canonical);
  if (found === null) return null;
  const [high, low] = [found[1] ?? "0", found[2] ?? "0"].map((group) => Number.parseInt(group, 16));
  return [(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255].join(".");
}
