import { z } from "zod";
import { delayMs, list } from "./setting.ts";

/** The ways to prove who one is, in the order in which they are asked where none is configured. */
const AUTHENTICATION_METHODS = [
  ...(["jwt", "cookie", "webhook", "trusted-header", "development"] as const),
] as const;

export type AuthenticationMethod = (typeof AUTHENTICATION_METHODS)[number];

/** How users prove who they are, and for how long a proof is good. */
export const authentication = z.object({
  order: list(
    "The ways to prove who one is, in the order in which they are asked; without it all that are configured.",
    { accepts: isAuthenticationMethod, expected: `of ${AUTHENTICATION_METHODS.join(", ")}` },
  ),
  expiryWarningMs: delayMs(
    60_000,
    0,
    "How long before its token expires a connection is told so (TOKEN_EXPIRING); 0 tells nothing.",
  ),
});

/** The app's own back end. */
export const api = z.object({
  keys: list("Keys by which the app's back end uses the server API; without one nobody does.", {
    accepts: (key) => /^[\x21-\x7e]{32,256}$/.test(key),
    expected: "keys of 32 to 256 visible ASCII characters (`openssl rand -hex 32` makes one)",
    secret: true,
  }),
});

export function isAuthenticationMethod(name: string): name is AuthenticationMethod {
  return AUTHENTICATION_METHODS.some((known) => known === name);
}
