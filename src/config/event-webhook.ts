import { z } from "zod";
import { delayMs, integer, isHttpUrl, list, optionalText } from "./setting.ts";

const SUBJECTS = ["messages", "presence", "failures"] as const;
export type EventWebhookSubject = (typeof SUBJECTS)[number];

/** The app's back end, as it is told of what happens. */
export const eventWebhook = z
  .object({
    url: optionalText("The app's endpoint that is told what happens; see webhooks.md.", {
      accepts: isHttpUrl,
      expected: "an http or https URL",
      secret: true,
    }),
    secrets: list("The keys that calls are signed with, each of them by all.", {
      accepts: isWebhookSecret,
      expected:
        "whsec_ and 24 to 64 bytes in base64 (`echo whsec_$(openssl rand -base64 32)` makes one), or other texts of at least 32 bytes",
      secret: true,
    }),
    events: list("What it is told of: messages, presence, failures.", {
      accepts: isSubject,
      expected: "messages, presence, failures, or some of these",
      fallback: SUBJECTS,
    }),
    timeoutMs: delayMs(15_000, 1, "The time that an answer may take."),
    concurrency: integer(
      8,
      { min: 1, max: 10_000 },
      "Calls at a time, each of another conversation or user.",
    ),
    attempts: integer(
      0,
      { min: 0, max: 1_000_000 },
      "After so many failed calls an event is a dead letter, and the next one of its conversation follows; 0: only its age counts.",
    ),
    maxAgeMs: delayMs(
      259_200_000,
      1_000,
      "When so long has passed since an event, and ten calls have failed, it is a dead letter.",
    ),
  })
  .refine(({ url, secrets }) => url === undefined || secrets.length > 0, {
    path: ["secrets"],
    message: "a key to sign with, since there is an event_webhook.url",
  })
  .refine(({ url, secrets }) => url !== undefined || secrets.length === 0, {
    path: ["url"],
    message: "a URL, since there are event_webhook.secrets",
  });

function isSubject(text: string): text is EventWebhookSubject {
  return SUBJECTS.some((subject) => subject === text);
}

/** [Standard Webhooks 1.0.0 §Signature scheme] */
function isWebhookSecret(secret: string): boolean {
  const encoded = /^whsec_(.*)$/.exec(secret)?.[1];
  if (encoded === undefined) return Buffer.byteLength(secret) >= 32;
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded);
  const { length } = Buffer.from(encoded, "base64");
  return isBase64 && length >= 24 && length <= 64;
}
