/** Bodies that send messages, and that change them. */
import { z } from "zod";
import { MOST_ATTACHMENTS } from "../chat/attachments.ts";
import { EVENT_TYPES } from "../chat/happening.ts";
import {
  clientIdSchema,
  idSchema,
  lifetimeSchema,
  optional,
  parseJson,
  validate,
} from "./schemas.ts";

const MOST_MENTIONS = 100;
const mentionsSchema = z.array(idSchema).max(MOST_MENTIONS);

/** Of an attachment, as the server made it. */
export const attachmentIdSchema = z
  .string()
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "is no id of an attachment");

const newMessageSchema = z.object({
  conversationId: idSchema,
  recipientId: optional(idSchema),
  content: z
    .string()
    .nullish()
    .transform((text) => text?.toWellFormed() ?? "")
    .describe("May be empty, or missing, where there are attachments."),
  attachments: z
    .array(attachmentIdSchema)
    .max(MOST_ATTACHMENTS)
    .refine((ids) => new Set(ids).size === ids.length, "must not name one twice")
    .nullish()
    .transform((ids) => (ids == null || ids.length === 0 ? null : ids))
    .describe("Ids of what the sender has uploaded for this message."),
  type: optional(
    z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/, "must be a word")
      .refine((type) => !EVENT_TYPES.has(type), "is the server's own, for what it tells of"),
  ),
  clientMessageId: optional(clientIdSchema),
  replyTo: optional(clientIdSchema),
  mentions: optional(
    mentionsSchema.describe("Ids of members whom the message names; of others nothing is kept."),
  ),
  disappearAfterSeconds: optional(
    lifetimeSchema.describe(
      "So long after its sending it says nothing any more, or sooner where the conversation says so.",
    ),
  ),
});

const IS_EMPTY = { path: ["content"], message: "must not be empty without attachments" };

export const sendSchema = newMessageSchema.refine(saysSomething, IS_EMPTY);

/** To the conversation that the path names. */
export const postSchema = newMessageSchema
  .omit({ conversationId: true })
  .refine(saysSomething, IS_EMPTY)
  .meta({ id: "NewMessage" });

type SendBody = z.output<typeof sendSchema>;

function saysSomething(message: {
  readonly content: string;
  readonly attachments: readonly string[] | null;
}): boolean {
  return message.content !== "" || message.attachments !== null;
}

/** Ids of the usual kind, of which `idSchema` has nothing to say. */
const PLAIN_ID = /^[A-Za-z0-9._:@-]{1,128}$/;
const PLAIN_TYPE = /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/;

/** As `parseBody` of `sendSchema`; a body without anything peculiar takes a short way there. */
export function parseSend(text: string): SendBody {
  const value = parseJson(text);
  return plainSend(value) ?? validate(sendSchema, value);
}

/** The body if it is plainly valid; null leaves it to the schema, which also says what is wrong. */
function plainSend(value: unknown): SendBody | null {
  if (!isRecord(value)) return null;
  const { conversationId, recipientId, content, type, clientMessageId, replyTo } = value;
  const { mentions, disappearAfterSeconds, attachments } = value;
  if ((mentions ?? disappearAfterSeconds ?? attachments ?? null) !== null) return null;
  if (typeof conversationId !== "string" || !PLAIN_ID.test(conversationId)) return null;
  if (typeof content !== "string" || content === "" || !content.isWellFormed()) return null;
  const isPlain =
    isPlainOrNone(recipientId, PLAIN_ID) &&
    isPlainOrNone(type, PLAIN_TYPE) &&
    isPlainOrNone(clientMessageId, PLAIN_ID) &&
    isPlainOrNone(replyTo, PLAIN_ID);
  if (!isPlain || EVENT_TYPES.has(String(type))) return null;
  return {
    conversationId,
    recipientId: stringOrNull(recipientId),
    content,
    type: stringOrNull(type),
    clientMessageId: stringOrNull(clientMessageId),
    replyTo: stringOrNull(replyTo),
    mentions: null,
    disappearAfterSeconds: null,
    attachments: null,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isPlainOrNone(value: unknown, pattern: RegExp): boolean {
  if (typeof value === "string") return pattern.test(value);
  return value === undefined || value === null;
}

function stringOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

const emojiSchema = z
  .string()
  .regex(/^[^\s\p{Cc}\p{Cs}]{1,32}$/u, "must be an emoji, or a short name of one");

const contentSchema = z
  .string()
  .transform((text) => text.toWellFormed())
  .describe("May be empty where there are attachments.");

export const contentChangeSchema = z
  .object({
    content: contentSchema,
    mentions: optional(
      mentionsSchema.describe(
        "Ids of members whom it names from then on; without it, those whom it named before.",
      ),
    ),
  })
  .meta({ id: "MessageEdit" });

export const reactionSchema = z.object({ emoji: emojiSchema }).meta({ id: "NewReaction" });

const ofMessage = { id: z.string().min(1).max(128) };

/** Bodies of `/app/message.*`. */
export const messageSchemas = {
  edit: contentChangeSchema.extend(ofMessage),
  delete: z.object(ofMessage),
  react: z.object({ ...ofMessage, emoji: emojiSchema.nullable() }),
  pin: z.object({ ...ofMessage, pinned: z.boolean() }),
} as const;
