import { createECDH, randomBytes } from "node:crypto";
import type { PushKeys } from "../../src/notify/target-address.ts";

/** Keys such as a browser makes for a push subscription. */
export function pushKeys(): PushKeys {
  const p256dh = createECDH("prime256v1").generateKeys("base64url");
  return { p256dh, auth: randomBytes(16).toString("base64url") };
}
