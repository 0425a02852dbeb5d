import { decodeProtectedHeader } from "jose";
import type { Credentials } from "./authenticator.ts";

/** The token in `Authorization: Bearer …`, or in CONNECT's `passcode`; null: there is none. */
export function tokenOf(credentials: Credentials): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(credentials.header("Authorization") ?? "");
  const token = bearer?.[1] ?? credentials.header("passcode");
  return token === undefined || token === "" ? null : token;
}

/** Three parts, the first of which is a JWT's head, whatever the others are worth. */
export function looksLikeJwt(token: string): boolean {
  if (token.split(".").length !== 3) return false;
  try {
    decodeProtectedHeader(token);
    return true;
  } catch {
    return false; // It only happens to have two dots.
  }
}
