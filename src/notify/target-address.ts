import { ECDH } from "node:crypto";
import { AppError } from "../errors.ts";
import type { NoticeChannel } from "./provider.ts";

/** What a browser encrypts for: of its push subscription, both in base64url. */
export interface PushKeys {
  /** An uncompressed point of the curve P-256, 65 bytes. */
  readonly p256dh: string;
  /** 16 bytes. */
  readonly auth: string;
}

/** Where a user wishes to be reached. */
export interface TargetWish {
  readonly channel: NoticeChannel;
  readonly address: string;
  /** Of `webpush` alone, and there needed; null: none were given. */
  readonly keys: PushKeys | null;
}

/** Why nothing is to be sent to that URL, such as `is not of https`; null: it may be. */
export type UrlRefusal = (url: string) => string | null;

/** What a database may have an index of, with room to spare; no channel's addresses are that long. */
export const LONGEST_ADDRESS = 2_048;

/** The longest e-mail address that a path of SMTP takes [RFC 5321 §4.5.3.1.3], and its local part. */
const LONGEST_EMAIL = 254;
const LONGEST_LOCAL_PART = 64;

const ATOM = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** A dot-string at a domain of at least two labels [RFC 5321 §4.1.2]: no quotes, no literal addresses. */
const EMAIL = new RegExp(`^(${ATOM}(?:\\.${ATOM})*)@((?:${LABEL}\\.)+${LABEL})$`, "i");

/**
 * The address and keys as they are kept: of the same place always the same text. Throws
 * VALIDATION_FAILED, which says what is wrong.
 */
export function storedAddress(
  { channel, address, keys }: TargetWish,
  refusalOf: UrlRefusal,
): { readonly address: string; readonly keys: string | null } {
  if (address.length > LONGEST_ADDRESS) {
    throw wrong("address", `has more than ${LONGEST_ADDRESS} characters`);
  }
  if (channel === "webpush") {
    if (keys === null) throw wrong("keys", "are needed for a push subscription");
    return { address: endpointUrl(address, refusalOf), keys: storedKeys(keys) };
  }
  if (keys !== null) throw wrong("keys", "are of push subscriptions alone");
  return { address: ADDRESSES[channel](address), keys: null };
}

const ADDRESSES = {
  fcm(address: string): string {
    if (/^[\x21-\x7e]+$/.test(address)) return address;
    throw wrong("address", "is not a registration token");
  },
  apns(address: string): string {
    if (/^[0-9a-f]{64,200}$/i.test(address)) return address.toLowerCase();
    throw wrong("address", "is not a device token in hexadecimal digits");
  },
  email(address: string): string {
    const [, local = "", domain = ""] = EMAIL.exec(address) ?? [];
    const isTooLong = address.length > LONGEST_EMAIL || local.length > LONGEST_LOCAL_PART;
    if (local === "" || isTooLong || /\.\d+$/.test(domain)) {
      throw wrong("address", "is not an e-mail address");
    }
    // Who reads mail at the local part decides whether its case counts; that of a domain never does.
    return `${local}@${domain.toLowerCase()}`;
  },
} as const;

function endpointUrl(address: string, refusalOf: UrlRefusal): string {
  const url = URL.parse(address);
  if (url === null) throw wrong("address", "is not a URL");
  url.hash = "";
  const refusal = refusalOf(url.href);
  if (refusal !== null) throw wrong("address", refusal);
  return url.href;
}

function storedKeys({ p256dh, auth }: PushKeys): string {
  const point = bytesOf(p256dh);
  if (point?.length !== 65 || !isOnCurve(point)) {
    throw wrong("keys.p256dh", "is not a point of P-256 in base64url");
  }
  if (bytesOf(auth)?.length !== 16) throw wrong("keys.auth", "is not 16 bytes in base64url");
  return JSON.stringify({ p256dh, auth });
}

/** null: the text is not what base64url makes of bytes. */
function bytesOf(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : null;
}

/** Another one would be refused each time that something is encrypted for it. */
function isOnCurve(point: Buffer): boolean {
  try {
    ECDH.convertKey(point, "prime256v1");
    return true;
  } catch {
    return false;
  }
}

function wrong(field: string, fault: string): AppError {
  return new AppError("VALIDATION_FAILED", `${field}: ${fault}`);
}
