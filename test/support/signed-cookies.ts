import { createHmac } from "node:crypto";

/** As Express's `cookie-signature`, which `res.cookie(…, { signed: true })` uses. */
export function sign(value: string, secret: string): string {
  const signature = createHmac("sha256", secret).update(value).digest("base64");
  return `${value}.${signature.replace(/=+$/, "")}`;
}

/** The value that `res.cookie(name, document, { signed: true })` sends. */
export function expressCookie(document: unknown, secret: string): string {
  return encodeURIComponent(`s:${sign(`j:${JSON.stringify(document)}`, secret)}`);
}
