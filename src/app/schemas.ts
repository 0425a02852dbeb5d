import { z } from "zod";
import { AppError } from "../errors.ts";

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

export const sendSchema = z.object({
  conversationId: idSchema,
  recipientId: optional(idSchema),
  content: z
    .string()
    .min(1)
    .transform((text) => text.toWellFormed()),
  type: optional(z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/, "must be a word")),
  clientMessageId: optional(clientIdSchema),
  replyTo: optional(clientIdSchema),
});

type SendBody = z.output<typeof sendSchema>;

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
  if (typeof conversationId !== "string" || !PLAIN_ID.test(conversationId)) return null;
  if (typeof content !== "string" || content === "" || !content.isWellFormed()) return null;
  const isPlain =
    isPlainOrNone(recipientId, PLAIN_ID) &&
    isPlainOrNone(type, PLAIN_TYPE) &&
    isPlainOrNone(clientMessageId, PLAIN_ID) &&
    isPlainOrNone(replyTo, PLAIN_ID);
  if (!isPlain) return null;
  return {
    conversationId,
    recipientId: stringOrNull(recipientId),
    content,
    type: stringOrNull(type),
    clientMessageId: stringOrNull(clientMessageId),
    replyTo: stringOrNull(replyTo),
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
