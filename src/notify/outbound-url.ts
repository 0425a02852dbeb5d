import { isIP } from "node:net";
import type { OutboundAddresses } from "./outbound-addresses.ts";

const LONGEST_URL = 2_048;

/**
 * Why a URL may not be called, as far as it tells by itself; null: it may, if its name resolves to
 * addresses that may be. The text goes behind "the URL", and has nothing of it.
 */
export function refusalOfUrl(text: string, addresses: OutboundAddresses): string | null {
  if (text.length > LONGEST_URL) return `is longer than ${LONGEST_URL} characters`;
  const url = URL.parse(text);
  if (url === null) return "is not one";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "is not of https";
  if (url.username !== "" || url.password !== "") return "has a user name or a password";
  const address = literalAddress(url);
  if (address !== null) return refusalOfAddresses(url, [address], addresses);
  const mayBePlain = url.protocol === "https:" || addresses.allowsSome;
  return mayBePlain ? null : "is not of https";
}

/** The same of the addresses that its name has: one that is forbidden is one too many. */
export function refusalOfAddresses(
  url: URL,
  found: readonly string[],
  addresses: OutboundAddresses,
): string | null {
  const standings = new Set(found.map((address) => addresses.standingOf(address)));
  if (standings.has("forbidden")) return "leads to an address that is not public";
  return url.protocol === "http:" && standings.has("public") ? "is not of https" : null;
}

/**
 * The address that it names itself, in whatever spelling: `127.1`, `0x7f000001` and `[::ffff:7f00:1]`
 * are one. `localhost` is loopback [RFC 6761 §6.3]. null: it has a name.
 */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1"); // The parser has made IPv4 of all spellings.
  if (isIP(host) !== 0) return host;
  return /^(?:.+\.)?localhost\.?$/.test(host) ? "127.0.0.1" : null;
}
