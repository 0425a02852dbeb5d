import { z } from "zod";
import { delayMs, list, optionalText } from "./setting.ts";

/** User tokens. */
export const jwt = z.object({
  secret: optionalText("The HS256 key that user tokens are signed with.", {
    accepts: (secret) => Buffer.byteLength(secret) >= 32,
    expected: "at least 32 bytes, which HS256 needs (`openssl rand -base64 32` makes some)",
    secret: true,
  }),
  leewayMs: delayMs(30_000, 0, "How far the clocks of server and token issuer may differ."),
  audience: optionalText("The `aud` that a token must have; without it any will do."),
  issuer: optionalText("The `iss` that a token must have; without it any will do."),
});

/** How long proofs are good for a connection. */
export const authentication = z.object({
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
