import { z } from "zod";
import type { SendOutcome } from "./provider.ts";
import { blamed } from "./retry-after.ts";
import { parsedOrNull, type VendorAnswer } from "./vendor-call.ts";

/** Reasons are kept and shown: of what Google says, names alone go into them. */
const nameSchema = z.string().regex(/^[A-Z_]{1,64}$/);

const errorSchema = z.object({
  error: z.object({
    status: nameSchema.catch(""),
    message: z.string().catch(""),
    details: z
      .array(
        z.object({
          errorCode: nameSchema.optional().catch(undefined),
          fieldViolations: z
            .array(z.object({ field: z.string().optional() }))
            .optional()
            .catch(undefined),
        }),
      )
      .catch([]),
  }),
});

interface FcmError {
  /** Of FCM, such as `UNREGISTERED`; "" where it is not FCM that answers. */
  readonly code: string;
  /** Of Google's services in general, such as `NOT_FOUND`. */
  readonly status: string;
  readonly isAboutToken: boolean;
}

/** The access token is refused. Otherwise 401 is about a key of Apple that the project lacks. */
export function isUnauthorised(answer: VendorAnswer): boolean {
  return answer.status === 401 && errorOf(answer).code !== "THIRD_PARTY_AUTH_ERROR";
}

/** See Google's reference of FCM, `v1/ErrorCode`. */
export function fcmOutcome(answer: VendorAnswer): SendOutcome {
  const { status, afterMs } = answer;
  if (status === 200) return { kind: "sent" };
  const { code, isAboutToken, ...error } = errorOf(answer);
  const reason = `FCM: ${status} ${code || error.status}`.trim();
  // Without the code, an unknown project or a wrong end point answers: devices are not to blame.
  if (code === "UNREGISTERED") return { kind: "gone", reason };
  if (status === 400) return { kind: isAboutToken ? "gone" : "refused", reason };
  if (code === "SENDER_ID_MISMATCH") return { kind: "refused", reason };
  // What is left passes, or is the operator's to mend.
  return { kind: "retry", blames: blamed(status, afterMs), reason, afterMs };
}

function errorOf({ body }: VendorAnswer): FcmError {
  const parsed = errorSchema.safeParse(parsedOrNull(body));
  if (!parsed.success) return { code: "", status: "", isAboutToken: false };
  const { status, message, details } = parsed.data.error;
  const fields = details.flatMap(({ fieldViolations = [] }) =>
    fieldViolations.map(({ field }) => field),
  );
  return {
    ...{ code: details.find(({ errorCode }) => errorCode !== undefined)?.errorCode ?? "", status },
    // What has the form of no token is told of in words alone.
    isAboutToken: fields.includes("message.token") || /registration token/i.test(message),
  };
}
