import { isIP } from "node:net";
import type { AddressList } from "../address-list.ts";
import { isLoopbackHost } from "../config.ts";
import type { Remote } from "./remote.ts";

/** By what limits per address count clients. */
export class LimitKeys {
  constructor(readonly trustedProxies: AddressList) {}

  /**
   * null: nobody counts it, see DESIGN §4: a client on this machine, unless a trusted proxy speaks
   * for it, or one whose address is not known.
   */
  of({ address, peerAddress, proxied }: Remote): string | null {
    if (address === null) return null;
    const isLocal = isLoopbackHost(address);
    if (isLocal && !(proxied && this.trustedProxies.has(peerAddress))) return null;
    return addressKey(address);
  }
}

/** An IPv4 address is itself; of IPv6 the /64 counts, which is one site's. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const first = groupsOf(head);
  const last = groupsOf(tail ?? "");
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  const groups = tail === undefined ? first : [...first, ...zeros, ...last];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

/** An embedded IPv4 address stands for two groups, which are none of the first four. */
function groupsOf(text: string): string[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
}
