import { z } from "zod";
import type { NoticeTarget, SendOutcome } from "./provider.ts";
import { parsedOrNull, type VendorAnswer } from "./vendor-call.ts";

const refusalSchema = z.object({
  /** Reasons are kept and shown: nothing but a name goes into them. */
  reason: z
    .string()
    .regex(/^[A-Za-z]{1,64}$/)
    .catch(""),
  /** Epoch milliseconds, of 410: since then, at least, the app is not there. */
  timestamp: z.number().optional().catch(undefined),
});

const TOKEN_REASONS = ["ExpiredProviderToken", "InvalidProviderToken"];

/** The provider token is refused, and another one may not be. */
export function isTokenRefused(answer: VendorAnswer): boolean {
  return answer.status === 403 && TOKEN_REASONS.includes(refusalOf(answer).reason);
}

/** See Apple's "Handling notification responses from APNs". */
export function apnsOutcome(answer: VendorAnswer, target: NoticeTarget): SendOutcome {
  const { status, afterMs } = answer;
  if (status === 200) return { kind: "sent" };
  const { reason: name, timestamp } = refusalOf(answer);
  const reason = `APNs: ${status} ${name}`.trim();
  if (status === 410) {
    // The app may have been put on the device again, and may have said so before APNs knew.
    const isSince = timestamp !== undefined && timestamp < target.createdMs;
    if (!isSince) return { kind: "gone", reason };
    return { kind: "retry", blames: "target", reason, afterMs };
  }
  // `BadDeviceToken` and `DeviceTokenNotForTopic` are what all devices get where `apns.environment` or
  // `apns.topic` is wrong: no reason to forget them.
  // 403 is about the operator's key, who can mend it.
  if (status >= 400 && status < 500 && status !== 403 && status !== 429) {
    return { kind: "refused", reason };
  }
  // `TooManyRequests` is of the one device.
  return { kind: "retry", blames: status === 429 ? "target" : "provider", reason, afterMs };
}

function refusalOf({ body }: VendorAnswer) {
  return refusalSchema.safeParse(parsedOrNull(body)).data ?? { reason: "", timestamp: undefined };
}
