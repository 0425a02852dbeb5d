import { BlockList, isIP } from "node:net";
import { AppError } from "./errors.ts";

type Family = "ipv4" | "ipv6";

interface AddressRange {
  readonly address: string;
  readonly family: Family;
  readonly prefix: number;
}

/** `10.0.0.1`, `10.0.0.0/8`, `::1`, `fd00::/8`. */
export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== null;
}

/**
 * Addresses and networks of IPv4 and IPv6. An IPv4 address and the same one mapped into IPv6
 * (`::ffff:10.0.0.1`), as a dual-stack socket tells it, are one.
 */
export class AddressList {
  readonly #ranges = new BlockList();

  /** Throws INVALID_CONFIGURATION for what `isAddressRange` does not accept. */
  static parse(texts: readonly string[]): AddressList {
    const list = new AddressList();
    for (const text of texts) {
      const range = rangeOf(text);
      if (range === null) {
        throw new AppError("INVALID_CONFIGURATION", `${text} is no IP address and no network`);
      }
      list.#ranges.addSubnet(range.address, range.prefix, range.family);
    }
    return list;
  }

  /** false for what is no address: a name, null. */
  has(address: string | null): boolean {
    const family = address === null ? null : familyOf(address);
    return address !== null && family !== null && this.#ranges.check(address, family);
  }
}

function familyOf(address: string): Family | null {
  const version = isIP(address);
  if (version === 0) return null;
  return version === 4 ? "ipv4" : "ipv6";
}

function rangeOf(text: string): AddressRange | null {
  const [, address = "", length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = familyOf(address);
  if (family === null) return null;
  const bits = family === "ipv4" ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length);
  return prefix <= bits ? { address, family, prefix } : null;
}
