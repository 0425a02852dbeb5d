import { isIP } from "node:net";

/** Under two letters, what may be a country's own rank of names: `co.uk`, `com.au`, `or.at`. */
const LONGEST_RANK = 3;

/**
 * Whose a host is, about: the name that somebody has registered, or the address, without the port. It
 * knows no list of public suffixes, and where it errs it takes several owners for one.
 *
 * @param host of a URL, in lower case: with a port, or without
 */
export function siteOf(host: string): string {
  const name = host.replace(/:\d+$/, "").replace(/\.$/, "");
  if (isIP(name) !== 0 || name.startsWith("[")) return name;
  const labels = name.split(".");
  const [rank = "", top = ""] = labels.slice(-2);
  const isRanked = top.length === 2 && rank.length <= LONGEST_RANK;
  return labels.slice(isRanked ? -3 : -2).join(".");
}
