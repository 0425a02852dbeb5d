import { z } from "zod";
import { delayMs, optionalText } from "./setting.ts";

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
