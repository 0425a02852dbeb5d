import { z } from "zod";
import { MOST_ATTACHMENTS } from "../chat/attachments.ts";
import { EVENT_TYPES } from "../chat/happening.ts";
import type { Preferences, Role } from "../chat/ports.ts";
import { AppError } from "../errors.ts";
import { pictureSchema, titleSchema, userNameSchema } from "./profile-schemas.ts";

/** Ids stand in destinations and keys: 1 to 128 characters, no space, slash, `*` or control character. */
export const idSchema = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\s/*\p{Cc}\p{Cs}]+$/u, "must not contain spaces, /, * or control characters");

/** A lone surrogate is no text: the store and the wire would change it, and with it the id. */
const clientIdSchema = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode");

/** Front ends send `null` or nothing for what they do not have. */
function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? null);
}

const MOST_MENTIONS = 100;
const mentionsSchema = z.array(idSchema).max(MOST_MENTIONS);
const YEAR_SECONDS = 366 * 24 * 60 * 60;

const lifetimeSchema = z.int().min(1).max(YEAR_SECONDS);

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

export const typingSchema = z.object({ isTyping: z.boolean() });

export const readSchema = z.object({ id: z.string().min(1).max(128) });

/** Conversations that one sync may name: its answer must fit into the send buffer. */
const MOST_POSITIONS = 500;

const seqSchema = z.number().int().nonnegative();

export const syncSchema = z.object({
  conversations: z
    .record(
      idSchema,
      z.union([
        seqSchema.transform((seq) => ({ seq, id: null })),
        z.object({ seq: seqSchema, id: optional(clientIdSchema) }),
      ]),
    )
    .refine(
      (conversations) => Object.keys(conversations).length <= MOST_POSITIONS,
      `must not name more than ${MOST_POSITIONS} conversations; send several syncs`,
    ),
});

/** Characters of one line, as other servers take them. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible characters");

const roles = ["owner", "admin", "member"] as const satisfies readonly Role[];

export const memberRole = z.enum(roles).meta({ id: "Role" });

export const newGroupSchema = z
  .object({
    id: optional(idSchema).describe("For the back end to choose; users are given one."),
    memberIds: z
      .array(idSchema)
      .describe("Who asks is a member as well, unless it is the back end."),
    title: optional(titleSchema),
    picture: optional(pictureSchema),
    disappearAfterSeconds: optional(lifetimeSchema),
    ownerId: optional(idSchema).describe(
      "Of a group that the back end makes; nobody owns it without.",
    ),
  })
  .meta({ id: "NewGroup" });

/** What is not named stays; null takes it away. */
export const profileSchema = z
  .object({
    title: titleSchema.nullable().optional(),
    picture: pictureSchema.nullable().optional(),
    disappearAfterSeconds: lifetimeSchema
      .nullable()
      .optional()
      .describe("So long after their sending, messages sent from now on say nothing any more."),
  })
  .meta({ id: "ProfileChange", description: "What is not named stays; null takes it away." });

/** As `profileSchema`, of a user. */
export const userProfileSchema = z
  .object({
    name: userNameSchema.nullable().optional(),
    picture: pictureSchema.nullable().optional(),
  })
  .meta({ id: "UserProfileChange" });

/** The same for the same user and key, and nobody else's. */
export function idByKey({ userId }: { readonly userId: string }, key: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  return hasher.update(JSON.stringify([userId, key])).digest("base64url");
}

export const roleSchema = z.object({ role: memberRole }).meta({ id: "RoleChange" });

/** The last one that is written with four digits of the year. */
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

const timeSchema = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .refine((timeMs) => timeMs >= 0 && timeMs <= LAST_MS, "must be from 1970 to 9999");

/** What is not named stays as it is. */
export const preferencesSchema = z
  .object({
    mutedUntil: timeSchema
      .nullable()
      .optional()
      .describe("No notice is given of messages until then."),
    archived: z.boolean().optional(),
    pinned: z.boolean().optional(),
  })
  .meta({ id: "PreferencesChange", description: "What is not named stays as it is." });

export function preferencesChange(
  { mutedUntil, archived, pinned }: z.output<typeof preferencesSchema>,
  nowMs: number,
): Partial<Preferences> {
  const since = (isSo: boolean) => (isSo ? nowMs : null);
  return {
    ...(mutedUntil !== undefined && { mutedUntilMs: mutedUntil }),
    ...(archived !== undefined && { archivedMs: since(archived) }),
    ...(pinned !== undefined && { pinnedMs: since(pinned) }),
  };
}

export const inviteCodeSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "is no code of a link");

export const newInviteSchema = z
  .object({
    expiresAt: timeSchema
      .nullish()
      .transform((value) => value ?? null)
      .describe("Until then the link holds; without it, until it is revoked."),
  })
  .meta({ id: "NewInvite" });

const inConversation = { conversationId: idSchema };
const ofMember = { ...inConversation, userId: idSchema };

/** Bodies of `/app/conversation.*`. */
export const conversationSchemas = {
  create: newGroupSchema
    .omit({ id: true, ownerId: true })
    .extend({ idempotencyKey: optional(idempotencyKeySchema) }),
  update: profileSchema.extend(inConversation),
  add: z.object(ofMember),
  remove: z.object(ofMember),
  leave: z.object(inConversation),
  role: roleSchema.extend(ofMember),
  preferences: preferencesSchema.extend(inConversation),
  join: z.object({ code: inviteCodeSchema }),
} as const;

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

export const presenceSchema = z.object({ status: z.enum(["ONLINE", "AWAY", "OFFLINE"]) });

export const connectSchema = z.object({ userId: idSchema });

/** A token goes into a header of its own making, so it has neither spaces nor line ends. */
export const refreshSchema = z.object({
  token: z.string().regex(/^\S{1,16384}$/, "must be a token"),
});

/** Throws INVALID_JSON, or VALIDATION_FAILED naming the field. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): z.output<Schema> {
  return validate(schema, parseJson(text));
}

export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? "body" : issue.path.join(".");
  const details = clientMessageIdIn(value);
  throw new AppError("VALIDATION_FAILED", `${field}: ${issue?.message ?? "is not valid"}`, {
    details,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_JSON", "The body is not JSON", { cause });
  }
}

/** So that the client knows which of its messages was wrong. */
function clientMessageIdIn(value: unknown): { clientMessageId?: string } {
  if (typeof value !== "object" || value === null || !("clientMessageId" in value)) return {};
  const { clientMessageId } = value;
  return typeof clientMessageId === "string" && clientMessageId.length <= 128
    ? { clientMessageId }
    : {};
}
