import { z } from "zod";
import { NOTICE_CHANNELS } from "../notify/provider.ts";
import { isTimeZone } from "../notify/quiet-hours.ts";
import { LONGEST_ADDRESS } from "../notify/target-address.ts";

/** What the API takes and answers on telling users who are away. */

const channel = z.enum(NOTICE_CHANNELS).meta({ id: "NoticeChannel" });

const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 22:00");

const quietHours = z
  .object({
    from: timeOfDay,
    to: timeOfDay.describe("Where it is not after `from`, of the next day."),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, "is no time zone that the server knows")
      .describe("Of the IANA database, such as `Europe/Vienna`."),
  })
  .refine(({ from, to }) => from !== to, "must not end when they begin")
  .meta({ id: "QuietHours", description: "What comes in them is told at their end, each day." });

const preferences = {
  push: z.boolean().describe("By web push, FCM and APNs."),
  email: z.boolean(),
  groups: z
    .enum(["all", "mentions", "none"])
    .meta({ id: "GroupNotices" })
    .describe("Of which messages in groups."),
  previews: z.boolean().describe("With what messages say, and who sent them."),
  quietHours: quietHours.nullable(),
};

export const PREFERENCES_CHANGE = z
  .object(preferences)
  .partial()
  .meta({ id: "NoticePreferencesChange" });

export const NOTIFICATIONS = z
  .object({
    channels: z.array(channel).describe("Those that the server has."),
    webPushKey: z
      .string()
      .nullable()
      .describe("The `applicationServerKey` of push subscriptions, in base64url."),
    preferences: z.object(preferences).meta({ id: "NoticePreferences" }),
  })
  .meta({ id: "Notifications" });

export const NEW_TARGET = z
  .object({
    channel,
    address: z
      .string()
      .min(1)
      .max(LONGEST_ADDRESS)
      .describe(
        "The end point of a push subscription, the registration token of FCM, the device token of APNs in hexadecimal digits, or the e-mail address.",
      ),
    keys: z
      .object({ p256dh: z.string().max(128), auth: z.string().max(64) })
      .meta({ id: "PushKeys" })
      .nullish()
      .transform((keys) => keys ?? null)
      .describe("Of a push subscription, in base64url."),
  })
  .meta({ id: "NewNoticeTarget" });

export const TARGET = z
  .object({ id: z.string(), channel, address: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: "NoticeTarget", description: "Where the user is reached." });

export const TARGETS = z.object({ targets: z.array(TARGET) }).meta({ id: "NoticeTargets" });

const MOST_LETTERS = 1_000;

export const CHOSEN_LETTERS = z
  .object({
    ids: z.array(z.uuid()).max(MOST_LETTERS).optional(),
    all: z.literal(true).optional().describe("All that are there now, in place of `ids`."),
  })
  .refine(({ ids, all }) => (ids === undefined) !== (all === undefined), "must have ids or all")
  .transform(({ ids }) => ids ?? ("all" as const))
  .meta({ id: "ChosenDeadLetters" });

const anyChannel = z.enum([...NOTICE_CHANNELS, "webhook"]).meta({ id: "DeadLetterChannel" });

export const FAILING_SERVER = z
  .object({
    channel: anyChannel,
    server: z.string().describe("Its host."),
    since: z.iso.datetime(),
    reason: z.string(),
  })
  .meta({ id: "FailingServer" });

const DEAD_LETTER = z
  .object({
    id: z.string(),
    channel: anyChannel,
    userId: z.string().nullable().describe("Who was to be told; of an event for webhooks null."),
    targetId: z.string().nullable(),
    conversationId: z.string().nullable(),
    seq: z.int().nullable().describe("Of the newest message that it was about."),
    eventId: z.string().nullable().describe("Of an event for webhooks."),
    eventType: z.string().nullable(),
    attempts: z.int(),
    reason: z.string(),
    diedAt: z.iso.datetime(),
  })
  .meta({ id: "DeadLetter", description: "What could not be sent." });

export const DEAD_LETTERS = z
  .object({
    deadLetters: z.array(DEAD_LETTER),
    next: z.string().nullable().describe("The `after` of the next page; null: there is none."),
  })
  .meta({ id: "DeadLetters" });

export const REPLAYED = z
  .object({ replayed: z.int().describe("How many are due; the targets of others are gone.") })
  .meta({ id: "Replayed" });
