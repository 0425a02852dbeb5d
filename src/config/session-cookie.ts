import { z } from "zod";
import { boolean, isHeaderName, list, optionalText } from "./setting.ts";

/** A cookie's name has the form of a header's [RFC 6265 §4.1.1]. */
const NAME = { accepts: isHeaderName, expected: "the name of a cookie" };

/** The session cookie that the app shares with the server. */
export const cookie = z
  .object({
    jwtName: optionalText(
      "The cookie that holds a JWT, which is verified as the settings under jwt say.",
      NAME,
    ),
    signedName: optionalText(
      "The cookie that holds JSON with `userId`, signed as Express does it.",
      NAME,
    ),
    secrets: list(
      "The keys that cookie.signed_name may be signed with: the one in use, and former ones.",
      {
        accepts: (secret) => Buffer.byteLength(secret) >= 32,
        expected: "of at least 32 bytes each, without commas (`openssl rand -hex 32` makes one)",
        secret: true,
      },
    ),
    requireExpiry: boolean(
      false,
      "Refuse signed cookies without `expiresAt`, which hold for good.",
    ),
  })
  .refine(({ signedName, secrets }) => signedName === undefined || secrets.length > 0, {
    path: ["secrets"],
    message: "at least one key, since there is a cookie.signed_name",
  })
  .refine(({ signedName, secrets }) => secrets.length === 0 || signedName !== undefined, {
    path: ["signedName"],
    message: "the name of the cookie that cookie.secrets are for",
  });
