import { createHmac, timingSafeEqual } from "node:crypto";

/** An HMAC-SHA256 in base64 or base64url, padded or not. */
const SIGNATURE = /^[\w+/-]{43}=?$/;

/**
 * What `value.signature` vouches for, as the `cookie-signature` of Express, Fastify and Hono sign it:
 * HMAC-SHA256 in base64, with `s:` before it or not, percent-encoded or not. null: no secret has
 * signed it.
 */
export function signedValue(text: string, secrets: readonly string[]): string | null {
  const signed = percentDecoded(text).replace(/^s:/, "");
  const dot = signed.lastIndexOf(".");
  const signature = signed.slice(dot + 1);
  if (dot < 1 || !SIGNATURE.test(signature)) return null;
  const value = signed.slice(0, dot);
  const given = Buffer.from(signature, "base64");
  let isSigned = false;
  for (const secret of secrets) {
    const expected = createHmac("sha256", secret).update(value).digest();
    isSigned = timingSafeEqual(expected, given) || isSigned;
  }
  return isSigned ? value : null;
}

/** What `signedValue` knows for the value. */
export function signValue(value: string, secret: string): string {
  return `${value}.${createHmac("sha256", secret).update(value).digest("base64url")}`;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
